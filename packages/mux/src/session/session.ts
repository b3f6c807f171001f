import { FrameError, PROTOCOL_VERSION, type Settings, SETTINGS_FLOOR, WireCode } from "@astranet/frame";
import { AstraError, type Connection, type Transport } from "@astranet/transport";
import { NO_BYTES } from "../bytes.ts";
import { Acceptor } from "./acceptor.ts";
import { ignore, rejected } from "../deferred.ts";
import { channel } from "../diagnostics.ts";
import { Ending, type SessionEnd } from "./ending.ts";
import { KeepAlive } from "./keep-alive.ts";
import { LinkCredit } from "../flow/link-credit.ts";
import { described, invalid, invalidState, type OpenOptions, type ResolvedOptions, resolveOptions, type SessionOptions } from "./options.ts";
import { Receiver } from "../wire/receiver.ts";
import { Sender } from "../wire/sender.ts";
import { FEATURE_REASON } from "../wire/features.ts";
import { FIRST_BYTES, isSettings, stranger } from "../wire/first-bytes.ts";
import { BROKEN, HANDED, IN_TABLE, LOCAL, SYN_DONE } from "../stream/state.ts";
import { type SessionStats, statsOf } from "./stats.ts";
import { checkUrgency, Stream } from "../stream/stream.ts";
import { StreamIds } from "./stream-ids.ts";
import { StreamTable } from "../stream/stream-table.ts";

const sessionOpen = channel("astranet:session:open");
const streamOpen = channel("astranet:stream:open");
const streamClose = channel("astranet:stream:close");

/**
 * Many streams over one connection. Both ends may open and accept; a slow reader stalls its own writer and nobody else.
 *
 * The session owns the connection from now on. It is over when `closed` settles; then every stream, and every call that
 * waited, has got its end or its error.
 */
export class Session implements AsyncDisposable {
  /** Resolves after a clean end (a GOAWAY and no stream left); rejects with what broke the session. Marked as handled. */
  readonly closed: Promise<SessionEnd>;
  /** Resolves when either side has said GOAWAY: no new streams. */
  readonly draining: Promise<void>;
  readonly localAddress: string;
  readonly remoteAddress: string;

  /** @internal */ readonly _options: ResolvedOptions;
  /** @internal */ readonly _local: StreamTable = new StreamTable();
  /** @internal */ readonly _remote: StreamTable = new StreamTable();
  /** @internal */ readonly _sender: Sender;
  /** @internal */ _receiver: Receiver;
  /** @internal */ readonly _keepAlive: KeepAlive;
  /** @internal */ readonly _linkCredit: LinkCredit;
  /** The wire is our own. @internal */
  _extended = true;
  /** The wire is known and the session not over. @internal */
  _canSend = false;
  /** Acts on the peer's first bytes, once; false: they are no session's. @internal */
  _recognise: ((bytes: Uint8Array) => boolean) | undefined = isSettings;
  /** Asks for a round trip; undefined where the wire has no way to. @internal */
  _ask: (() => void) | undefined;
  /** Throws what else a wire has against an open. @internal */
  _checkOpen: ((options: OpenOptions) => void) | undefined = undefined;
  /** The type of streams that have none. @internal */
  _noType = -1;
  /** How a stream begins that the peer opened. @internal */
  _incomingState: number = SYN_DONE | IN_TABLE;
  /** The window of a new stream towards us. @internal */
  _recvWindow: number;
  /** Id of the stream we opened last whose SYN left; 0: none. @internal */
  _lastLocal = 0;
  /** What the peer allows: the floors until its SETTINGS came, which only ever add. @internal */
  _peer: Settings = SETTINGS_FLOOR;
  /** @internal */ readonly _ids: StreamIds;
  /** @internal */ readonly _acceptor: Acceptor;
  /** @internal */ readonly _ending: Ending;
  /** Streams ever opened here. @internal */
  _openedCount = 0;
  /** Streams that carry muxado's heartbeats: they do not keep a session open. @internal */
  readonly _heartbeats: Set<Stream> = new Set<Stream>();

  #first: Uint8Array = NO_BYTES;
  /** Bytes that the peer says it has. */
  #acknowledged = 0;

