import type { Clock } from "@astranet/transport";

/** Allows bursts of `burst` and `perSecond` on average. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#at = clock.now();
  }

  /** Takes one; false when there is none left. */
  take(): boolean {
    if (this.#tokens < this.#burst) {
      const now = this.#clock.now();
      this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) * this.#perSecond) / 1_000);
      this.#at = now;
    } else this.#at = this.#clock.now();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Gives one back. */
  give(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }
}
