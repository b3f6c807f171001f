import { BaseConnection, type ConnectionOptions } from "../base-connection.ts";
import { AstraError } from "../errors.ts";
import { HIGH_WATER_BYTES } from "../limits.ts";
import { gather } from "./gather.ts";

/** A pair of WHATWG streams of bytes that make one pipe: read from `readable`, write to `writable`. */
export interface StreamPair {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** One write costs several promises, so small chunks are gathered up to this size. */
const WRITE_BYTES = 65_536;

const ignore = (): void => undefined;

/** A connection over WHATWG streams. What is written is copied: some streams transfer the buffers that they are given. */
export class StreamConnection extends BaseConnection {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #queue: Uint8Array[] = [];
  /** Bytes queued, or written and not yet taken by the stream's sink. */
  #waitingBytes = 0;
  #owesDrain = false;
  #waitsForReady = false;

  constructor(pair: StreamPair, options: ConnectionOptions) {
    super("streams", options);
    this.#reader = pair.readable.getReader();
    this.#writer = pair.writable.getWriter();
    // An error of the readable comes with the read after what it still holds.
    this.#reader.closed.catch(ignore);
    this.#writer.closed.catch((error: unknown) => {
      this.#broke(error);
    });
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.closing) return true;
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      this.#queue.push(chunk);
      this.#waitingBytes += chunk.length;
    }
    this.#pump();
    if (this.#waitingBytes <= HIGH_WATER_BYTES) return true;
    this.#owesDrain = true;
    return false;
  }

  protected begin(): void {
    this.#read();
  }

  protected end(): void {
    this.#pump();
  }

  protected discard(failure: { readonly reason: unknown } | undefined): void {
    this.#queue = [];
    if (failure !== undefined) {
      this.#reader.cancel(failure.reason).catch(ignore);
      this.#writer.abort(failure.reason).catch(ignore);
    }
    this.#reader.releaseLock();
    this.#writer.releaseLock();
  }

  #read(): void {
    this.#reader.read().then(
      ({ done, value }) => {
        if (this.over) return;
        if (done) {
          this.gotEnd();
          return;
        }
        if (!(value instanceof Uint8Array)) {
          this.fail(new AstraError("EINVAL", `the readable gives ${typeof value}, not Uint8Array`));
          return;
        }
        if (value.length > 0) this.sink?.data(value);
        this.#read();
      },
      (error: unknown) => {
        this.#broke(error);
      },
    );
  }

  #pump(): void {
    while (this.#queue.length > 0 && !this.#waitsForReady) {
      if ((this.#writer.desiredSize ?? 0) <= 0) {
        this.#waitsForReady = true;
        this.#writer.ready.then(() => {
          this.#waitsForReady = false;
          if (!this.over) this.#pump();
        }, ignore);
        return;
      }
      this.#write(this.#take());
    }
    if (!this.closing || this.#queue.length > 0) return;
    this.#writer.close().then(
      () => {
        this.sentEnd();
      },
      (error: unknown) => {
        this.#broke(error);
      },
    );
  }

  #take(): Uint8Array {
    let count = 0;
    let length = 0;
    for (const chunk of this.#queue) {
      if (count > 0 && length + chunk.length > WRITE_BYTES) break;
      count += 1;
      length += chunk.length;
    }
    return gather(this.#queue.splice(0, count));
  }

  #write(bytes: Uint8Array): void {
    // Taken now: a sink that transfers the buffer leaves an array of length 0.
    const { length } = bytes;
    this.#writer.write(bytes).then(() => {
      this.#waitingBytes -= length;
      if (this.over || !this.#owesDrain || this.#waitingBytes > 0) return;
      this.#owesDrain = false;
      this.drained();
    }, ignore);
  }

  #broke(error: unknown): void {
    this.fail(new AstraError("ECONNRESET", `a stream of the pair failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error }));
  }
}
