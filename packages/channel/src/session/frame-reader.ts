import { AstraError } from "@astranet/transport";
import { joined } from "../bytes.ts";
import { VarintReader } from "../message/varint.ts";

/** Cuts a channel's bytes into messages: length varint | body. Keeps at most one message that is not whole. */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #length = new VarintReader();
  /** Of the body that is coming; −1 while its length is. */
  #wanted = -1;
  #prefixBytes = 0;
  #pieces: Uint8Array[] = [];
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of a message that is not whole. */
  get held(): number {
    return this.#held + this.#prefixBytes;
  }

  /**
   * Gives `take` the messages that `chunk` completes, each as its references and payload, and the bytes of the stream that it was.
   * Throws EMSGSIZE for one that is too long, before any of it is kept, and what `take` throws.
   */
  push(chunk: Uint8Array, take: (body: Uint8Array, bytes: number) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#wanted === -1) {
        const length = this.#length.push(chunk[at++]!);
        this.#prefixBytes += 1;
        if (length === undefined) continue;
        this.#check(length);
        this.#wanted = length;
      }
      const piece = chunk.subarray(at, at + this.#wanted - this.#held);
      at += piece.length;
      if (piece.length === this.#wanted) this.#give(piece, take);
      else if (piece.length > 0) {
        this.#pieces.push(piece);
        this.#held += piece.length;
        if (this.#held === this.#wanted) this.#give(joined(this.#pieces, this.#held), take);
      }
    }
  }

  #check(length: number): void {
    if (length !== -1 && length <= this.#maxBytes) return;
    const what = length === -1 ? "2^49 bytes or more" : `${length} bytes`;
    throw new AstraError("EMSGSIZE", `a message of ${what} came, and maxMessageBytes is ${this.#maxBytes}`);
  }

  #give(body: Uint8Array, take: (body: Uint8Array, bytes: number) => void): void {
    const bytes = this.#prefixBytes + body.length;
    if (this.#held > 0) this.#pieces = [];
    this.#held = 0;
    this.#prefixBytes = 0;
    this.#wanted = -1;
    take(body, bytes);
  }
}
