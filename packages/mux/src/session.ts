import { DEFAULT_MAX_GOAWAY_DEBUG, FrameError, PROTOCOL_VERSION, type Settings, WireCode } from "@astranet/frame";
import { AstraError, type Connection, type Timer, type Transport } from "@astranet/transport";
import { Acceptor } from "./acceptor.ts";
import { Deferred, ignore, rejected } from "./deferred.ts";
import { channel } from "./diagnostics.ts";
import { Heartbeat } from "./heartbeat.ts";
import { KeepAlive } from "./keep-alive.ts";
import { LinkCredit } from "./link-credit.ts";
import { invalid, type OpenOptions, type ResolvedOptions, resolveOptions, type SessionOptions } from "./options.ts";
import { FEATURE_REASON, PeerLimits } from "./peer-limits.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";
import { isAfter } from "./serial.ts";
import { met, sniff, SNIFF_LENGTH } from "./sniff.ts";
import { BROKEN, HANDED, IN_TABLE, LOCAL } from "./state.ts";
import { type SessionStats, statsOf } from "./stats.ts";
import { checkUrgency, Stream } from "./stream.ts";
import { StreamIds } from "./stream-ids.ts";
import { StreamTable } from "./stream-table.ts";
import { sessionError, wireCodeName } from "./wire-error.ts";

/** How a session ended: the GOAWAY's code and debug text, and whether the peer's was first. */
export interface SessionEnd {
  readonly code: number;
  readonly debug: string;
  readonly remote: boolean;
}

const NO_BYTES = new Uint8Array(0);
const utf8 = new TextDecoder();

