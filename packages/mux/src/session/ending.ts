import { DEFAULT_MAX_GOAWAY_DEBUG, FrameError, WireCode } from "@astranet/frame";
import { AstraError, type Connection, type Timer } from "@astranet/transport";
import { utf8 } from "../bytes.ts";
import { Deferred } from "../deferred.ts";
import { channel } from "../diagnostics.ts";
import { invalid } from "./options.ts";
import { isAfter } from "../wire/serial.ts";
import type { Session } from "./session.ts";
import type { Stream } from "../stream/stream.ts";
import { sessionError, wireCodeName } from "../wire/wire-error.ts";

/** How a session ended: the GOAWAY's code and debug text, and whether the peer's was first. */
export interface SessionEnd {
  readonly code: number;
  readonly debug: string;
  readonly remote: boolean;
}

interface GoAway {
  readonly last: number;
  readonly code: number;
  readonly debug: string;
}

const decoder = new TextDecoder();
const sessionClose = channel("astranet:session:close");

/**
 * How a session ends: open, then draining (either side said GOAWAY), then finished (no stream is left, the connection
 * closes), then over. Whatever comes first, `end` runs once.
 */
export class Ending {
  readonly closed: Deferred<SessionEnd> = new Deferred<SessionEnd>();
  readonly draining: Deferred<undefined> = new Deferred<undefined>();
  /** We said GOAWAY, and with what. */
  said: GoAway | undefined;
  /** The peer said GOAWAY. */
  got: GoAway | undefined;
  /** `close()` was called. */
  closing = false;
  finished = false;
  over = false;
  error: AstraError | undefined;
  readonly #session: Session;
  readonly #connection: Connection;
  /** The peer's GOAWAY came before ours was said. */
  #peerEnded = false;
  #closeTimer: Timer | undefined;

  constructor(session: Session, connection: Connection) {
    this.#session = session;
    this.#connection = connection;
  }

  /** What a call meets that comes after the end. */
  get endError(): AstraError {
    return this.error ?? new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the session is closed");
  }

  /** Most sessions end with nobody waiting: then no error is made, whose stack costs more than all else that an end does. */
  readonly #makeEndError = (): AstraError => this.endError;

  /** Everything that could be sent has been: if nothing is left to wait for, the session finishes. */
  flushed(): void {
    const session = this.#session;
    if ((this.closing || this.got !== undefined) && session.streamCount === session._heartbeats.size && session._sender.pendingOpens === 0) this.#finish();
  }

