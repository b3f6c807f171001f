import { Stream, type StreamSink } from "@astranet/mux";

/** So many bytes of the marker are looked for by themselves: a frame's header may cut the whole. */
const pieceBytes = 32;

/** What passed the streams that a relay splices, after its links were decrypted. */
export interface Tapped {
  readonly bytes: number;
  /** How often the whole marker was met, and how often its first bytes. */
  readonly whole: number;
  readonly pieces: number;
}

/**
 * Searches whatever comes on the attached streams of this process. A relay attaches to the two streams that it splices, so this sees what it sees. It is the
 * test that puts itself between: the relay has no hook for it.
 */
export class Tap {
  readonly #marker: Buffer;
  readonly #piece: Buffer;
  #bytes = 0;
  #whole = 0;
  #pieces = 0;

  constructor(marker: Uint8Array) {
    this.#marker = Buffer.from(marker);
    this.#piece = this.#marker.subarray(0, pieceBytes);
  }

  get tapped(): Tapped {
    return { bytes: this.#bytes, whole: this.#whole, pieces: this.#pieces };
  }

  /** From now on, for the life of the process. */
  install(): void {
    const look = (last: Buffer, chunk: Uint8Array): Buffer => this.#look(last, chunk);
    const { attach } = Stream.prototype;
    Stream.prototype.attach = function (this: Stream, sink: StreamSink): void {
      let last: Buffer = Buffer.alloc(0);
      const data = (chunk: Uint8Array): void => {
        last = look(last, chunk);
        sink.data(chunk);
      };
      attach.call(this, Object.create(sink, { data: { value: data } }) as StreamSink);
    };
  }

  /** Gives back what the next chunk of the same stream may go on from. */
  #look(last: Buffer, chunk: Uint8Array): Buffer {
    this.#bytes += chunk.length;
    const text = Buffer.concat([last, chunk]);
    for (let at = text.indexOf(this.#piece); at >= 0; at = text.indexOf(this.#piece, at + 1)) {
      // What began in the last chunk was counted then.
      if (at + pieceBytes > last.length) this.#pieces += 1;
      const end = at + this.#marker.length;
      if (end > last.length && end <= text.length && text.subarray(at, end).equals(this.#marker)) this.#whole += 1;
    }
    return text.subarray(-this.#marker.length);
  }
}
