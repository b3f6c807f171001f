import type { Clock } from "@astranet/transport";

/** A clock that stands still until it is told to advance. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #timers: { readonly at: number; readonly order: number; readonly callback: () => void }[] = [];
  #deferred: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { at: this.#now + delayMs, order: this.#order++, callback };
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

  /** Runs all that is due within `ms`, in order, and what follows from it. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      for (let callback = this.#deferred.shift(); callback !== undefined; callback = this.#deferred.shift()) callback();
      this.#timers.sort((a, b) => a.at - b.at || a.order - b.order);
      const [next] = this.#timers;
      if (next === undefined || next.at > end) break;
      this.#timers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }
}
