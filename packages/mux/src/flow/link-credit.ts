/** What is known of the link's round trips. */
export interface RoundTrips {
  readonly rttMs: number | undefined;
  readonly minRttMs: number;
  /** How many were measured. */
  readonly samples: number;
}

/** Links with a shorter round trip than this are local: there, what is under way stands in kernel buffers, not on a wire. */
const LOCAL_MS = 1;
/** How much longer than twice the shortest a round trip may get before the window must not grow. */
const SLACK_MS = 0.5;
/** On local links, where that much is most of it: grow below the first, shrink above the second. */
const LOCAL_GROW_MS = 0.1;
const LOCAL_SHRINK_MS = 0.25;
/** The least that a window shrinks to: what bulk needs to be as fast as with more. */
const LEAST_WINDOW = 524_288;

/**
 * How much the peer may have under way on the link: granted as bytes come, whatever becomes of them. It bounds what stands
 * in kernel buffers before a small request, so it grows only while that does not make round trips longer, and on local
 * links shrinks where it does (a window held at 1 MiB cost a small request milliseconds there, and gained bulk nothing).
 */
export class LinkCredit {
  /** The highest count of bytes that the peer may reach. */
  limit: number;
  window: number;
  readonly #max: number;
  /** Count of bytes at the last grant. */
  #granted = 0;
  /** Count of bytes, and time, since when the use of the window is measured: over half of it, however often it was granted meanwhile. */
  #mark = 0;
  #markAt = 0;
  /** The round trip that the last change of the window answered. */
  #sample = 0;

  constructor(window: number, max: number) {
    this.limit = this.window = window;
    this.#max = max;
  }

  /** Whether half of the window has come since the last grant. */
  isDue(received: number): boolean {
    return received - this.#granted >= this.window / 2;
  }

  /** Whether a grant is worth its 24 bytes in a flush that happens anyway. */
  isWorthwhile(received: number): boolean {
    return received - this.#granted >= this.window / 4;
  }

  /**
   * Moves the limit. The window doubles where half of it came within two round trips and these have not become long;
   * once for each round trip measured, so that what a change does to the next one is seen before it changes again.
   */
  grant(received: number, now: number, trips: RoundTrips): void {
    if (received - this.#mark >= this.window / 2) {
      this.#adapt(now - this.#markAt, trips);
      this.#mark = received;
      this.#markAt = now;
    }
    this.#granted = received;
    // What was granted stays granted, also by a window that has shrunk since.
    this.limit = Math.max(this.limit, received + this.window);
  }

  #adapt(elapsedMs: number, { rttMs, minRttMs, samples }: RoundTrips): void {
    if (rttMs === undefined || samples === this.#sample || elapsedMs >= 2 * Math.max(rttMs, 0.05)) return;
    const longer = rttMs - 2 * minRttMs;
    const local = minRttMs < LOCAL_MS;
    if (longer <= (local ? LOCAL_GROW_MS : SLACK_MS)) {
      if (this.window >= this.#max) return;
      this.window = Math.min(this.#max, this.window * 2);
    } else if (local && longer > LOCAL_SHRINK_MS && this.window > LEAST_WINDOW) this.window = Math.max(LEAST_WINDOW, this.window / 2);
    else return;
    this.#sample = samples;
  }
}
