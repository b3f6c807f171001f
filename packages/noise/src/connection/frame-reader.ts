/** The length that goes before each message: 2 bytes, big-endian. */
export const LENGTH_BYTES = 2;
/** The longest message of Noise, tag included. */
export const MAX_MESSAGE_BYTES = 65_535;

/** A chunk that waits for the rest of its message is copied if it is shorter than this, so that many short ones do not cost more than their bytes. */
const SHORT_BYTES = 4_096;

/** A message, in the pieces it came in. */
export interface Frame {
  readonly pieces: readonly Uint8Array[];
  readonly length: number;
}

/** Cuts a stream of bytes into messages, each after its length. Long chunks are not copied. */
export class FrameReader {
  #queue: Uint8Array[] = [];
  /** Room after the last chunk of the queue, which then is a copy and ours. */
  #room: Uint8Array = new Uint8Array(0);
  #bytes = 0;
  /** The length of the message that is coming; undefined while that itself is coming. */
  #wanted: number | undefined = undefined;

  /** How many bytes are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds what came; it belongs to the reader. */
  feed(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#bytes += chunk.length;
    if (this.#queue.length > 0 && chunk.length < SHORT_BYTES) this.#copy(chunk);
    else {
      this.#queue.push(chunk);
      this.#room = this.#room.subarray(0, 0);
    }
  }

  /** The next whole message, if there is one. `check` is called once for each length, before any of the message is kept; it may throw. */
  next(check: (length: number) => void): Frame | undefined {
    if (this.#wanted === undefined) {
      if (this.#bytes < LENGTH_BYTES) return undefined;
      const length = this.#take(LENGTH_BYTES);
      const [high, low] = length.length === 1 ? length[0]! : [length[0]![0], length[1]![0]];
      const wanted = (high! << 8) | low!;
      check(wanted);
      this.#wanted = wanted;
    }
    if (this.#bytes < this.#wanted) {
      this.#unpin();
      return undefined;
    }
    const length = this.#wanted;
    this.#wanted = undefined;
    return { pieces: this.#take(length), length };
  }

  /** Forgets everything. */
  clear(): void {
    this.#queue = [];
    this.#room = this.#room.subarray(0, 0);
    this.#bytes = 0;
  }

  #take(length: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let left = length;
    let whole = 0;
    while (left > 0) {
      const chunk = this.#queue[whole]!;
      if (chunk.length > left) {
        pieces.push(chunk.subarray(0, left));
        this.#queue[whole] = chunk.subarray(left);
        break;
      }
      pieces.push(chunk);
      left -= chunk.length;
      whole += 1;
    }
    this.#queue.splice(0, whole);
    this.#bytes -= length;
    return pieces;
  }

  #copy(chunk: Uint8Array): void {
    if (this.#room.length < chunk.length) {
      this.#room = new Uint8Array(SHORT_BYTES);
      this.#queue.push(this.#room.subarray(0, 0));
    }
    const last = this.#queue.at(-1)!;
    this.#room.set(chunk);
    this.#queue[this.#queue.length - 1] = new Uint8Array(this.#room.buffer, last.byteOffset, last.length + chunk.length);
    this.#room = this.#room.subarray(chunk.length);
  }

  /** A short rest does not keep the large buffer that it came in. */
  #unpin(): void {
    const [rest] = this.#queue;
    if (this.#queue.length === 1 && rest !== undefined && rest.length < SHORT_BYTES && rest.buffer.byteLength > SHORT_BYTES) this.#queue[0] = rest.slice();
  }
}

/** The length that goes before a message. */
export function lengthPrefix(length: number): Uint8Array {
  return Uint8Array.of(length >> 8, length & 0xff);
}
