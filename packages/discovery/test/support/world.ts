import type { Clock, RandomSource } from "@astranet/transport";
import { RecordStore, ServiceDirectory, type Reachability } from "@astranet/discovery";

/** Time that stands still until it is moved; timers fire in order while it moves. */
export class HandClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }
}

/** The same bytes for the same seed (mulberry32). */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return (length) => Uint8Array.from({ length }, () => next() & 0xff);
}

/** Reachability by decree. */
export class DecreedReachability implements Reachability {
  readonly #costs = new Map<string, number>();
  readonly #callbacks = new Set<(id: string) => void>();

  cost(id: string): number | undefined {
    return this.#costs.get(id);
  }

  subscribe(callback: (id: string) => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  /** As round trips change: without a word. */
  setQuietly(id: string, cost: number): void {
    this.#costs.set(id, cost);
  }

  set(id: string, cost: number | undefined): void {
    if (cost === undefined) this.#costs.delete(id);
    else this.#costs.set(id, cost);
    for (const callback of this.#callbacks) callback(id);
  }
}

/** The id whose last digits are `n`. */
export function idOf(n: number): string {
  return `a${n.toString(16).padStart(15, "0")}`;
}

/** One node's view: its store, its directory, and a reachability that the test decrees. */
export function makeView(n: number, incarnation = 1n): { store: RecordStore; directory: ServiceDirectory; reachability: DecreedReachability } {
  const store = new RecordStore({ self: idOf(n), incarnation });
  const reachability = new DecreedReachability();
  return { store, reachability, directory: new ServiceDirectory({ store, reachability }) };
}

/** Gives everything that `from` knows to `to`. */
export function flood(from: RecordStore, to: RecordStore): void {
  for (const record of [...from.records()]) to.merge(record);
}
