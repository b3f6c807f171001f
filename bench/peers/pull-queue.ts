import type { Source } from "pull-stream";

/** A source of a pull-stream into which buffers are pushed. */
export class PullQueue {
  readonly source: Source;
  #waiting: Buffer[] = [];
  #ended = false;
  #wanted: Parameters<Source>[1] | undefined;

  constructor() {
    this.source = (abort, callback) => {
      if (abort === null || abort === undefined || abort === false) {
        this.#wanted = callback;
        this.#give();
      } else callback(abort);
    };
  }

  push(buffer: Buffer): void {
    this.#waiting.push(buffer);
    this.#give();
  }

  end(): void {
    this.#ended = true;
    this.#give();
  }

  #give(): void {
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    const buffer = this.#waiting.shift();
    if (buffer === undefined && !this.#ended) return;
    this.#wanted = undefined;
    if (buffer === undefined) wanted(true);
    else wanted(null, buffer);
  }
}
