import type { Stream } from "@astranet/mux";
import { BaseConnection, type Clock } from "@astranet/transport";

/** As every connection: `send` returns false while more than this was not handed on … */
const highWaterBytes = 131_072;
/** … and there is room again below this. */
const lowWaterBytes = highWaterBytes / 2;

/** A stream of a session as a connection, for a session of its own within it. That one has windows; here what comes is paid for at once. */
export class StreamPipe extends BaseConnection {
  readonly #stream: Stream;
  #owesDrain = false;

  constructor(stream: Stream, clock: Clock) {
    const { localAddress, remoteAddress } = stream.session;
    super("stream", { clock, localAddress, remoteAddress });
    this.#stream = stream;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.closing) return true;
    // Where it fails the stream broke, and its sink says why.
    this.#stream.write(chunks).catch(() => undefined);
    if (this.#stream.writableLength <= highWaterBytes) return true;
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
        reset: (error) => this.fail(error),
      });
      // A stream whose other direction has ended already tells its sink nothing more.
      this.#stream.closed.catch((error: unknown) => this.fail(error));
    });
  }

  protected end(): void {
    this.#stream.end().then(
      () => this.sentEnd(),
      () => undefined,
    );
  }

  protected discard(failure: { readonly reason: unknown } | undefined): void {
    if (failure !== undefined) this.#stream.reset();
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
