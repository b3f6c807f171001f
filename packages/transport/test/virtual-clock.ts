import type { Clock } from "@astranet/transport";

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  readonly keepAlive: boolean;
  readonly callback: () => void;
}

/** More callbacks than any test here needs: what goes on for ever should fail, not hang. */
const MOST_CALLBACKS = 1_000_000;

/** A clock that stands still until it is told to advance. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #timers: VirtualTimer[] = [];
  #deferred: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void, options: { keepAlive?: boolean } = {}): { cancel(): void } {
    const timer = { at: this.#now + delayMs, order: this.#order++, keepAlive: options.keepAlive === true, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Those of them that would keep a process alive. */
  get timersKeptAlive(): number {
    return this.#timers.filter(({ keepAlive }) => keepAlive).length;
  }

  /** Timers that were ever set. */
  get timersSet(): number {
    return this.#order;
  }

  /** What was deferred and has not run. */
  get deferred(): number {
    return this.#deferred.length;
  }

  /** Runs all that is due within `ms`, in order, and what follows from it. */
  advance(ms: number): void {
    const end = this.#now + ms;
    let callbacks = 0;
    const run = (callback: () => void): void => {
      callbacks += 1;
      if (callbacks > MOST_CALLBACKS) throw new Error(`the clock does not come to rest at ${String(this.#now)} ms`);
      callback();
    };
    for (;;) {
      for (let callback = this.#deferred.shift(); callback !== undefined; callback = this.#deferred.shift()) run(callback);
      this.#timers.sort((a, b) => a.at - b.at || a.order - b.order);
      const [next] = this.#timers;
      if (next === undefined || next.at > end) break;
      this.#timers.shift();
      this.#now = Math.max(this.#now, next.at);
      run(next.callback);
    }
    this.#now = end;
  }
}
