/**
 * How much the peer may have under way on the link: granted as bytes come, whatever becomes of them. It bounds what stands
 * in kernel buffers before a small request, so it starts small and grows only while that does not make round trips longer.
 */
export class LinkCredit {
  /** The highest count of bytes that the peer may reach. */
  limit: number;
  window: number;
  readonly #max: number;
  /** Count of bytes, and time, of the last grant. */
  #granted = 0;
  #at = 0;

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

  /** Moves the limit. The window doubles where it is used up within two round trips and these have not become long. */
  grant(received: number, now: number, rttMs: number | undefined, minRttMs: number): void {
    if (rttMs !== undefined && this.window < this.#max) {
      const inTime = now - this.#at < 2 * Math.max(rttMs, 0.05);
      if (inTime && received - this.#granted >= this.window / 2 && rttMs <= 2 * minRttMs + 0.5) this.window = Math.min(this.#max, this.window * 2);
    }
    this.#granted = received;
    this.#at = now;
    this.limit = received + this.window;
  }
}
