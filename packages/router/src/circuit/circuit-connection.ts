import type { Stream } from "@astranet/mux";
import { BaseConnection, type Clock } from "@astranet/transport";

/** As every connection: `send` returns false while more than this was not handed on. */
const highWaterBytes = 131_072;
/** There is room again. Not only when all has left: what the session over this circuit adds then still leaves in the same flush. */
const lowWaterBytes = highWaterBytes / 2;

/** What a CircuitConnection is made with. */
export interface CircuitConnectionInit {
  readonly clock: Clock;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** What the end of the stream means at this end of the circuit. */
  explain(error: unknown): unknown;
  /** The reset code for a circuit that this end gives up. */
  resetCode(reason: unknown): number;
}

/**
 * One end of a circuit: a connection whose bytes travel in one stream of the link to the first node of the path.
 * What comes is handed on at once and its credit returned: the session above has windows of its own, end to end.
 */
export class CircuitConnection extends BaseConnection {
  readonly #stream: Stream;
  readonly #init: CircuitConnectionInit;
  #owesDrain = false;

  constructor(stream: Stream, init: CircuitConnectionInit) {
    super("circuit", init);
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
        reset: (error) => this.fail(this.#init.explain(error)),
      });
      // A stream whose other direction has ended already tells its sink nothing more.
      this.#stream.closed.catch((error: unknown) => this.fail(this.#init.explain(error)));
    });
  }

  protected end(): void {
    this.#stream.end().then(
      () => this.sentEnd(),
      () => undefined,
    );
  }

  protected discard(failure: { readonly reason: unknown } | undefined): void {
    if (failure !== undefined) this.#stream.reset(this.#init.resetCode(failure.reason));
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
