import { NO_BYTES } from "../bytes.ts";

const NONE: Uint8Array[] = [];

/** A queue of chunks in order, read from the front without copies. */
export class ChunkQueue {
  /** Chunks ever taken from the front, whole; with `pushed` it numbers every chunk. */
  shifted = 0;
  /** Bytes of the first chunk that are gone already. */
  offset = 0;
  #items: Uint8Array[] = NONE;
  #head = 0;

  get pushed(): number {
    return this.shifted + this.#items.length - this.#head;
  }

  get empty(): boolean {
    return this.#head === this.#items.length;
  }

  push(chunk: Uint8Array): void {
    // Most streams have one chunk at a time; the first push to an empty array would make room for 17.
    if (this.empty) {
      this.#items = [chunk];
      this.#head = 0;
    } else this.#items.push(chunk);
  }

  /** The first chunk. Only while not empty. */
  first(): Uint8Array {
    return this.#items[this.#head] as Uint8Array;
  }

  /** The last chunk. Only while not empty. */
  last(): Uint8Array {
    return this.#items[this.#items.length - 1] as Uint8Array;
  }

  replaceLast(chunk: Uint8Array): void {
    this.#items[this.#items.length - 1] = chunk;
  }

  /** Drops the first chunk. */
  shift(): void {
    this.#items[this.#head++] = NO_BYTES;
    this.shifted++;
    this.offset = 0;
    if (this.#head >= 64 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Empties the chunks numbered `from` to `to`; returns the bytes saved. */
  blank(from: number, to: number): number {
    let bytes = 0;
    for (let number = from; number <= to; number++) {
      const index = this.#head + number - this.shifted;
      bytes += (this.#items[index] as Uint8Array).length;
      this.#items[index] = NO_BYTES;
    }
    return bytes;
  }

  /** The chunks from the one numbered `from` on, which leave the queue. */
  takeFrom(from: number): Uint8Array[] {
    return this.#items.splice(this.#head + from - this.shifted);
  }

  forEach(visit: (chunk: Uint8Array) => void): void {
    for (let i = this.#head; i < this.#items.length; i++) visit(this.#items[i] as Uint8Array);
  }
}
