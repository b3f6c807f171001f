import { ChunkQueue } from "./chunk-queue.ts";

/** A view below this share of its buffer is copied when it is kept: a queued 1-byte view would pin all of a 64 KiB read. */
const KEEP_SHARE = 2;
const MIN_BLOCK = 64;
const MAX_BLOCK = 16_384;

/**
 * What came for a stream and was not read. Chunks are views of what the connection delivered; those that nobody takes by
 * the end of the tick are compacted: small ones are copied into the stream's tail block.
 */
export class InboundQueue {
  readonly #chunks: ChunkQueue = new ChunkQueue();
  /** Number of the first chunk that was not compacted yet. */
  #fresh = 0;
  /** Whether the last compacted chunk is a block of ours that may have room. */
  #tail = false;

  get empty(): boolean {
    return this.#chunks.empty;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  /** The first chunk, which is the caller's from now on. Only while not empty. */
  shift(): Uint8Array {
    const chunk = this.#chunks.first();
    this.#chunks.shift();
    if (this.#fresh < this.#chunks.shifted) this.#fresh = this.#chunks.shifted;
    if (this.#fresh === this.#chunks.shifted) this.#tail = false;
    return chunk;
  }

  /** Makes what is left independent of the connection's buffers where those are mostly something else. */
  compact(): void {
    const chunks = this.#chunks;
    for (const chunk of chunks.takeFrom(this.#fresh)) {
      if (chunk.length * KEEP_SHARE >= chunk.buffer.byteLength) {
        chunks.push(chunk);
        this.#tail = false;
      } else this.#append(chunk);
    }
    this.#fresh = chunks.pushed;
  }

  #append(chunk: Uint8Array): void {
    let at = 0;
    if (this.#tail) {
      const tail = this.#chunks.last();
      const used = tail.byteOffset + tail.length;
      const size = Math.min(tail.buffer.byteLength - used, chunk.length);
      if (size > 0) {
        new Uint8Array(tail.buffer, used, size).set(size === chunk.length ? chunk : chunk.subarray(0, size));
        this.#chunks.replaceLast(new Uint8Array(tail.buffer, tail.byteOffset, tail.length + size));
        at = size;
      }
    }
    if (at === chunk.length) return;
    const rest = at === 0 ? chunk : chunk.subarray(at);
    const before = this.#tail ? this.#chunks.last().buffer.byteLength : 0;
    const block = new Uint8Array(Math.max(rest.length, Math.min(MAX_BLOCK, Math.max(MIN_BLOCK, before * 2))));
    block.set(rest);
    this.#chunks.push(block.subarray(0, rest.length));
    this.#tail = true;
  }

  /** Adds to `buffers` the buffers that this queue keeps alive. */
  buffers(buffers: Set<ArrayBufferLike>): void {
    this.#chunks.forEach((chunk) => buffers.add(chunk.buffer));
  }
}
