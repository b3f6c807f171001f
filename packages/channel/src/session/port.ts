import type { Stream, StreamSink } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { ignore } from "../promises.ts";

/** Who gets what comes on a stream. Bytes are paid for with `port.consume`. */
export interface PortReader {
  data(chunk: Uint8Array): void;
  end(): void;
  /** After the end too, and perhaps more than once. */
  failed(error: AstraError): void;
}

/**
 * A stream of the session's in push mode, whose reader may come later, or change: first whoever looks what the stream is for, then whoever it belongs to. What comes
 * before is kept, unpaid for, so that the peer's window bounds it.
 */
export class Port implements StreamSink {
  readonly stream: Stream;
  #reader: PortReader | undefined;
  #kept: Uint8Array[] = [];
  #over: { readonly error: AstraError | undefined } | undefined;

  constructor(stream: Stream) {
    this.stream = stream;
    stream.attach(this);
    // A stream whose reading half has ended tells its sink nothing more. But a peer may give up after it closed; the death of the session takes nothing from the reader.
    stream.closed.catch((error: unknown) => {
      if (AstraError.is(error, "ECONNRESET") && error.remoteCode !== undefined) this.reset(error);
    });
  }

  /** From now on everything goes to `reader`, what was kept first. */
  read(reader: PortReader): void {
    this.#reader = reader;
    while (this.#kept.length > 0 && this.#reader === reader) reader.data(this.#kept.shift()!);
    if (this.#over !== undefined && this.#reader === reader) this.#tellOver(reader);
  }

  /** Nobody reads, until the next one does; `rest` is the first that it gets. */
  handOver(rest: Uint8Array): void {
    this.#reader = undefined;
    if (rest.length > 0) this.#kept.unshift(rest);
  }

  /** Only the other direction is of use: what comes is dropped. */
  ignore(): void {
    this.read({ data: (chunk) => this.consume(chunk.length), end: ignore, failed: ignore });
  }

  /** Nothing is written here, or no more. */
  endWriting(): void {
    this.stream.end().catch(ignore);
  }

  consume(bytes: number): void {
    this.stream.consume(bytes);
  }

  data(chunk: Uint8Array): void {
    if (this.#reader === undefined || this.#kept.length > 0) this.#kept.push(chunk);
    else this.#reader.data(chunk);
  }

  end(): void {
    this.#finish(undefined);
  }

  reset(error: AstraError): void {
    this.#finish(error);
  }

  #finish(error: AstraError | undefined): void {
    this.#over = { error };
    if (this.#reader !== undefined && this.#kept.length === 0) this.#tellOver(this.#reader);
  }

  #tellOver(reader: PortReader): void {
    const { error } = this.#over!;
    if (error === undefined) reader.end();
    else reader.failed(error);
  }
}
