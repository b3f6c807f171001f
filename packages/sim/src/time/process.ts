import type { Clock, Timer } from "@astranet/transport";
import type { Timeline } from "./timeline.ts";

/** How a process's own clock runs. All optional. */
export interface ProcessClock {
  /** Local milliseconds a millisecond of the world's. Default 1; 1.0002 is a bad quartz. */
  readonly rate?: number;
  /** What its clock shows at the start. Default 1,000. */
  readonly startsAt?: number;
}

/**
 * A process on a host: its timers, what it deferred and what arrives for it are its events. They wait while it is paused, and are
 * gone when it is killed.
 */
export class Process implements Clock {
  readonly name: string;
  /** For the trace. */
  readonly number: number;
  readonly startedAt: number;
  readonly #timeline: Timeline;
  readonly #rate: number;
  readonly #base: number;
  #alive = true;
  #paused = false;
  /** Whether time goes on for this process while it is paused. */
  #counts = true;
  #pausedAt = 0;
  /** Time that its clock has missed. */
  #missedMs = 0;
  #backlog: (() => void)[] = [];
  #timers = 0;
  #floor = 0;
  #resumedAt: number;
  readonly #ends = new Set<() => void>();

  constructor(timeline: Timeline, name: string, number: number, clock: ProcessClock = {}) {
    this.name = name;
    this.number = number;
    this.#timeline = timeline;
    this.startedAt = timeline.now;
    this.#resumedAt = timeline.now;
    this.#rate = clock.rate ?? 1;
    this.#base = clock.startsAt ?? 1000;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#timers;
  }

  now(): number {
    const until = this.#paused && !this.#counts ? this.#pausedAt : this.#timeline.now;
    return Math.max(this.#floor, this.#base + (until - this.startedAt - this.#missedMs) * this.#rate);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const dueAt = this.now() + Math.max(0, delayMs);
    this.#timers += 1;
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      this.#timers -= 1;
    };
    const fire = (): void => {
      if (over) return;
      const early = dueAt - this.now();
      // While it slept, its clock stood still. (Less is rounding.)
      if (early > 1e-6) {
        event = this.#timeline.at(this.#timeline.now + early / this.#rate, this, "timer", fire);
        return;
      }
      // A timer is never early, not even by a rounding.
      this.#floor = Math.max(this.#floor, dueAt);
      end();
      callback();
    };
    let event = this.#timeline.at(this.#timeline.now + Math.max(0, delayMs) / this.#rate, this, "timer", fire);
    return {
      cancel: () => {
        end();
        this.#timeline.cancel(event);
      },
    };
  }

  defer(callback: () => void): void {
    this.#timeline.defer(this, callback);
  }

  /** It is stopped, as by SIGSTOP; `counts: false`: with its machine, whose clock stands still. */
  pause(options: { counts?: boolean } = {}): void {
    if (this.#paused || !this.#alive) return;
    this.#paused = true;
    this.#counts = options.counts ?? true;
    this.#pausedAt = this.#timeline.now;
  }

  /** It goes on: what waited happens now, in the order in which it came. */
  resume(): void {
    if (!this.#paused || !this.#alive) return;
    this.#paused = false;
    this.#resumedAt = this.#timeline.now;
    if (!this.#counts) this.#missedMs += this.#timeline.now - this.#pausedAt;
    const backlog = this.#backlog;
    this.#backlog = [];
    // Before anything else that comes now, so that order is kept.
    for (const run of backlog) this.#timeline.defer(this, run);
  }

  /** Nothing of it ever happens again. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#paused = false;
    this.#backlog = [];
    const ends = [...this.#ends];
    this.#ends.clear();
    for (const end of ends) end();
  }

  /** Calls `callback` when the process is killed, synchronously: what its kernel does then. Returns what ends that. */
  onend(callback: () => void): () => void {
    this.#ends.add(callback);
    return () => {
      this.#ends.delete(callback);
    };
  }

  /** For how long it has run without a pause. */
  get sinceResumedMs(): number {
    return this.#timeline.now - this.#resumedAt;
  }

  /** Does it now, or when the process goes on, or never. */
  run(callback: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) this.#backlog.push(callback);
    else callback();
  }
}
