import { systemClock, type Timer } from "@astranet/transport";

/** Calls back when nothing was noted for so long, then once more after each time that something was. Never keeps a process alive. */
export class IdleTimer {
  readonly #ms: number;
  readonly #onidle: () => void;
  #lastAt = systemClock.now();
  #timer: Timer | undefined;

  constructor(ms: number, onidle: () => void) {
    this.#ms = ms;
    this.#onidle = onidle;
    this.#arm(ms);
  }

  /** Something happened. Costs no timer: the one that runs looks back when it fires. */
  note(): void {
    this.#lastAt = systemClock.now();
    if (this.#timer === undefined) this.#arm(this.#ms);
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer = systemClock.setTimer(delayMs, () => {
      const left = this.#lastAt + this.#ms - systemClock.now();
      if (left > 0) {
        this.#arm(left);
        return;
      }
      this.#timer = undefined;
      this.#onidle();
    });
  }
}
