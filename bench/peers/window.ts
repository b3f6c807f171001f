/** Holds a sender back whose peer does not: so many messages may be on their way, and each quarter of them is acknowledged. */
export class Window {
  /** How many messages each acknowledgement is for. */
  readonly step: number;
  readonly #size: number;
  #onTheirWay = 0;
  #sent = 0;
  #opened: (() => void) | undefined;

  constructor(size: number) {
    this.#size = size;
    this.step = size / 4;
  }

  /** A window for messages of that size: 4 MiB of them, from 16 to 1,024. */
  static ofBytes(messageBytes: number): Window {
    return new Window(Math.min(Math.max(2 ** Math.floor(Math.log2((4 * 1024 * 1024) / messageBytes)), 16), 1024));
  }

  /** Whether the message that was counted last wants an acknowledgement. */
  get atStep(): boolean {
    return this.#sent % this.step === 0;
  }

  /** Counts a message. It may be sent at once, or when the promise resolves. */
  next(): Promise<void> | undefined {
    this.#sent++;
    this.#onTheirWay++;
    if (this.#onTheirWay <= this.#size) return undefined;
    return new Promise((resolve) => {
      this.#opened = resolve;
    });
  }

  /** `step` messages more have come. */
  acknowledge(): void {
    this.#onTheirWay -= this.step;
    this.#opened?.();
    this.#opened = undefined;
  }
}