  /** Starts the session over the connection. Throws EINVAL that names a wrong option. */
  constructor(connection: Connection, options: SessionOptions) {
    if (typeof (connection as Partial<Connection> | null | undefined)?.start !== "function")
      throw invalid(`a Session runs over a Connection, not over ${described(connection)}: toConnection of @astranet/transport makes one`);
    this._options = resolveOptions(options);
    const { wire, clock, linkWindow, maxLinkWindow, initialWindow } = this._options;
    this.localAddress = connection.localAddress;
    this.remoteAddress = connection.remoteAddress;
    this._ending = new Ending(this, connection);
    this.closed = this._ending.closed.promise;
    this.draining = this._ending.draining.promise;
    this._recvWindow = initialWindow;
    this._ids = new StreamIds(this);
    this._acceptor = new Acceptor(this);
    this._linkCredit = new LinkCredit(linkWindow, maxLinkWindow);
    this._keepAlive = new KeepAlive(clock, {
      ping: () => {
        this._ask?.();
      },
      dead: (error) => {
        connection.abort(error);
        this._ending.end(error);
      },
    });
    this._receiver = new Receiver(this);
    this._sender = new Sender(this, connection);
    this._ask = () => {
      this._sender.schedule();
    };
    connection.start({
      data: (chunk) => {
        this.#data(chunk);
      },
      drain: () => {
        this._sender.drain();
      },
      closed: (reason) => {
        this._ending.connectionClosed(reason);
      },
    });
    if (wire === undefined) this._speakOwn();
    else wire._begin(this);
    if (sessionOpen.hasSubscribers) sessionOpen.publish({ session: this });
  }

  /**
   * Dials with a transport and makes a client session of the connection. Rejects as `transport.dial` does; after an abort
   * nothing is left over.
   */
  static async dial(
    transport: Transport,
    network: string,
    address: string,
    options: Omit<SessionOptions, "role"> & { readonly signal?: AbortSignal } = {},
  ): Promise<Session> {
    const { signal, ...rest } = options;
    if (typeof (transport as Partial<Transport> | null | undefined)?.dial !== "function") throw invalid(`a transport is an object with dial, not ${described(transport)}`);
    const connection = await transport.dial(network, address, signal === undefined ? {} : { signal });
    return new Session(connection, { ...rest, role: "client" });
  }

  /** The last round trip measured, in milliseconds. */
  get rttMs(): number | undefined {
    return this._keepAlive.rttMs;
  }

  /** Bytes written that the connection, or the peer's window for all streams together, keeps from leaving: without those that wait for one stream's reader. */
  get sendQueueBytes(): number {
    return this._sender.scheduler.backlog;
  }

  /** Streams that are open, both sides'. */
  get streamCount(): number {
    return this._local.size + this._remote.size;
  }

  /**
   * Opens a stream, at once and without a round trip: the SYN leaves by the end of the tick, with the first bytes if there
   * are any. Beyond the peer's limit of streams it waits its turn.
   * Throws EINVAL, ERR_ASTRANET_SESSION_DRAINING after a GOAWAY of the peer (or with ids used up), ERR_ASTRANET_SESSION_CLOSED,
   * ERR_ASTRANET_STREAM_LIMIT when `maxPendingOpens` wait already.
   */
  open(options: OpenOptions = {}): Stream {
    const { type, urgency = 3, header } = options;
    checkUrgency(urgency);
    if (type !== undefined && !(Number.isInteger(type) && type >= 0 && type <= 0xffff_ffff)) throw invalid(`type must be an integer from 0 to 2^32 − 1, not ${type}`);
    if (header !== undefined) this.#checkHeader(header);
    this._checkOpen?.(options);
    if (this._ending.over || this._ending.closing) throw new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the session is closed", { cause: this._ending.error, retryable: true });
    if (this._ending.got !== undefined) throw new AstraError("ERR_ASTRANET_SESSION_DRAINING", "the peer takes no new streams", { retryable: true });
    if (this._sender.pendingOpens >= this._options.maxPendingOpens)
      throw new AstraError("ERR_ASTRANET_STREAM_LIMIT", `${this._options.maxPendingOpens} streams wait to be opened already`, { retryable: true });
    const stream = this._open(type ?? this._noType, urgency);
    if (header !== undefined && header.length > 0) stream._more.header = header;
    return stream;
  }

  /** Opens a stream, whatever speaks against it but the ids. @internal */
  _open(type: number, urgency: number): Stream {
    const stream = new Stream(this, this._ids.take(), LOCAL, type, urgency, this._peer.initialWindow, this._recvWindow);
    this._sender.open(stream);
    if (streamOpen.hasSubscribers) streamOpen.publish({ session: this, stream, remote: false });
    return stream;
  }

