/** Sizes are multiples of it, so that messages of about the same length use the same buffers. */
const granule = 16_384;
/** Those that are free, of all channels of the process together. */
const maxFreeBytes = 4_194_304;

/**
 * The buffers of long messages. A fresh one is filled with zeros, lies in memory that no cache has, and is the collector's afterwards, which together costs more than
 * the copy into it; so those whose message has left are used again.
 */
export class LongBuffers {
  /** Taken and not back: nothing else is taken for one of them, and none comes back twice. */
  readonly #taken = new WeakSet<ArrayBufferLike>();
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #freeBytes = 0;

  /** At least so many bytes, whatever they hold. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const buffer = this.#takeFree(bytes) ?? new Uint8Array(Math.ceil(bytes / granule) * granule);
    this.#taken.add(buffer.buffer);
    return buffer;
  }

  /** Nobody needs the bytes any more, nor what else is in their buffer. Does nothing where that was not taken here, or is back already. */
  readonly giveBack = (bytes: Uint8Array): void => {
    const { buffer } = bytes;
    if (!this.#taken.delete(buffer) || buffer.byteLength > maxFreeBytes) return;
    this.#free.push(new Uint8Array(buffer as ArrayBuffer));
    this.#freeBytes += buffer.byteLength;
    while (this.#freeBytes > maxFreeBytes) this.#freeBytes -= this.#free.shift()!.length;
  };

  #takeFree(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    // The last one that came back is the likeliest to be in a cache. A much longer one is for longer messages.
    const fits = ({ length }: Uint8Array): boolean => length >= bytes && length <= bytes * 2 + granule;
    for (let i = this.#free.length - 1; i >= 0; i -= 1) {
      if (!fits(this.#free[i]!)) continue;
      const [buffer] = this.#free.splice(i, 1);
      this.#freeBytes -= buffer!.length;
      return buffer;
    }
    return undefined;
  }
}

/** A shorter message is not worth asking for its buffer. */
export const leastLent: number = granule;

export const longBuffers: LongBuffers = new LongBuffers();
