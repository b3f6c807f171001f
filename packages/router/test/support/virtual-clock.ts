import { systemClock, type Clock, type Timer } from "@astranet/transport";

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  readonly keepAlive: boolean;
}

/** Time that stands still until a test moves it. What is deferred runs in `settle`; nothing runs by itself. */
export class VirtualClock implements Clock {
  #now = 1000;
  #order = 0;
  #deferred: (() => void)[] = [];
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void, { keepAlive = false }: { keepAlive?: boolean } = {}): Timer {
    const alarm: Alarm = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback, keepAlive };
    this.#alarms.add(alarm);
    return { cancel: () => void this.#alarms.delete(alarm) };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#alarms.size;
  }

  /** … of which these keep the process alive. */
  get awaited(): number {
    return [...this.#alarms].filter(({ keepAlive }) => keepAlive).length;
  }

  /** Runs all that can happen without time passing. Throws if that never ends. */
  async settle(): Promise<void> {
    for (let round = 0; round < 10_000; round += 1) {
      // A real turn of the event loop: promise chains of any length have run then.
      await new Promise<void>((resolve) => systemClock.defer(resolve));
      if (this.#deferred.length === 0) return;
      for (const callback of this.#deferred.splice(0)) callback();
    }
    throw new Error("something is deferred again and again");
  }

  /** Lets `ms` pass: timers fire in order, each followed by all that it set off. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (;;) {
      const [next] = [...this.#alarms].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order);
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#alarms.delete(next);
      next.callback();
      await this.settle();
    }
    this.#now = end;
  }
}
