/** What waits is kept as it came where it is at least this share of its buffer, else copied: a byte must not pin the 64 KiB that it came in. */
const keepShare = 2;
/** What is likely to leave within the tick may be a smaller share: half of what a socket reads ends in the middle of a frame. */
const passShare = 4;
const leastBlock = 256;
const mostBlock = 16_384;

/** Chunks that wait to be carried on. Small ones are gathered in blocks, so that what they cost is near what they hold. */
export class RelayQueue {
  readonly #chunks: Uint8Array[] = [];
  #head = 0;
  /** Where small chunks are gathered, and how much of it is used: behind all of `#chunks`. */
  #block: Uint8Array | undefined;
  #used = 0;
  #blockBytes = leastBlock;

  get empty(): boolean {
    return this.#head === this.#chunks.length && this.#used === 0;
  }

  push(chunk: Uint8Array): void {
    if (isShare(chunk, keepShare)) {
      this.#seal();
      this.#chunks.push(chunk);
      return;
    }
    let rest = chunk;
    while (rest.length > 0) {
      const block = (this.#block ??= new Uint8Array(this.#blockBytes));
      const fits = rest.subarray(0, block.length - this.#used);
      block.set(fits, this.#used);
      this.#used += fits.length;
      rest = rest.subarray(fits.length);
      if (this.#used < block.length) return;
      this.#seal();
      this.#blockBytes = Math.min(mostBlock, this.#blockBytes * 2);
    }
  }

  /** The first chunk; undefined when empty. */
  first(): Uint8Array | undefined {
    if (this.#head === this.#chunks.length) this.#seal();
    return this.#chunks[this.#head];
  }

  /** Drops the first chunk, which `first` has given. */
  shift(): void {
    this.#chunks[this.#head++] = none;
    if (this.#head === this.#chunks.length) {
      this.#chunks.length = this.#head = 0;
      this.#blockBytes = leastBlock;
    } else if (this.#head >= 64 && this.#head * 2 >= this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#chunks.length = this.#head = this.#used = 0;
    this.#block = undefined;
  }

  #seal(): void {
    if (this.#block === undefined || this.#used === 0) return;
    const bytes = this.#block.subarray(0, this.#used);
    this.#chunks.push(isShare(bytes, keepShare) ? bytes : bytes.slice());
    this.#block = undefined;
    this.#used = 0;
  }
}

/** A chunk that may be passed on as it is, or a copy of it. */
export function passable(chunk: Uint8Array): Uint8Array {
  return isShare(chunk, passShare) ? chunk : chunk.slice();
}

function isShare(chunk: Uint8Array, share: number): boolean {
  return chunk.length * share >= chunk.buffer.byteLength;
}

const none = new Uint8Array(0);
