/** A timer that was set; cancelling one that has fired, or twice, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Where a package takes its time from. Everything above the transports is given one, so that tests and the simulator can run in virtual time. */
export interface Clock {
  /** Milliseconds from some fixed moment; never goes back. */
  now(): number;
  /**
   * Calls `callback` once, `delayMs` from now, however long that is; with Infinity never.
   * A timer alone does not keep a process alive unless `keepAlive` is true (for what somebody awaits: a dial's deadline, a reconnect's back-off).
   */
  setTimer(delayMs: number, callback: () => void, options?: { keepAlive?: boolean }): Timer;
  /** Calls `callback` after the current tick and its microtasks, before any timer: `setImmediate` in Node, a MessageChannel in browsers. */
  defer(callback: () => void): void;
}
