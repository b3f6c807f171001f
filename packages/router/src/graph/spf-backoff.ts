/** How long computing the paths waits after a change, as in RFC 8405. In milliseconds. */
export interface SpfDelays {
  /** After the first change in a quiet network. Default 50: the other end's record, and what else failed with it, comes within that. */
  readonly initialMs: number;
  /** After further ones, while it may still be one event that is being told. Default 200. */
  readonly shortMs: number;
  /** When changes go on. Default 1,000; RFC 8405's example, 5,000, spares line cards, and one computation here takes a millisecond. */
  readonly longMs: number;
  /** An event is told completely within so long. Default 500. */
  readonly learnMs: number;
  /** Without a change for so long, the network is quiet again. Default 10,000. */
  readonly holdDownMs: number;
}

export const defaultSpfDelays: SpfDelays = { initialMs: 50, shortMs: 200, longMs: 1000, learnMs: 500, holdDownMs: 10_000 };

/** RFC 8405, section 5: QUIET, SHORT_WAIT and LONG_WAIT. */
export type SpfState = "quiet" | "short" | "long";

/**
 * The back-off of RFC 8405: quick where little happens, patient where much does, and the same on all nodes that see the same changes. It sets no
 * timers: two moments say which state it is in, LEARN_TIMER's end and HOLDDOWN_TIMER's.
 */
export class SpfBackoff {
  readonly #delays: SpfDelays;
  #learnedAt = 0;
  #quietAt = -Infinity;

  constructor(delays: SpfDelays) {
    this.#delays = delays;
  }

  /** Where it is at `nowMs`. */
  state(nowMs: number): SpfState {
    if (nowMs >= this.#quietAt) return "quiet";
    return nowMs < this.#learnedAt ? "short" : "long";
  }

  /** Something changed at `nowMs`. Gives how long to wait before computing, if nothing waits already. */
  changed(nowMs: number): number {
    const { initialMs, shortMs, longMs, learnMs, holdDownMs } = this.#delays;
    const state = this.state(nowMs);
    this.#quietAt = nowMs + holdDownMs;
    if (state === "quiet") this.#learnedAt = nowMs + learnMs;
    return { quiet: initialMs, short: shortMs, long: longMs }[state];
  }
}
