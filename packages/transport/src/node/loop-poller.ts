import type { Clock } from "../clock.ts";

/** A look takes a microsecond or two. Where the next one comes so much later although nothing came or went, somebody else had the processor. */
const PREEMPTED_MS = 0.5;
/** The first pause after that, doubled each time up to the longest; so much polling without it makes the next pause the first again. */
const PAUSE_MS = 5;
const MAX_PAUSE_MS = 320;
const CALM_MS = 50;

/**
 * Keeps the event loop of this process awake: it looks for what came instead of sleeping until something does. Where there
 * are more who want a processor than processors, it pauses, for the one that is waited for may be among them.
 */
export class LoopPoller {
  readonly #clock: Pick<Clock, "now" | "defer">;
  #until = 0;
  #polling = false;
  #lookedAt = 0;
  /** Something came or went since. */
  #used = false;
  #pausedUntil = -Infinity;
  #pauseMs = PAUSE_MS;

  constructor(clock: Pick<Clock, "now" | "defer">) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Something came or went `now`; the loop stays awake for `ms`. */
  poll(now: number, ms: number): void {
    this.#used = true;
    if (now + ms > this.#until) this.#until = now + ms;
    if (this.#polling || now < this.#pausedUntil) return;
    this.#polling = true;
    this.#lookedAt = now;
    this.#clock.defer(this.#look);
  }

  readonly #look = (): void => {
    const now = this.#clock.now();
    if (!this.#used && now - this.#lookedAt > PREEMPTED_MS) this.#pause(now);
    else this.#polling = now < this.#until;
    this.#used = false;
    this.#lookedAt = now;
    if (this.#polling) this.#clock.defer(this.#look);
  };

  #pause(now: number): void {
    this.#polling = false;
    this.#pauseMs = now - this.#pausedUntil > CALM_MS ? PAUSE_MS : Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    this.#pausedUntil = now + this.#pauseMs;
  }
}
