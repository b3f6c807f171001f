/** What goes there and back in E. */
export const PING_BYTES = 100;

/** Puts pings together, in however many parts they come. */
export class Ping {
  readonly #complete: (ping: Uint8Array) => void;
  #ping = new Uint8Array(PING_BYTES);
  #got = 0;

  constructor(complete: (ping: Uint8Array) => void) {
    this.#complete = complete;
  }

  add(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.byteLength > 0) {
      const part = rest.subarray(0, PING_BYTES - this.#got);
      this.#ping.set(part, this.#got);
      this.#got += part.byteLength;
      rest = rest.subarray(part.byteLength);
      if (this.#got < PING_BYTES) return;
      const whole = this.#ping;
      this.#ping = new Uint8Array(PING_BYTES);
      this.#got = 0;
      this.#complete(whole);
    }
  }
}
