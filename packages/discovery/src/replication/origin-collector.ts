import type { Clock, Timer } from "@astranet/transport";
import type { Reachability } from "../reachability.ts";
import type { RecordStore } from "../record-store.ts";

/** What an OriginCollector is made with. */
export interface OriginCollectorOptions {
  readonly store: RecordStore;
  readonly reachability: Reachability;
  readonly clock: Clock;
  /** What is known of an origin that cannot be reached is forgotten after so long. Default 90,000. */
  readonly forgetAfterMs?: number;
  /** An origin can be reached that was hushed since `sinceMs`: neighbours that came later were not told of it. `before`: it could be reached before that. */
  readonly returned?: (origin: string, sinceMs: number, before: boolean) => void;
}

interface Unreachable {
  /** When it is told no more; undefined once it is not. */
  quietAt: number | undefined;
  hushedAt: number;
  readonly forgetAt: number;
  readonly before: boolean;
}

const defaultForgetAfterMs = 90_000;

/**
 * Forgets the origins that cannot be reached. Keys are fresh in every process, so the store would grow for ever otherwise.
 *
 * Nodes forget at slightly different times, and a node that forgot must not learn it again from one that has not yet, and so on for ever.
 * Therefore an origin is hushed, that is left out of digests and of all that is told on request, long before it is forgotten: a third of
 * the time after it was lost, and at once where it never was reachable from here. A record that is newer than what is stored is still
 * handed on, once. So nothing starts the spreading of an origin that nobody could reach for that third, and a flood passes each node once.
 */
export class OriginCollector {
  readonly #store: RecordStore;
  readonly #reachability: Reachability;
  readonly #clock: Clock;
  readonly #forgetAfterMs: number;
  readonly #returned: NonNullable<OriginCollectorOptions["returned"]>;
  readonly #reachable = new Set<string>();
  /** In the order in which they will be forgotten: all wait equally long. */
  readonly #unreachable = new Map<string, Unreachable>();
  /** In the order in which they will be hushed. */
  readonly #loud = new Map<string, number>();
  /** Seen for the first time in this tick, and hushed when; a tick may last. */
  readonly #fresh = new Map<string, number>();
  readonly #subscriptions: (() => void)[];
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(options: OriginCollectorOptions) {
    this.#store = options.store;
    this.#reachability = options.reachability;
    this.#clock = options.clock;
    this.#forgetAfterMs = options.forgetAfterMs ?? defaultForgetAfterMs;
    this.#returned = options.returned ?? (() => undefined);
    for (const origin of this.#store.origins()) this.#seen(origin);
    this.#subscriptions = [
      this.#store.subscribe((origin) => {
        if (!this.#reachable.has(origin) || this.#store.incarnationOf(origin) === undefined) this.#seen(origin);
      }),
      this.#reachability.subscribe((id) => {
        if (this.#store.incarnationOf(id) !== undefined && !this.#fresh.has(id)) this.#look(id);
      }),
    ];
  }

  close(): void {
    for (const end of this.#subscriptions) end();
    this.#timer?.cancel();
    // What is under way ends too: who closes it may have been told just now that an origin was dropped.
    for (const origins of [this.#fresh, this.#loud, this.#unreachable]) origins.clear();
  }

  #seen(origin: string): void {
    if (origin === this.#store.self) return;
    if (this.#store.incarnationOf(origin) === undefined) {
      this.#reachable.delete(origin);
      this.#unreachable.delete(origin);
      this.#loud.delete(origin);
      this.#fresh.delete(origin);
      return;
    }
    if (this.#unreachable.has(origin) || this.#fresh.has(origin)) return;
    // Whether it can be reached depends on records, and more of them may come in this tick: ask once, when all are there.
    this.#store.advertise(origin, false);
    if (this.#fresh.size === 0) this.#clock.defer(() => this.#lookAtFresh());
    this.#fresh.set(origin, this.#clock.now());
  }

  #lookAtFresh(): void {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    for (const [origin, hushedAt] of fresh) this.#look(origin, hushedAt);
  }

  #look(origin: string, hushedAt = this.#clock.now()): void {
    if (origin === this.#store.self) return;
    if (this.#reachability.cost(origin) === undefined) this.#lost(origin, hushedAt);
    else this.#found(origin);
  }

  #found(origin: string): void {
    const before = this.#unreachable.get(origin);
    this.#reachable.add(origin);
    this.#unreachable.delete(origin);
    this.#loud.delete(origin);
    this.#store.advertise(origin, true);
    if (before !== undefined && before.quietAt === undefined) this.#returned(origin, before.hushedAt, before.before);
  }

  #lost(origin: string, hushedAt: number): void {
    if (this.#unreachable.has(origin)) return;
    const now = this.#clock.now();
    const before = this.#reachable.delete(origin);
    const quietAt = before ? now + this.#forgetAfterMs / 3 : undefined;
    if (quietAt !== undefined) this.#loud.set(origin, quietAt);
    this.#unreachable.set(origin, { quietAt, hushedAt, forgetAt: now + this.#forgetAfterMs, before });
    this.#arm();
  }

  /** One timer for all, at the earliest that is due. One that comes too early does nothing. */
  #arm(): void {
    const [loud] = this.#loud.values();
    const [unreachable] = this.#unreachable.values();
    const at = Math.min(loud ?? Infinity, unreachable?.forgetAt ?? Infinity);
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => this.#expire());
  }

  #expire(): void {
    this.#timerAt = Infinity;
    const now = this.#clock.now();
    for (const [origin, at] of this.#loud) {
      if (at > now) break;
      this.#loud.delete(origin);
      const unreachable = this.#unreachable.get(origin)!;
      unreachable.quietAt = undefined;
      unreachable.hushedAt = now;
      this.#store.advertise(origin, false);
    }
    for (const [origin, { forgetAt }] of this.#unreachable) {
      if (forgetAt > now) break;
      this.#store.drop(origin);
    }
    this.#arm();
  }
}
