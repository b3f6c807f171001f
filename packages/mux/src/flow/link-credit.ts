/** What is known of the link's round trips. */
export interface RoundTrips {
  readonly rttMs: number | undefined;
  readonly minRttMs: number;
  /** How many were measured. */
  readonly samples: number;
}

/**
 * How much the peer may have under way on the link: granted as bytes come, whatever becomes of them. It bounds what stands
 * in kernel buffers before a small request, so it starts small and grows only while that does not make round trips longer.
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
  /** The round trip that allowed the last growth. */
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
   * once for each round trip measured, so that what a growth does to the next one is seen before it grows again.
   */
  grant(received: number, now: number, { rttMs, minRttMs, samples }: RoundTrips): void {
    if (received - this.#mark >= this.window / 2) {
      const inTime = rttMs !== undefined && now - this.#markAt < 2 * Math.max(rttMs, 0.05);
      this.#mark = received;
      this.#markAt = now;
      if (inTime && samples !== this.#sample && rttMs <= 2 * minRttMs + 0.5 && this.window < this.#max) {
        this.window = Math.min(this.#max, this.window * 2);
        this.#sample = samples;
      }
    }
    this.#granted = received;
    this.limit = received + this.window;
  }
}