const sessionOpen = channel("astranet:session:open");
const sessionClose = channel("astranet:session:close");
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
  /** The wire is 'astranet'. @internal */
  _extended: boolean;
  /** The wire is known and the session not over. @internal */
  _canSend: boolean;
  /** The window of a new stream towards us. @internal */
  _recvWindow: number;
  /** Id of the stream we opened last whose SYN left; 0: none. @internal */
  _lastLocal = 0;
  /** @internal */ readonly _peer: PeerLimits = new PeerLimits();
  /** @internal */ readonly _ids: StreamIds;
  /** @internal */ readonly _acceptor: Acceptor;
  /** Streams ever opened here. @internal */
  _openedCount = 0;
  /** Streams that carry muxado's heartbeats: they do not keep a session open. @internal */
  readonly _heartbeats: Set<Stream> = new Set<Stream>();

  readonly #connection: Connection;
  readonly #closed: Deferred<SessionEnd> = new Deferred<SessionEnd>();
  readonly #draining: Deferred<undefined> = new Deferred<undefined>();
  #sniffed: Uint8Array | undefined = NO_BYTES;
  #heartbeat: Heartbeat | undefined;
  /** We said GOAWAY, and with what. */
  #saidGoAway: { last: number; code: number; debug: string } | undefined;
  /** The peer said GOAWAY. */
  #gotGoAway: { last: number; code: number; debug: string } | undefined;
  /** The peer's GOAWAY came before ours was said. */
  #peerEnded = false;
  /** Bytes that the peer says it has. */
  #acknowledged = 0;
  #closing = false;
  #finished = false;
  #error: AstraError | undefined;
  #over = false;
  #closeTimer: Timer | undefined;

  /** Starts the session over the connection. Throws EINVAL that names a wrong option. */
  constructor(connection: Connection, options: SessionOptions) {
    this._options = resolveOptions(options);
    const { wire, clock, linkWindow, maxLinkWindow, initialWindow } = this._options;
    this.#connection = connection;
    this.localAddress = connection.localAddress;
    this.remoteAddress = connection.remoteAddress;
    this.closed = this.#closed.promise;
    this.draining = this.#draining.promise;
    this._extended = wire !== "muxado";
    this._canSend = wire !== "detect";
    this._recvWindow = initialWindow;
    this._ids = new StreamIds(this);
    this._acceptor = new Acceptor(this);
    this._linkCredit = new LinkCredit(linkWindow, maxLinkWindow);
    this._keepAlive = new KeepAlive(clock, {
      ping: () => {
        this.#ping();
      },
      dead: (error) => {
        this.#connection.abort(error);
        this.#end(error);
      },
    });
    this._receiver = new Receiver(this);
    this._sender = new Sender(this, connection);
    connection.start({
      data: (chunk) => {
        this.#data(chunk);
      },
      drain: () => {
        this._sender.drain();
      },
      closed: (reason) => {
        this.#connectionClosed(reason);
      },
    });
    if (wire === "muxado") this.#becomeMuxado();
    else if (wire === "astranet") this.#becomeAstranet();
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
    const connection = await transport.dial(network, address, signal === undefined ? {} : { signal });
    return new Session(connection, { ...rest, role: "client" });
  }

  /** The last round trip measured, in milliseconds. */
  get rttMs(): number | undefined {
    return this._keepAlive.rttMs;
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
    if (type !== undefined && !(Number.isInteger(type) && type >= 0 && type <= 0xffff_ffff)) throw invalid(`type must be an integer from 0 to 2^32 − 1, not ${String(type)}`);
    if (type !== undefined && !this._extended && !this._options.typedStreams) throw invalid("the wire 'muxado' has types only with typedStreams");
    if (header !== undefined) this.#checkHeader(header);
    if (this.#over || this.#closing) throw new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the session is closed", { cause: this.#error, retryable: true });
    if (this.#gotGoAway !== undefined) throw new AstraError("ERR_ASTRANET_SESSION_DRAINING", "the peer takes no new streams", { retryable: true });
    if (this._sender.pendingOpens >= this._options.maxPendingOpens)
      throw new AstraError("ERR_ASTRANET_STREAM_LIMIT", `${String(this._options.maxPendingOpens)} streams wait to be opened already`, { retryable: true });
    const stream = this._open(type ?? -1, urgency);
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
    if (this._options.onstream !== undefined) return rejected(new AstraError("ERR_ASTRANET_INVALID_STATE", "the session's streams go to onstream"));
    const stream = this._acceptor.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    if (this.#over || this.#saidGoAway !== undefined) return rejected(this.#endError());
    return this._acceptor.queue.wait(signal);
  }

  /** Accepts streams until the session ends; throws what broke it. Leaving the loop early leaves the session as it is. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Stream> {
    const iterator: AsyncIterableIterator<Stream> = {
      next: () =>
        this.accept().then(
          (value) => ({ value, done: false }),
          (error: unknown) => {
            if (this.#error !== undefined || !AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED")) throw error as Error;
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
    if (this.#over) return rejected(this.#endError());
    if (!this._extended && !this._options.typedStreams) return rejected(new AstraError("ERR_ASTRANET_INVALID_STATE", "the wire 'muxado' has no ping without typedStreams"));
    return this._keepAlive.ping(options?.signal);
  }

  /**
   * Takes no more streams from the peer: those it opened that were not handed out yet fail there as retryable. Streams
   * that run go on, and `open` still works. `code` 0 is a clean end; `debug` is at most 64 KiB of UTF-8. Throws EINVAL.
   */
  goAway(code: number = WireCode.NO_ERROR, debug = ""): void {
    if (!(Number.isInteger(code) && code >= 0 && code <= 0xffff_ffff)) throw invalid(`a code is an integer from 0 to 2^32 − 1, not ${String(code)}`);
    if (debug.length > DEFAULT_MAX_GOAWAY_DEBUG / 3 && new TextEncoder().encode(debug).length > DEFAULT_MAX_GOAWAY_DEBUG)
      throw invalid(`a debug text of ${String(debug.length)} characters, at most ${String(DEFAULT_MAX_GOAWAY_DEBUG)} bytes are allowed`);
    if (this.#over) return;
    const last = this._acceptor.lastHanded;
    const before = this.#saidGoAway;
    this.#saidGoAway = { last: before?.last ?? last, code, debug };
    for (const stream of this._acceptor.queue.clear(this.#endError())) {
      if (this._extended) stream._break(new AstraError("ECONNREFUSED", "the session is draining"), false);
      else this._fail(stream, WireCode.STREAM_REFUSED, "the session is draining");
    }
    // muxado peers take a GOAWAY as the end: there it is our last frame.
    if (this._extended && (before === undefined || before.code !== code)) {
      this._sender.goAway = this.#saidGoAway;
      this._sender.schedule();
    }
    this.#draining.resolve(undefined);
  }

  /**
   * Ends the session: no new streams, those that run may finish for `closeTimeoutMs` (then they break with
   * ERR_ASTRANET_SESSION_CLOSED), then the connection closes. Resolves when the session is over, however it ended.
   */
  close(): Promise<void> {
    if (!this.#over && !this.#closing) {
      this.#closing = true;
      if (this.#saidGoAway === undefined) this.goAway();
      this.#closeTimer = this._options.clock.setTimer(this._options.closeTimeoutMs, () => {
        this.#breakStreams(new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the session was closed before the stream was done"), false);
        this._sender.flush();
        // The connection may have no room, and never get it.
        this.#finish();
      }, { keepAlive: true });
      this._sender.schedule();
    }
    return this.closed.then(ignore, ignore);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends session and connection at once; every stream, and `closed`, fails with ERR_ASTRANET_SESSION_CLOSED, its cause `reason`. */
  abort(reason?: unknown): void {
    if (this.#over) return;
    this.#connection.abort(reason);
    this.#end(new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the session was aborted here", { cause: reason }));
  }

  /** The figures of this moment. Walks all streams: for people and tests, not for each request. */
  stats(): SessionStats {
    return statsOf(this);
  }

  // ---- for the receiver ----

  /** We said GOAWAY: no new streams of the peer. @internal */
  get _refusing(): boolean {
    return this.#saidGoAway !== undefined;
  }

  /** Somebody should know that no stream can be opened any more. @internal */
  _drain(): void {
    this.#draining.resolve(undefined);
  }

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
    if (!this.#over) this._options.budget._release(stream, bytes);
  }

  /** @internal */
  _cancel(stream: Stream): void {
    stream._reset(WireCode.STREAM_CANCELLED, "", new AstraError("ECONNRESET", "reading was stopped here"));
  }

  /** @internal */
  _settled(settings: Settings): void {
    const { _sender: sender, _peer: peer } = this;
    const more = settings.initialWindow - peer.initialWindow;
    peer.settle(settings);
    sender.linkLimit = Math.max(sender.linkLimit, settings.linkWindow);
    for (const table of [this._local, this._remote])
      for (const stream of table.values()) {
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

  /** @internal */
  _goneAway(last: number, code: number, debugBytes: Uint8Array): void {
    const before = this.#gotGoAway;
    if (before !== undefined && this._extended && last !== before.last && (before.last === 0 || isAfter(last, before.last)))
      throw new FrameError(WireCode.PROTOCOL, "a second GOAWAY raises the last id");
    this.#peerEnded ||= this.#saidGoAway === undefined;
    this.#gotGoAway = { last, code, debug: utf8.decode(debugBytes) };
    const error = new AstraError("ERR_ASTRANET_SESSION_CLOSED", `the peer takes no new streams (${wireCodeName(code)})`, { retryable: true, remoteCode: code });
    for (const stream of this._local.values()) if (last === 0 || isAfter(stream.id, last)) stream._break(error, false);
    for (const stream of this._sender.unsent()) stream._break(error, false);
    this.#draining.resolve(undefined);
    // Nothing that a muxado peer sends after its GOAWAY means anything.
    if (!this._extended) {
      this._receiver.halt();
      this.#finish();
    }
    this._sender.schedule();
  }

  // ---- for the sender ----

  /** Whether the stream's header is within the peer's limit; false while that limit is not known. @internal */
  _fitsPeer(stream: Stream): boolean {
    const { maxHeader, settled } = this._peer;
    if (stream.header.length <= maxHeader) return true;
    if (settled) stream._break(invalid(`a header of ${String(stream.header.length)} bytes, the peer takes ${String(maxHeader)}`), false);
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

  /** Everything that could be sent has been. @internal */
  _flushed(): void {
    if ((this.#closing || this.#gotGoAway !== undefined) && this.streamCount === this._heartbeats.size && this._sender.pendingOpens === 0) this.#finish();
  }

  // ---- for streams ----

  /** Whether stream windows may grow. @internal */
  get _canGrow(): boolean {
    return this._extended;
  }

  /** Both directions of the stream are over. @internal */
  _streamOver(stream: Stream): void {
    if ((stream._state & IN_TABLE) === 0) return;
    stream._state &= ~IN_TABLE;
    if ((stream._state & LOCAL) !== 0) this._local.remove(stream);
    else {
      this._remote.remove(stream);
      // One that ended properly may still be accepted and read.
      if ((stream._state & (HANDED | BROKEN)) === BROKEN) this._acceptor.queue.delete(stream);
    }
    this._heartbeats.delete(stream);
    if (streamClose.hasSubscribers) streamClose.publish({ session: this, stream });
    if (this._sender.pendingOpens > 0 || this.#closing || this.#gotGoAway !== undefined) this._sender.schedule();
  }

  // ---- inside ----

  #data(chunk: Uint8Array): void {
    if (this.#over || this.#finished) return;
    this._keepAlive.received();
    let bytes = chunk;
    if (this.#sniffed !== undefined) {
      bytes = concat(this.#sniffed, chunk);
      if (bytes.length < SNIFF_LENGTH) {
        this.#sniffed = bytes;
        return;
      }
      this.#sniffed = undefined;
      if (!this.#recognise(bytes)) return;
    }
    const { _receiver: receiver, _sender: sender } = this;
    try {
      receiver.push(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) {
        this.#protocolError(WireCode.INTERNAL, "an internal error");
        throw error;
      }
      this.#protocolError(error.wireCode, error.message);
      return;
    }
    const { budget } = this._options;
    if (budget._exceeded && !budget._shed()) {
      receiver.settle();
      budget._shed();
    }
    if (this._extended && this._linkCredit.isDue(receiver.counted)) {
      sender.linkDue = true;
      sender.flush();
    }
  }

  /** Acts on what the first bytes say; false: not a session. */
  #recognise(bytes: Uint8Array): boolean {
    const what = sniff(bytes);
    const { wire } = this._options;
    if (wire === "muxado") return true;
    if (wire === "detect" && what === "muxado") this.#becomeMuxado();
    else if (what === "astranet") {
      if (wire === "detect") this.#becomeAstranet();
    } else {
      this.#protocolError(WireCode.PROTOCOL, met(what));
      return false;
    }
    return true;
  }

  #becomeAstranet(): void {
    const { initialWindow, linkWindow, maxStreams, idleTimeoutMs, maxHeader } = this._options;
    this._canSend = true;
    this._sender.begin({ version: PROTOCOL_VERSION, features: FEATURE_REASON, initialWindow, linkWindow, maxStreams, idleTimeoutMs, maxHeader });
    this._keepAlive.watch(idleTimeoutMs);
  }

  #becomeMuxado(): void {
    const { typedStreams, muxadoWindow, idleTimeoutMs } = this._options;
    this._extended = false;
    this._canSend = true;
    this.#sniffed = undefined;
    this._peer.initialWindow = this._recvWindow = muxadoWindow;
    this._peer.maxStreams = Infinity;
    this._sender.linkLimit = Infinity;
    this._receiver = new Receiver(this);
    this._ids.becomeMuxado();
    this._sender.forUnsent((stream) => {
      stream._sendWindow = stream._recvWindow = muxadoWindow;
    });
    // Without typed streams there is nothing to ask a silent peer with.
    if (typedStreams) this._keepAlive.watch(idleTimeoutMs);
    this._sender.begin(undefined);
  }

  #ping(): void {
    if (this._extended) {
      this._sender.schedule();
      return;
    }
    this.#heartbeat ??= new Heartbeat(this, this._options.random);
    this.#heartbeat.ask();
  }

  #checkHeader(header: Uint8Array): void {
    const max = this._peer.settled ? this._peer.maxHeader : this._options.maxHeader;
    if (header.length > max) throw invalid(`a header of ${String(header.length)} bytes, at most ${String(max)} are allowed`);
    if (!this._extended && header.length > 0) throw invalid("the wire 'muxado' has no headers");
  }

  #endError(): AstraError {
    return this.#error ?? new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the session is closed");
  }

  #connectionClosed(reason: unknown): void {
    if (this.#over) return;
    const got = this.#gotGoAway;
    const error = got && sessionError(got.code, `the peer ended the session (${wireCodeName(got.code)}): ${got.debug}`);
    // A link that dies under streams that were to finish is no clean end, whatever was said before.
    const died = reason !== undefined && !this.#finished && this.streamCount > 0;
    if (got !== undefined && (error !== undefined || !died)) this.#end(error, this.#peerEnded ? { code: got.code, debug: got.debug, remote: true } : undefined);
    else if (this.#finished) this.#end(undefined);
    else
      this.#end(
        // What a write of ours met is the same death: on a stream EPIPE means that the peer stopped reading.
        AstraError.is(reason) && reason.code !== "ECONNRESET" && reason.code !== "EPIPE"
          ? reason
          : new AstraError("ECONNRESET", "the connection ended without a GOAWAY", { cause: reason }),
      );
  }

  /** The peer broke the rules: says so, and ends at once. */
  #protocolError(wireCode: number, what: string): void {
    if (this.#over) return;
    if (this._canSend) {
      this._sender.sayFirst();
      this._sender.encoder.goAway(this._acceptor.lastHanded, wireCode, new TextEncoder().encode(what));
      this.#connection.send(this._sender.encoder.take());
    }
    this.#connection.close();
    this.#end(new AstraError("ERR_ASTRANET_PROTOCOL", what));
  }

  /** No stream is left: the last frames, then the connection ends. */
  #finish(): void {
    if (this.#finished || this.#over) return;
    this.#finished = true;
    this._keepAlive.stop(this.#endError());
    this.#closeTimer?.cancel();
    // Our own wire: said already, unless it was the peer that ended; a connection that ends without it is no clean end for the peer.
    if (this._extended ? this.#saidGoAway === undefined : this.#gotGoAway === undefined) {
      const { code = WireCode.NO_ERROR, debug = "" } = this.#saidGoAway ?? {};
      this._sender.encoder.goAway(this._extended ? this._acceptor.lastHanded : this._receiver.lastId, code, new TextEncoder().encode(debug));
    }
    this._sender.sayGoAway();
    if (this._sender.encoder.length > 0) this.#connection.send(this._sender.encoder.take());
    this.#connection.close();
    const got = this.#gotGoAway;
    if (got !== undefined && this.streamCount > 0) {
      // A muxado peer: what is left of the streams has nobody to talk to.
      this.#breakStreams(new AstraError("ERR_ASTRANET_SESSION_CLOSED", `the peer ended the session (${wireCodeName(got.code)})`, { remoteCode: got.code }), true);
    }
  }

  #breakStreams(error: AstraError, keepUnread: boolean): void {
    for (const table of [this._local, this._remote]) for (const stream of table.values()) stream._break(error, keepUnread);
    if (this._sender.pendingOpens === 0) return;
    const unsent = new AstraError(error.code, "the session ended before the stream was sent", { retryable: true, cause: error });
    for (const stream of this._sender.unsent()) stream._break(unsent, false);
  }

  #end(error: AstraError | undefined, end?: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this._canSend = false;
    this.#error = error;
    this._receiver.halt();
    this.#closeTimer?.cancel();
    const last = this.#endError();
    this._keepAlive.stop(last);
    this.#breakStreams(last, true);
    this._sender.end();
    this._receiver.settle();
    this._options.budget._leave(this);
    this._acceptor.queue.clear(last);
    this.#draining.resolve(undefined);
    const said = this.#saidGoAway;
    if (error === undefined) this.#closed.resolve(end ?? { code: said?.code ?? 0, debug: said?.debug ?? "", remote: false });
    else this.#closed.reject(error);
    if (sessionClose.hasSubscribers) sessionClose.publish({ session: this, error });
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
