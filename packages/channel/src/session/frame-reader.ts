import { AstraError } from "@astranet/transport";
import { joined } from "../bytes.ts";
import { VarintReader } from "../message/varint.ts";

/** A message that came. */
export interface MessageFrame {
  /** Its references and its payload. */
  readonly body: Uint8Array;
  /** Bytes of the stream that it was. */
  readonly bytes: number;
}

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

  /** The messages that `chunk` completes. Throws EMSGSIZE for one that is too long, before any of it is kept. */
  *push(chunk: Uint8Array): IterableIterator<MessageFrame> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#wanted === -1) {
        const length = this.#length.push(chunk[at++]!);
        this.#prefixBytes += 1;
        if (length === undefined) continue;
        this.#check(length);
        this.#wanted = length;
      } else {
        const piece = chunk.subarray(at, at + this.#wanted - this.#held);
        this.#pieces.push(piece);
        this.#held += piece.length;
        at += piece.length;
      }
      if (this.#held === this.#wanted) yield this.#take();
    }
  }

  #check(length: number): void {
    if (length !== -1 && length <= this.#maxBytes) return;
    const what = length === -1 ? "2^49 bytes or more" : `${length} bytes`;
    throw new AstraError("EMSGSIZE", `a message of ${what} came, and maxMessageBytes is ${this.#maxBytes}`);
  }

  #take(): MessageFrame {
    const body = this.#pieces.length === 1 ? this.#pieces[0]! : joined(this.#pieces, this.#held);
    const bytes = this.#prefixBytes + body.length;
    this.#pieces = [];
    this.#held = 0;
    this.#prefixBytes = 0;
    this.#wanted = -1;
    return { body, bytes };
  }
}
