const leastBlock = 256;
const mostBlock = 16_384;
/** A block with less than this share of it in use is cut to what it holds when it has to stay. */
const keepShare = 2;

/** Chunks that wait to be carried on. Those that must not be kept as they are gathered in blocks, so that what they cost is near what they hold. */
export class RelayQueue {
  readonly #chunks: Uint8Array[] = [];
  #head = 0;
  /** Where bytes are copied to, and how much of it is used: behind all of `#chunks`. */
  #block: Uint8Array | undefined;
  #used = 0;
  #blockBytes = leastBlock;

  get empty(): boolean {
    return this.#head === this.#chunks.length && this.#used === 0;
  }

  /** Takes a chunk as it is. */
  push(chunk: Uint8Array): void {
    this.#seal();
    this.#chunks.push(chunk);
  }

  /** Takes a copy of the chunk. */
  copy(chunk: Uint8Array): void {
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

  #seal(): void {
    if (this.#block === undefined || this.#used === 0) return;
    const bytes = this.#block.subarray(0, this.#used);
    this.#chunks.push(this.#used * keepShare >= this.#block.length ? bytes : bytes.slice());
    this.#block = undefined;
    this.#used = 0;
  }
}

const none = new Uint8Array(0);
