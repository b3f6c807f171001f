import type { Clock, RandomSource } from "@astranet/transport";
import { RecordStore, ServiceDirectory, type Reachability } from "@astranet/discovery";

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Time that stands still until it is moved; timers fire in order while it moves. */
export class HandClock implements Clock {
  #now = 0;
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #heap: Alarm[] = [];
  #pending = 0;

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    const alarm: Alarm = { at: this.#now + Math.max(delayMs, 0), order: this.#order++, callback, cancelled: false };
    this.#push(alarm);
    this.#pending += 1;
    return {
      cancel: () => {
        if (alarm.cancelled) return;
        alarm.cancelled = true;
        this.#pending -= 1;
      },
    };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  get pending(): number {
    return this.#pending;
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until) {
      const next = this.#pop();
      if (next.cancelled) continue;
      this.#now = Math.max(this.#now, next.at);
      next.cancelled = true;
      this.#pending -= 1;
      next.callback();
    }
    this.#now = until;
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap;
    let i = heap.push(alarm) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(alarm, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = alarm;
  }

  #pop(): Alarm {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    if (heap.length > 0) heap[i] = last;
    return first;
  }
}

function before(a: Alarm, b: Alarm): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
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
  setQuietly(id: string, cost: number | undefined): void {
    if (cost === undefined) this.#costs.delete(id);
    else this.#costs.set(id, cost);
  }

  set(id: string, cost: number | undefined): void {
    this.setQuietly(id, cost);
    for (const callback of this.#callbacks) callback(id);
  }
}

/** The id whose last digits are `n`. */
export function idOf(n: number): string {
  return `a${n.toString(16).padStart(15, "0")}`;
}

/** One node's view: its store, its directory, and a reachability that the test decrees. */
export function makeView(n: number, incarnation = 1n, clock: HandClock = new HandClock()): View {
  const store = new RecordStore({ self: idOf(n), incarnation, clock });
  const reachability = new DecreedReachability();
  return { store, reachability, clock, directory: new ServiceDirectory({ store, reachability, clock }) };
}

/** What {@link makeView} makes. */
export interface View {
  readonly store: RecordStore;
  readonly directory: ServiceDirectory;
  readonly reachability: DecreedReachability;
  readonly clock: HandClock;
}

/** Gives everything that `from` knows to `to`. */
export function flood(from: RecordStore, to: RecordStore): void {
  for (const record of [...from.records()]) to.merge(record);
}
