import { BaseConnection, type Clock } from "@astranet/transport";
import type { Stream } from "./stream.ts";

/** As every connection: `send` returns false while more than this was not handed on. */
const highWaterBytes = 131_072;
/** There is room again. Not only when all has left: what the session over this connection adds then still leaves in the same flush. */
const lowWaterBytes = highWaterBytes / 2;

/** What a StreamConnection is made with. */
export interface StreamConnectionInit {
  /** What kind of connection it is, for error messages. */
  readonly kind: string;
  readonly clock: Clock;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** What the end of the stream means here. Default: what the stream says. */
  readonly explain?: (error: unknown) => unknown;
  /** The code to reset the stream with when this end gives up. Default 6 (cancelled). */
  readonly resetCode?: (reason: unknown) => number;
}

/**
 * A stream as a connection, which is the connection's from then on: for a session of its own within the stream, say, or encryption from end to end.
 * What comes is handed on at once and its credit returned: whoever is above has windows of his own.
 */
export class StreamConnection extends BaseConnection {
  readonly #stream: Stream;
  readonly #init: StreamConnectionInit;
  #owesDrain = false;

  constructor(stream: Stream, init: StreamConnectionInit) {
    super(init.kind, init);
    this.#stream = stream;
    this.#init = init;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.closing) return true;
    const stream = this.#stream;
    // Where it fails, the stream broke, and its sink says why.
    stream.write(chunks).catch(() => undefined);
    if (stream.writableLength <= highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  protected begin(): void {
    // Attaching delivers what has come already, which must not happen within `start`.
    this.clock.defer(() => {
      if (this.over) return;
      this.#stream.attach({
        data: (chunk) => this.#data(chunk),
        end: () => this.gotEnd(),
        framed: () => this.#framed(),
        reset: (error) => this.#broke(error),
      });
      // A stream whose other direction has ended already tells its sink nothing more.
      this.#stream.closed.catch((error: unknown) => this.#broke(error));
    });
  }

  protected end(): void {
    this.#stream.end().then(
      () => this.sentEnd(),
      () => undefined,
    );
  }

  protected discard(failure: { readonly reason: unknown } | undefined): void {
    if (failure !== undefined) this.#stream.reset(this.#init.resetCode?.(failure.reason));
  }

  #broke(error: unknown): void {
    this.fail(this.#init.explain === undefined ? error : this.#init.explain(error));
  }

  #data(chunk: Uint8Array): void {
    if (!this.over) this.sink?.data(chunk);
    this.#stream.consume(chunk.length);
  }

  #framed(): void {
    if (!this.#owesDrain || this.#stream.writableLength > lowWaterBytes) return;
    this.#owesDrain = false;
    this.drained();
  }
}