  /**
   * The next stream that the peer opened. If it is aborted no stream is lost.
   * Rejects with what ended the session, ERR_ASTRANET_SESSION_CLOSED after a clean end.
   */
  accept(options?: { readonly signal?: AbortSignal }): Promise<Stream> {
    const signal = options?.signal;
    if (signal?.aborted === true) return rejected(signal.reason);
    if (this._options.onstream !== undefined) return rejected(invalidState("the session's streams go to onstream"));
    const stream = this._acceptor.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    if (this._ending.over || this._ending.said !== undefined) return rejected(this._ending.endError);
    return this._acceptor.queue.wait(signal);
  }

  /** Accepts streams until the session ends; throws what broke it. Leaving the loop early leaves the session as it is. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Stream> {
    const iterator: AsyncIterableIterator<Stream> = {
      next: () =>
        this.accept().then(
          (value) => ({ value, done: false }),
          (error: unknown) => {
            if (this._ending.error !== undefined || !AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED")) throw error as Error;
            return { value: undefined, done: true };
          },
        ),
      return: () => Promise.resolve({ value: undefined, done: true }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Measures a round trip, in milliseconds. Callers share the one ping that is under way. If it is aborted, the ping is answered all the same. */
  ping(options?: { readonly signal?: AbortSignal }): Promise<number> {
    if (this._ending.over) return rejected(this._ending.endError);
    if (this._ask === undefined) return rejected(invalidState("the wire 'muxado' has no ping without typedStreams"));
    return this._keepAlive.ping(options?.signal);
  }

  /**
   * Takes no more streams from the peer: those it opened that were not handed out yet fail there as retryable. Streams
   * that run go on, and `open` still works. `code` 0 is a clean end; `debug` is at most 64 KiB of UTF-8. Throws EINVAL.
   */
  goAway(code: number = WireCode.NO_ERROR, debug = ""): void {
    this._ending.goAway(code, debug);
  }

