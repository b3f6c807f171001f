import type { RelayBudget } from "./relay-budget.ts";

/** Smaller chunks are copied: the mux does so anyway when it frames them, and objects for each would cost more than they hold. */
const leastReference = 2048;

interface Pin {
  readonly buffer: ArrayBufferLike;
  /** What is of it lies between these counts of bytes that came; it is free when as many as the second have left. */
  from: number;
  until: number;
  /** Bytes of the buffer that are none of ours, or no longer. */
  waste: number;
}

/**
 * What the chunks of one direction keep alive besides themselves: a chunk is a part of a larger buffer, whose rest may be long gone.
 * Chunks of one buffer pin it once. Over all circuits such waste has a limit; beyond it chunks are copied.
 */
export class BufferPins {
  readonly #budget: RelayBudget;
  readonly #pins: Pin[] = [];

  constructor(budget: RelayBudget) {
    this.#budget = budget;
  }

  /** Whether the chunk may be kept as it is; if so, until `until` bytes have left. */
  take(chunk: Uint8Array, until: number): boolean {
    if (chunk.length < leastReference) return false;
    const { buffer } = chunk;
    const last = this.#pins.at(-1);
    if (last?.buffer === buffer) {
      last.until = until;
      last.waste -= chunk.length;
      this.#budget.wastedBytes -= chunk.length;
      return true;
    }
    const waste = buffer.byteLength - chunk.length;
    if (this.#budget.wastedBytes + waste > this.#budget.maxWastedBytes) return false;
    this.#budget.wastedBytes += waste;
    this.#pins.push({ buffer, from: until - chunk.length, until, waste });
    return true;
  }

  /** So many bytes have left, ever. */
  left(bytes: number): void {
    let first = this.#pins[0];
    for (; first !== undefined && first.until <= bytes; first = this.#pins[0]) {
      this.#budget.wastedBytes -= first.waste;
      this.#pins.shift();
    }
    if (first === undefined || first.from >= bytes) return;
    first.waste += bytes - first.from;
    this.#budget.wastedBytes += bytes - first.from;
    first.from = bytes;
  }
}