  /**
   * Takes no more streams from the peer: those it opened that were not handed out yet fail there as retryable. Streams
   * that run go on, and `open` still works. `code` 0 is a clean end; `debug` is at most 64 KiB of UTF-8. Throws EINVAL.
   */
  goAway(code: number = WireCode.NO_ERROR, debug = ""): void {
    const session = this.#session;
    if (!(Number.isInteger(code) && code >= 0 && code <= 0xffff_ffff)) throw invalid(`a code is an integer from 0 to 2^32 − 1, not ${code}`);
    if (debug.length > DEFAULT_MAX_GOAWAY_DEBUG / 3 && utf8.encode(debug).length > DEFAULT_MAX_GOAWAY_DEBUG)
      throw invalid(`a debug text of ${debug.length} characters, at most ${DEFAULT_MAX_GOAWAY_DEBUG} bytes are allowed`);
    const last = session._acceptor.lastHanded;
    const before = this.said;
    this.said = { last: before?.last ?? last, code, debug };
    for (const stream of session._acceptor.queue.clear(this.#makeEndError)) {
      if (session._extended) stream._break(new AstraError("ECONNREFUSED", "the session is draining"), false);
      else session._fail(stream, WireCode.STREAM_REFUSED, "the session is draining");
    }
    // muxado peers take a GOAWAY as the end: there it is our last frame.
    if (session._extended && (before === undefined || before.code !== code)) {
      session._sender.goAway = this.said;
      session._sender.schedule();
    }
    this.draining.resolve(undefined);
  }

  /**
   * Ends the session: no new streams, those that run may finish for `closeTimeoutMs` (then they break with
   * ERR_ASTRANET_SESSION_CLOSED), then the connection closes. Resolves when the session is over, however it ended.
   */
  close(): void {
    const session = this.#session;
    if (!this.over && !this.closing) {
      this.closing = true;
      if (this.said === undefined) this.goAway();
      this.#closeTimer = session._options.clock.setTimer(session._options.closeTimeoutMs, () => {
        this.#breakStreams(() => new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the session was closed before the stream was done"), false);
        session._sender.flush();
        // The connection may have no room, and never get it.
        this.#finish();
      }, { keepAlive: true });
      session._sender.schedule();
    }
  }

  /** Ends session and connection at once; every stream, and `closed`, fails with ERR_ASTRANET_SESSION_CLOSED, its cause `reason`. */
  abort(reason?: unknown): void {
    if (this.over) return;
    this.#connection.abort(reason);
    this.end(new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the session was aborted here", { cause: reason }));
  }

  goneAway(last: number, code: number, debugBytes: Uint8Array): void {
    const session = this.#session;
    const before = this.got;
    if (before !== undefined && session._extended && last !== before.last && (before.last === 0 || isAfter(last, before.last)))
      throw new FrameError(WireCode.PROTOCOL, "a second GOAWAY raises the last id");
    this.#peerEnded ||= this.said === undefined;
    this.got = { last, code, debug: decoder.decode(debugBytes) };
    let error: AstraError | undefined;
    const refuse = (stream: Stream): void => {
      stream._break((error ??= new AstraError("ERR_ASTRANET_SESSION_CLOSED", `the peer takes no new streams (${wireCodeName(code)})`, { retryable: true, remoteCode: code })), false);
    };
    for (const stream of session._local.values()) if (last === 0 || isAfter(stream.id, last)) refuse(stream);
    session._sender.unsent().forEach(refuse);
    this.draining.resolve(undefined);
    // Nothing that a muxado peer sends after its GOAWAY means anything.
    if (!session._extended) {
      session._receiver.halt();
      this.#finish();
    }
    session._sender.schedule();
  }

  connectionClosed(reason: unknown): void {
    if (this.over) return;
    const got = this.got;
    const error = got && sessionError(got.code, `the peer ended the session (${wireCodeName(got.code)}): ${got.debug}`);
    // A link that dies under streams that were to finish is no clean end, whatever was said before.
    const died = reason !== undefined && !this.finished && this.#session.streamCount > 0;
    if (got !== undefined && (error !== undefined || !died)) this.end(error, this.#peerEnded ? { code: got.code, debug: got.debug, remote: true } : undefined);
    else if (this.finished) this.end(undefined);
    else
      this.end(
        // What a write of ours met is the same death: on a stream EPIPE means that the peer stopped reading.
        AstraError.is(reason) && reason.code !== "ECONNRESET" && reason.code !== "EPIPE"
          ? reason
          : new AstraError("ECONNRESET", "the connection ended without a GOAWAY", { cause: reason, ...(AstraError.is(reason) && reason.via !== undefined ? { via: reason.via } : {}) }),
      );
  }

  /** The peer broke the rules: says so, and ends at once. */
  protocolError(wireCode: number, what: string): void {
    const session = this.#session;
    if (session._canSend) {
      session._sender.sayFirst();
      session._sender.encoder.goAway(session._acceptor.lastHanded, wireCode, utf8.encode(what));
      this.#connection.send(session._sender.encoder.take());
    }
    this.#connection.close();
    this.end(new AstraError("ERR_ASTRANET_PROTOCOL", what));
  }

  /** No stream is left: the last frames, then the connection ends. */
  #finish(): void {
    const session = this.#session;
    if (this.finished || this.over) return;
    this.finished = true;
    session._keepAlive.stop(this.#makeEndError);
    this.#closeTimer?.cancel();
    // Our own wire: said already, unless it was the peer that ended; a connection that ends without it is no clean end for the peer.
    if (session._extended ? this.said === undefined : this.got === undefined) {
      const { code = WireCode.NO_ERROR, debug = "" } = this.said ?? {};
      session._sender.encoder.goAway(session._extended ? session._acceptor.lastHanded : session._receiver.lastId, code, utf8.encode(debug));
    }
    session._sender.sayGoAway();
    if (session._sender.encoder.length > 0) this.#connection.send(session._sender.encoder.take());
    this.#connection.close();
    const got = this.got;
    // A muxado peer: what is left of the streams has nobody to talk to.
    if (got !== undefined) this.#breakStreams(() => new AstraError("ERR_ASTRANET_SESSION_CLOSED", `the peer ended the session (${wireCodeName(got.code)})`, { remoteCode: got.code }), true);
  }

  #breakStreams(makeError: () => AstraError, keepUnread: boolean): void {
    const session = this.#session;
    if (session.streamCount === 0 && session._sender.pendingOpens === 0) return;
    const error = makeError();
    for (const stream of session._streams()) stream._break(error, keepUnread);
    if (session._sender.pendingOpens === 0) return;
    const unsent = new AstraError(error.code, "the session ended before the stream was sent", { retryable: true, cause: error });
    for (const stream of session._sender.unsent()) stream._break(unsent, false);
  }

  end(error: AstraError | undefined, end?: SessionEnd): void {
    const session = this.#session;
    if (this.over) return;
    this.over = true;
    session._canSend = false;
    this.error = error;
    session._receiver.halt();
    this.#closeTimer?.cancel();
    session._keepAlive.stop(this.#makeEndError);
    this.#breakStreams(this.#makeEndError, true);
    session._sender.end();
    session._receiver.settle();
    session._options.budget._leave(session);
    session._acceptor.queue.clear(this.#makeEndError);
    this.draining.resolve(undefined);
    // An end that is clean, and not the peer's, began with a GOAWAY of ours.
    const said = this.said as GoAway;
    if (error === undefined) this.closed.resolve(end ?? { code: said.code, debug: said.debug, remote: false });
    else this.closed.reject(error);
    if (sessionClose.hasSubscribers) sessionClose.publish({ session: session, error });
  }
}