  /**
   * Ends the session: no new streams, those that run may finish for `closeTimeoutMs` (then they break with
   * ERR_ASTRANET_SESSION_CLOSED), then the connection closes. Resolves when the session is over, however it ended.
   */
  close(): Promise<void> {
    this._ending.close();
    return this.closed.then(ignore, ignore);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends session and connection at once; every stream, and `closed`, fails with ERR_ASTRANET_SESSION_CLOSED, its cause `reason`. */
  abort(reason?: unknown): void {
    this._ending.abort(reason);
  }

  /** The figures of this moment. Walks all streams: for people and tests, not for each request. */
  stats(): SessionStats {
    return statsOf(this);
  }

  // ---- for the receiver ----

  /** Resets a stream for what the peer did, or for what we cannot do. @internal */
  _fail(stream: Stream, code: number, what: string): void {
    stream._reset(code, what, new AstraError(code === WireCode.FLOW_CONTROL ? "ERR_ASTRANET_PROTOCOL" : "ECONNRESET", `the stream was reset here: ${what}`));
  }

  /** A handler of the application threw: that breaks its stream, surfaces as an uncaught exception, and the session goes on. @internal */
  _handlerFailed(stream: Stream, error: unknown): void {
    this._fail(stream, WireCode.INTERNAL, "its handler failed");
    this._options.clock.defer(() => {
      throw error;
    });
  }

  /** Unread bytes were read or dropped. @internal */
  _releaseUnread(stream: Stream, bytes: number): void {
    // What a session that is over leaves to be read counts against nobody.
    if (!this._ending.over) this._options.budget._release(stream, bytes);
  }

  /** @internal */
  _cancel(stream: Stream): void {
    stream._reset(WireCode.STREAM_CANCELLED, "", new AstraError("ECONNRESET", "reading was stopped here"));
  }

  /** @internal */
  _settled(settings: Settings): void {
    const { _sender: sender } = this;
    const more = settings.initialWindow - this._peer.initialWindow;
    this._peer = settings;
    sender.linkLimit = Math.max(sender.linkLimit, settings.linkWindow);
    for (const stream of this._streams()) {
      stream._sendWindow += more;
      sender.activate(stream);
    }
    sender.forUnsent((stream) => {
      stream._sendWindow += more;
    });
    const { idleTimeoutMs } = this._options;
    const theirs = settings.idleTimeoutMs;
    this._keepAlive.watch(idleTimeoutMs === 0 || theirs === 0 ? idleTimeoutMs || theirs : Math.min(idleTimeoutMs, theirs));
    sender.schedule();
  }

  /** @internal */
  _linked(received: number, limit: number): void {
    const { _sender: sender } = this;
    if (received > sender.encoder.counted) throw new FrameError(WireCode.PROTOCOL, "LINK acknowledges bytes that were never sent");
    if (limit < sender.linkLimit) throw new FrameError(WireCode.PROTOCOL, "LINK takes credit back");
    if (received < this.#acknowledged) throw new FrameError(WireCode.PROTOCOL, "LINK takes its acknowledgement back");
    this.#acknowledged = received;
    sender.linkLimit = limit;
    sender.schedule();
  }

  // ---- for the sender ----

  /** The peer's SETTINGS came. @internal */
  get _isSettled(): boolean {
    return this._peer !== SETTINGS_FLOOR;
  }

  /** Whether the stream's header is within the peer's limit; false while that limit is not known. @internal */
  _fitsPeer(stream: Stream): boolean {
    const { maxHeader } = this._peer;
    const settled = this._isSettled;
    if (stream.header.length <= maxHeader) return true;
    if (settled) stream._break(invalid(`a header of ${stream.header.length} bytes, the peer takes ${maxHeader}`), false);
    return settled;
  }

  /** The SYN is about to leave. @internal */
  _opened(stream: Stream): void {
    stream._state |= IN_TABLE;
    this._local.add(stream);
    this._lastLocal = stream.id;
    this._openedCount++;
    // muxado has no ACCEPT: that the SYN is on its way is all there is to know.
    if (!this._extended) stream._acceptedBy(NO_BYTES);
  }

  /** All open streams. @internal */
  *_streams(): IterableIterator<Stream> {
    yield* this._local.values();
    yield* this._remote.values();
  }

  // ---- for streams ----

  /** Both directions of the stream are over. @internal */
  _streamOver(stream: Stream): void {
    // Twice where a sink that hears of the end ends the session. One that never left is in no table, and over all the same.
    if ((stream._state & (IN_TABLE | SYN_DONE)) === SYN_DONE) return;
    stream._state &= ~IN_TABLE;
    if ((stream._state & LOCAL) !== 0) this._local.remove(stream);
    else {
      this._remote.remove(stream);
      // One that ended properly may still be accepted and read.
      if ((stream._state & (HANDED | BROKEN)) === BROKEN) this._acceptor.queue.delete(stream);
    }
    if (this._heartbeats.size > 0) this._heartbeats.delete(stream);
    if (streamClose.hasSubscribers) streamClose.publish({ session: this, stream });
    if (this._sender.pendingOpens > 0 || this._ending.closing || this._ending.got !== undefined) this._sender.schedule();
  }

  // ---- inside ----

  #data(chunk: Uint8Array): void {
    if (this._ending.over || this._ending.finished) return;
    this._keepAlive.received();
    let bytes = chunk;
    const recognise = this._recognise;
    if (recognise !== undefined) {
      bytes = concat(this.#first, chunk);
      if (bytes.length < FIRST_BYTES) {
        this.#first = bytes;
        return;
      }
      this._recognise = undefined;
      this.#first = NO_BYTES;
    }
    try {
      if (recognise?.(bytes) === false) throw stranger(bytes);
      this._receiver.push(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) {
        this._ending.protocolError(WireCode.INTERNAL, "an internal error");
        throw error;
      }
      this._ending.protocolError(error.wireCode, error.message);
      return;
    }
    const { _receiver: receiver, _options: { budget } } = this;
    if (budget._exceeded && !budget._shed()) {
      receiver.settle();
      budget._shed();
    }
    // What is due is worth its frame too.
    if (this._extended && this._linkCredit.isDue(receiver.counted)) this._sender.flush();
  }

  /** The wire is our own: SETTINGS is the first frame. @internal */
  _speakOwn(): void {
    const { initialWindow, linkWindow, maxStreams, idleTimeoutMs, maxHeader } = this._options;
    this._canSend = true;
    this._sender.begin({ version: PROTOCOL_VERSION, features: FEATURE_REASON, initialWindow, linkWindow, maxStreams, idleTimeoutMs, maxHeader });
    this._keepAlive.watch(idleTimeoutMs);
  }

  #checkHeader(header: Uint8Array): void {
    if (!((header as unknown) instanceof Uint8Array)) throw invalid(`a header is a Uint8Array, not ${described(header)}`);
    const max = this._isSettled ? this._peer.maxHeader : this._options.maxHeader;
    if (header.length > max) throw invalid(`a header of ${header.length} bytes, at most ${max} are allowed`);
  }

}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
