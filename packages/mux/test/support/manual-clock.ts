import type { Clock, Timer } from "@astranet/transport";

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that stands still until a test moves it; what is deferred runs in `settle`, nothing by itself. */
export class ManualClock implements Clock {
  #now = 1_000;
  #order = 0;
  #deferred: (() => void)[] = [];
  readonly #alarms: Set<Alarm> = new Set<Alarm>();

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const alarm: Alarm = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#alarms.add(alarm);
    return { cancel: () => void this.#alarms.delete(alarm) };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  get timers(): number {
    return this.#alarms.size;
  }

  /** Runs all that can happen without time passing. Throws if that never ends. */
  async settle(): Promise<void> {
    for (let round = 0; round < 10_000; round++) if (!(await this.step())) return;
    throw new Error("something is deferred again and again");
  }

  /** Runs what is deferred at this moment, and not what that defers. False: nothing was. */
  async step(): Promise<boolean> {
    // Promise chains are a few turns long; each turn may defer something new.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    const callbacks = this.#deferred;
    this.#deferred = [];
    for (const callback of callbacks) callback();
    return callbacks.length > 0;
  }

  /** Lets `ms` pass: timers run in order, each followed by all that it set off. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (let alarm = this.#next(end); alarm !== undefined; alarm = this.#next(end)) {
      this.#now = Math.max(this.#now, alarm.at);
      this.#alarms.delete(alarm);
      alarm.callback();
      await this.settle();
    }
    this.#now = end;
  }

  #next(end: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at <= end && (first === undefined || alarm.at < first.at || (alarm.at === first.at && alarm.order < first.order))) first = alarm;
    }
    return first;
  }
}
