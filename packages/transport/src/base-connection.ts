import type { Clock } from "./clock.ts";
import type { Connection, ConnectionSink } from "./connection.ts";
import { AstraError } from "./errors.ts";
import { CLOSE_TIMEOUT_MS } from "./limits.ts";
import { systemClock } from "./system-clock.ts";

/** What every adapter takes besides its pipe. All optional. */
export interface ConnectionOptions {
  /** Shown as {@link Connection.localAddress}. Default: a word for the kind of pipe. */
  readonly localAddress?: string;
  /** Shown as {@link Connection.remoteAddress}. Default: a word for the kind of pipe. */
  readonly remoteAddress?: string;
  /** Times the five seconds of `close` and defers `closed`. Default {@link systemClock}. */
  readonly clock?: Clock;
}

/**
 * The life of a connection, as all adapters share it: started once; over when both directions have ended, when it
 * breaks or when it is aborted; then `closed` once, last and never synchronously.
 *
 * An adapter implements `begin`, `send`, `end` and `discard`, and calls `drained`, `gotEnd`, `sentEnd` and `fail`.
 */
export abstract class BaseConnection implements Connection {
  readonly localAddress: string;
  readonly remoteAddress: string;
  protected readonly clock: Clock;
  protected sink: ConnectionSink | undefined = undefined;
  /** Our direction has ended or is about to: nothing more is sent. */
  protected closing = false;
  /** Nothing more is delivered but `closed`. */
  protected over = false;
  #gotEnd = false;
  #sentEnd = false;
  #drainedEarly = false;
  #reason: unknown = undefined;
  #timer: { cancel(): void } | undefined = undefined;

  constructor(kind: string, options: ConnectionOptions) {
    this.localAddress = options.localAddress ?? kind;
    this.remoteAddress = options.remoteAddress ?? kind;
    this.clock = options.clock ?? systemClock;
  }

  abstract send(chunks: readonly Uint8Array[]): boolean;

  /** Begins to read. The sink is set, and the connection is not over. */
  protected abstract begin(): void;
  /** Ends our direction once what was sent is flushed, then calls `sentEnd`. */
  protected abstract end(): void;
  /** Lets go of the pipe. After a `failure` it is torn down with all that is queued; without one both directions have ended. */
  protected abstract discard(failure: { readonly reason: unknown } | undefined): void;

  start(sink: ConnectionSink): void {
    if (this.sink !== undefined) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the connection was started before");
    this.sink = sink;
    if (this.over) {
      this.#report(sink);
      return;
    }
    if (this.#drainedEarly) this.clock.defer(() => {
      this.drained();
    });
    this.begin();
  }

  close(): void {
    if (this.closing || this.over) return;
    this.closing = true;
    this.#timer = this.clock.setTimer(CLOSE_TIMEOUT_MS, () => {
      this.fail(new AstraError("ETIMEDOUT", `the peer did not end its direction within ${String(CLOSE_TIMEOUT_MS)} ms`));
    });
    this.end();
  }

  abort(reason?: unknown): void {
    this.fail(reason ?? new AstraError("ECONNRESET", "the connection was aborted by this side"));
  }

  /** The peer's direction has ended, and all of it was delivered. Half-open is not representable, so ours ends too. */
  protected gotEnd(): void {
    this.#gotEnd = true;
    this.close();
    this.#finishIfEnded();
  }

  /** Our direction has ended and is flushed. */
  protected sentEnd(): void {
    this.#sentEnd = true;
    this.#finishIfEnded();
  }

  /** `send` returned false before, and there is room again. */
  protected drained(): void {
    if (this.sink === undefined) this.#drainedEarly = true;
    else if (!this.closing) this.sink.drain();
  }

  /** The connection broke, or was aborted. Only the first reason counts. */
  protected fail(reason: unknown): void {
    this.#finish({ reason });
  }

  #finishIfEnded(): void {
    if (this.#gotEnd && this.#sentEnd) this.#finish(undefined);
  }

  #finish(failure: { readonly reason: unknown } | undefined): void {
    if (this.over) return;
    this.over = true;
    this.closing = true;
    this.#reason = failure?.reason;
    this.#timer?.cancel();
    this.discard(failure);
    if (this.sink !== undefined) this.#report(this.sink);
  }

  #report(sink: ConnectionSink): void {
    this.clock.defer(() => {
      sink.closed(this.#reason);
    });
  }
}
