import { FIRST_APPLICATION_CODE, MAX_WINDOW, WireCode } from "@astranet/frame";
import { AstraError } from "@astranet/transport";
import { ChunkQueue } from "./chunk-queue.ts";
import { Deferred, done, onAbort, rejected } from "./deferred.ts";
import { InboundQueue } from "./inbound-queue.ts";
import { invalid } from "./options.ts";
import type { Session } from "./session.ts";
import {
  ACCEPTED,
  BROKEN,
  ENDED,
  FIN_RECEIVED,
  FIN_SENT,
  IN_DATA,
  IN_FRESH,
  LOCAL,
  READ_BROKEN,
  SEND_ABORT,
  SEND_ACCEPT,
  SEND_ANY,
  SEND_CREDIT,
  SEND_FIN,
  SEND_RST,
  SEND_STOP,
  SEND_URGENCY,
  STOPPED,
  SYN_DONE,
  WANTS_READY,
  WRITE_BROKEN,
} from "./state.ts";
import type { Deadline, StreamExtra, WriteWaiter } from "./stream-extra.ts";
import type { StreamSink } from "./stream-sink.ts";
import { readableOf, writableOf } from "./whatwg.ts";
import { streamError } from "./wire-error.ts";

interface Abortable {
  readonly signal?: AbortSignal;
}

/** Shared, like `done`. */
const end: Promise<null> = Promise.resolve(null);
const NO_BYTES = new Uint8Array(0);

/**
 * One stream of a session: two directions of bytes, each ended by itself. Deliberately small and plain; `readable` and
 * `writable`, or `toDuplex` of `@astranet/mux/node`, make the platform's streams out of it.
 *
 * Chunks written are given away: do not change them afterwards. A chunk read is yours, but its `buffer` may be shared:
 * never transfer it.
 */
export class Stream implements AsyncDisposable {
  /** The session it belongs to. */
  readonly session: Session;
  /** Its number on the wire, unique among the streams that are open. */
  readonly id: number;
  /** @internal */ _state: number;
  /** @internal */ _urgency: number;
  /** @internal */ _type: number;
  /** Bytes the peer still lets us send. @internal */
  _sendWindow: number;
  /** Bytes we still let the peer send. @internal */
  _recvWindow: number;
  /** Bytes read, whose credit was not returned yet. @internal */
  _owed = 0;
  /** Bytes that came and were not read (or, attached, not consumed). @internal */
  _unread = 0;
  /** The session's tick of the last read. @internal */
  _lastRead = 0;
  /** @internal */ _deficit = 0;
  /** @internal */ _next: Stream | undefined = undefined;
  /** @internal */ _nextControl: Stream | undefined = undefined;
  /** @internal */ _out: ChunkQueue | undefined = undefined;
  #in: InboundQueue | undefined = undefined;
  #queued = 0;
  #reader: ((result: Uint8Array | null | Promise<never>) => void) | undefined = undefined;
  #extra: StreamExtra | undefined = undefined;

  /** Streams come from `session.open()` and `session.accept()`. @internal */
  constructor(session: Session, id: number, state: number, type: number, urgency: number, sendWindow: number, recvWindow: number) {
    this.session = session;
    this.id = id;
    this._state = state;
    this._type = type;
    this._urgency = urgency;
    this._sendWindow = sendWindow;
    this._recvWindow = recvWindow;
  }

  /** The type given to `open`, or undefined. */
  get type(): number | undefined {
    return this._type === -1 ? undefined : this._type;
  }

  /** The header that the stream was opened with. */
  get header(): Uint8Array {
    return this.#extra?.header ?? NO_BYTES;
  }

  /** 0 (first) to 7 (last): what this side sends goes before all of a later class. The peer is told, and may follow. */
  get urgency(): number {
    return this._urgency;
  }

  set urgency(urgency: number) {
    checkUrgency(urgency);
    if (urgency === this._urgency) return;
    this._urgency = urgency;
    if ((this._state & (BROKEN | FIN_SENT)) === 0) this.#control(SEND_URGENCY);
  }

  /** Bytes that came and wait for `read`. */
  get readableLength(): number {
    return this._unread;
  }

  /** Bytes written that are not framed yet. */
  get writableLength(): number {
    return this.#queued;
  }

  // ---- reading ----

  /**
   * The next bytes, or null at the end. One read at a time. What came before an end is read before it.
   * If it is aborted, no byte is lost: the next read gets them.
   * Errors: ECONNRESET and others by the peer's code, ETIMEDOUT after a deadline, ERR_ASTRANET_INVALID_STATE while another read waits, or after `stop` or `attach`.
   */
  read(options?: Abortable): Promise<Uint8Array | null> {
    const signal = options?.signal;
    if (signal?.aborted === true) return rejected(signal.reason);
    if (this.#reader !== undefined) return rejected(new AstraError("ERR_ASTRANET_INVALID_STATE", "a read is waiting already"));
    const extra = this.#extra;
    if (extra !== undefined) {
      if (extra.readDeadline?.passed === true) return rejected(timedOut("read"));
      if (extra.sink !== undefined) return rejected(new AstraError("ERR_ASTRANET_INVALID_STATE", "the stream is attached to a sink"));
    }
    const inbound = this.#in;
    if (inbound !== undefined) return Promise.resolve(this.#take(inbound));
    if (this.#isReadOver()) return this.#readEnd();
    return new Promise<Uint8Array | null>((resolve) => {
      this.#reader = resolve;
      if (signal !== undefined)
        this.#more().readCleanup = onAbort(signal, (reason) => {
          this.#settleRead(rejected(reason));
        });
    });
  }

  /** What `read` would give at once: bytes, null at the end, undefined if there is nothing now. Throws where `read` would reject. */
  tryRead(): Uint8Array | null | undefined {
    const extra = this.#extra;
    if (extra?.readDeadline?.passed === true) throw timedOut("read");
    if (extra?.sink !== undefined) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the stream is attached to a sink");
    const inbound = this.#in;
    if (inbound !== undefined && this.#reader === undefined) return this.#take(inbound);
    if (!this.#isReadOver()) return undefined;
    const error = this.#readError();
    if (error !== undefined) throw error;
    return null;
  }

  /** Reads to the end. Leaving the loop early is `stop()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    const finish = (): Promise<IteratorResult<Uint8Array>> => {
      this.stop();
      return Promise.resolve({ value: undefined, done: true });
    };
    const iterator: AsyncIterableIterator<Uint8Array> = {
      next: () => this.read().then(toResult),
      return: finish,
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Tells the peer that nothing more will be read, and drops what came. The peer's writes fail with EPIPE.
   * `code` is 6 (cancelled), 7, or one of yours from 256 on. Does nothing after the end of reading.
   */
  stop(code: number = WireCode.STREAM_CANCELLED): void {
    checkApplicationCode(code);
    if ((this._state & (STOPPED | BROKEN | READ_BROKEN)) !== 0) return;
    this._state |= STOPPED;
    this.#dropUnread();
    this.#settleRead(null);
    if ((this._state & FIN_RECEIVED) !== 0) return;
    this.#more().stopCode = code;
    this.#control(SEND_STOP);
    this._creditDue();
  }

  // ---- writing ----

  /**
   * Writes a chunk, or several gathered. Awaiting it is the backpressure: it resolves when the last byte is framed, or at
   * once while the session has less than 1 MiB to frame. The bytes are given away.
   * If it is aborted before any of it was framed, all of it is withdrawn; later, it is completed and resolves.
   * Errors: EPIPE where the peer stopped reading, ECONNRESET and others by its code, ETIMEDOUT after a deadline, ERR_ASTRANET_INVALID_STATE after `end`.
   */
  write(chunk: Uint8Array | readonly Uint8Array[], options?: Abortable): Promise<void> {
    const signal = options?.signal;
    if (signal?.aborted === true) return rejected(signal.reason);
    const error = this.#writeError();
    if (error !== undefined) return rejected(error);
    const atOnce = this.#takesAtOnce();
    const out = (this._out ??= new ChunkQueue());
    const from = out.pushed;
    let bytes = 0;
    if (chunk instanceof Uint8Array) {
      if ((bytes = chunk.length) > 0) out.push(chunk);
    } else {
      for (const part of chunk) {
        if (part.length === 0) continue;
        bytes += part.length;
        out.push(part);
      }
    }
    if (bytes > 0) this.#enqueued(bytes);
    else if (out.empty) this._out = undefined;
    if (atOnce || bytes === 0) return done;
    return this.#waitForFrames(from, out.pushed - 1, signal);
  }

  /** Takes the whole chunk and returns true exactly when `write` would resolve at once; otherwise takes none of it. Throws where `write` would reject. */
  tryWrite(chunk: Uint8Array): boolean {
    const error = this.#writeError();
    if (error !== undefined) throw error;
    if (!this.#takesAtOnce()) {
      this._state |= WANTS_READY;
      this.session._sender.wantsReady(this);
      return false;
    }
    if (chunk.length > 0) {
      (this._out ??= new ChunkQueue()).push(chunk);
      this.#enqueued(chunk.length);
    }
    return true;
  }

  /** Resolves when `tryWrite` is worth trying again. Rejects where it would throw. If it is aborted nothing changes. */
  ready(options?: Abortable): Promise<void> {
    const signal = options?.signal;
    if (signal?.aborted === true) return rejected(signal.reason);
    const error = this.#writeError();
    if (error !== undefined) return rejected(error);
    if (this.#takesAtOnce()) return done;
    this._state |= WANTS_READY;
    this.session._sender.wantsReady(this);
    const ready = (this.#more().ready ??= new Deferred<undefined>());
    if (signal === undefined) return ready.promise;
    const own = new Deferred<undefined>();
    const cleanup = onAbort(signal, own.reject);
    ready.promise.then(own.resolve, own.reject);
    own.promise.then(cleanup, cleanup);
    return own.promise;
  }

  /**
   * Writes the chunk, if there is one, and ends this direction; reading goes on. Resolves as `write` does.
   * Does nothing on a direction that is over.
   */
  end(chunk?: Uint8Array): Promise<void> {
    if (chunk !== undefined && (this._state & ENDED) === 0) {
      const error = this.#writeError();
      if (error !== undefined) return rejected(error);
      if (chunk.length > 0) {
        (this._out ??= new ChunkQueue()).push(chunk);
        this._state |= ENDED;
        this.#enqueued(chunk.length);
      }
    } else if (chunk !== undefined) return rejected(afterEnd());
    if ((this._state & (BROKEN | WRITE_BROKEN)) !== 0) return this.#writeOver();
    if ((this._state & FIN_SENT) !== 0) return done;
    this._state |= ENDED;
    if (this.#queued === 0 && (this._state & SYN_DONE) !== 0) this.#control(SEND_FIN);
    if (this.#takesAtOnce()) return done;
    return (this.#more().ended ??= new Deferred<undefined>()).promise;
  }

  // ---- both ----

  /** `end()` and `stop()`. Resolves when both directions are done; after the session's `closeTimeoutMs` the stream is reset. */
  close(): Promise<void> {
    if ((this._state & BROKEN) !== 0) return done;
    void this.end();
    if ((this._state & FIN_RECEIVED) === 0) this.stop();
    else this.#dropUnread();
    const { clock, closeTimeoutMs } = this.session._options;
    const extra = this.#more();
    if (!this.#isOver())
      extra.closeTimer ??= clock.setTimer(closeTimeoutMs, () => {
        this.reset();
      });
    return this.closed.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Breaks both directions at once; what was not framed or read is dropped, and pending calls reject with ECONNRESET. The peer sees `code`
   * (6, 7, or one of yours from 256 on) and `reason` (UTF-8, at most 244 bytes). Does nothing on a stream that is over.
   */
  reset(code: number = WireCode.STREAM_CANCELLED, reason = ""): void {
    checkApplicationCode(code);
    this._reset(code, reason, new AstraError("ECONNRESET", `the stream was reset here${reason === "" ? "" : `: ${reason}`}`));
  }

  /** Accepts the stream and says so to the peer, with an answer header; for sessions with `manualAccept`. At most 1 KiB is always allowed. */
  accept(header: Uint8Array = NO_BYTES): void {
    if ((this._state & LOCAL) !== 0) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "accept is for the side that did not open the stream");
    if ((this._state & (ACCEPTED | BROKEN)) !== 0) return;
    if (header.length > this.session._maxPeerHeader) throw invalid(`an answer header of ${String(header.length)} bytes, the peer takes ${String(this.session._maxPeerHeader)}`);
    this._state |= ACCEPTED;
    if (header.length > 0) this.#more().answer = header;
    this.session._acceptedOne();
    this.#control(SEND_ACCEPT);
  }

  /** Refuses a stream that was not accepted: its opener gets ECONNREFUSED, retryable. `reason` as for `reset`. */
  refuse(reason = ""): void {
    if ((this._state & (LOCAL | ACCEPTED)) !== 0) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "only a stream that was not accepted can be refused");
    this._reset(WireCode.STREAM_REFUSED, reason, new AstraError("ECONNREFUSED", "the stream was refused here"));
  }

  /** Resolves with the answer header when the other side has accepted the stream; rejects if it was refused or broke before. */
  get opened(): Promise<Uint8Array> {
    const extra = this.#more();
    if (extra.opened === undefined) {
      extra.opened = new Deferred<Uint8Array>();
      if ((this._state & (ACCEPTED | LOCAL)) !== LOCAL) extra.opened.resolve(extra.acceptedWith ?? NO_BYTES);
      else if ((this._state & BROKEN) !== 0) extra.opened.reject(this.#readError());
    }
    return extra.opened.promise;
  }

  /** Resolves when both directions ended; rejects with what broke them. Marked as handled. */
  get closed(): Promise<void> {
    const extra = this.#more();
    if (extra.closed === undefined) {
      extra.closed = new Deferred<undefined>();
      if ((this._state & BROKEN) !== 0) extra.closed.reject(extra.writeError ?? extra.readError);
      else if (this.#isOver()) this.#settleClosed(extra.closed);
    }
    return extra.closed.promise;
  }

  /** Both deadlines at once. */
  setDeadline(afterMs: number | undefined): void {
    this.setReadDeadline(afterMs);
    this.setWriteDeadline(afterMs);
  }

  /**
   * `afterMs` milliseconds from now pending and later reads reject with ETIMEDOUT, until the deadline is moved; undefined removes it.
   * The stream is unharmed and no byte is lost. (Go's net.Conn has absolute times.)
   */
  setReadDeadline(afterMs: number | undefined): void {
    this.#setDeadline("readDeadline", afterMs, () => {
      this.#settleRead(rejected(timedOut("read")));
    });
  }

  /** As `setReadDeadline`, for `write`, `tryWrite`, `ready` and `end`: bytes of writes that are pending then are still sent. */
  setWriteDeadline(afterMs: number | undefined): void {
    this.#setDeadline("writeDeadline", afterMs, () => {
      this.#failWrites(timedOut("write"));
    });
  }

  /**
   * Push mode: from now on everything goes to the sink, what was queued first, before `attach` returns. Credit is returned
   * as the sink says `consume(n)`. A stream is attached once and for good.
   */
  attach(sink: StreamSink): void {
    const extra = this.#more();
    if (extra.sink !== undefined || this.#reader !== undefined) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the stream is attached, or read, already");
    extra.sink = sink;
    const inbound = this.#in;
    this.#in = undefined;
    while (inbound !== undefined && !inbound.empty) sink.data(inbound.shift());
    if (!this.#isReadOver()) return;
    const error = this.#readError();
    if (error !== undefined) sink.reset(error);
    else sink.end();
  }

  /** Says that the sink has used `bytes` of what it was given, so that the peer may send as much again. */
  consume(bytes: number): void {
    if (!(bytes >= 0 && bytes <= this._unread)) throw invalid(`consume(${String(bytes)}) with ${String(this._unread)} bytes not consumed`);
    this.#consumed(bytes);
  }

  /** A WHATWG view for reading, made on first use. Cancelling it is `stop()`. */
  get readable(): ReadableStream<Uint8Array> {
    return (this.#more().readable ??= readableOf(this));
  }

  /** A WHATWG view for writing, made on first use. Closing it is `end()`; aborting it breaks this direction only. */
  get writable(): WritableStream<Uint8Array> {
    return (this.#more().writable ??= writableOf(this));
  }

  // ---- for the session ----

  /** @internal */
  get _accepted(): boolean {
    return (this._state & (LOCAL | ACCEPTED)) !== 0;
  }

  /** @internal */
  get _extra(): StreamExtra {
    return this.#more();
  }

  /** Whether bytes could be framed now if it were its turn. @internal */
  get _sendable(): boolean {
    return this.#queued > 0 && this._sendWindow > 0;
  }

  /** Bytes came; `chunk` is the connection's. @internal */
  _deliver(chunk: Uint8Array, start: number, end: number): void {
    const bytes = end - start;
    if ((this._state & (STOPPED | READ_BROKEN)) !== 0) {
      this.#consumedUncounted(bytes);
      return;
    }
    const view = new Uint8Array(chunk.buffer, chunk.byteOffset + start, bytes);
    if (this.#reader !== undefined) {
      this.#consumedUncounted(bytes);
      this.#settleRead(view);
      return;
    }
    const { session } = this;
    this._unread += bytes;
    session._options.budget.unreadBytes += bytes;
    if ((this._state & IN_FRESH) === 0) {
      this._state |= IN_FRESH;
      session._receiver.fresh.push(this);
      session._sender.schedule();
    }
    const sink = this.#extra?.sink;
    if (sink !== undefined) sink.data(view);
    else (this.#in ??= new InboundQueue()).push(view);
  }

  /** The tick is over: what nobody took must not pin the connection's buffers. @internal */
  _settle(): void {
    this._state &= ~IN_FRESH;
    if (this._unread === 0) return;
    this.#in?.compact();
    this.session._options.budget._hold(this);
  }

  /** @internal */
  _finReceived(): void {
    this._state |= FIN_RECEIVED;
    this.session._options.budget._forget(this);
    if (this.#in === undefined) {
      this.#settleRead(null);
      if ((this._state & STOPPED) === 0) this.#extra?.sink?.end();
    }
    this.#maybeOver();
  }

  /** The FIN was framed. @internal */
  _finSent(): void {
    this._state = (this._state | FIN_SENT) & ~SEND_FIN;
    const ended = this.#extra?.ended;
    if (ended !== undefined) ended.resolve(undefined);
    this.#maybeOver();
  }

  /** `bytes` were framed from the queue. @internal */
  _framed(bytes: number): void {
    this.#queued -= bytes;
    this._sendWindow -= bytes;
    const out = this._out;
    if (out === undefined) return;
    const writes = this.#extra?.writes;
    if (writes !== undefined) while (writes.length > 0 && (writes[0] as WriteWaiter).to < out.shifted) writes.shift()?.resolve();
    if (out.empty) this._out = undefined;
  }

  /** It may be worth trying to write again. @internal */
  _wake(): void {
    this._state &= ~WANTS_READY;
    const extra = this.#extra;
    if (extra === undefined) return;
    extra.ready?.resolve(undefined);
    delete extra.ready;
    extra.sink?.ready?.();
  }

  /** Whether `tryWrite` would take a chunk. @internal */
  get _isReady(): boolean {
    return this.#takesAtOnce();
  }

  /** The peer accepted, in words or by its first bytes. @internal */
  _acceptedBy(header: Uint8Array): void {
    if ((this._state & (LOCAL | ACCEPTED)) !== LOCAL) return;
    this._state |= ACCEPTED;
    if (header.length > 0) this.#more().acceptedWith = header.slice();
    this.#extra?.opened?.resolve(this.#extra.acceptedWith ?? NO_BYTES);
  }

  /** Returns credit if enough is owed. @internal */
  _creditDue(): void {
    const { session } = this;
    if ((this._state & (FIN_RECEIVED | BROKEN)) !== 0) return;
    const window = this.#extra?.window ?? session._recvWindow;
    if (this._owed * 2 >= window || (this._recvWindow < 65_536 && this._owed >= 16_384)) this.#control(SEND_CREDIT);
  }

  /** What to grant in a WNDINC now; grows the window where the round trip asks for it. @internal */
  _takeCredit(): number {
    const { session } = this;
    const { budget, maxStreamWindow, clock } = session._options;
    if ((this._state & (FIN_RECEIVED | BROKEN)) !== 0) return 0;
    let owed = this._owed;
    const { rttMs } = session;
    if (session._canGrow && !budget._pressed && (this._state & STOPPED) === 0) {
      const extra = this.#more();
      const now = clock.now();
      const window = extra.window ?? session._recvWindow;
      const since = now - (extra.grantedAt ?? -Infinity);
      // Half a window used within two round trips: the window, not the reader, sets the pace (as quic-go and rust-yamux do).
      if (rttMs !== undefined && since < 2 * rttMs && window < maxStreamWindow) {
        extra.window = Math.min(maxStreamWindow, window * 2);
        owed += extra.window - window;
      }
      extra.grantedAt = now;
      session._keepAlive.sample();
    }
    const grant = Math.min(budget._grant(this, this._recvWindow, owed), MAX_WINDOW - this._recvWindow);
    this._owed = owed - grant;
    this._recvWindow += grant;
    return grant;
  }

  /** Breaks the stream with an RST; one that is over is left alone. @internal */
  _reset(code: number, reason: string, error: AstraError): void {
    if ((this._state & BROKEN) !== 0 || this.#isOver()) return;
    const { session } = this;
    const sent = (this._state & SYN_DONE) !== 0;
    this._break(error, false);
    if (!sent) return;
    const extra = this.#more();
    extra.resetCode = code;
    extra.resetReason = reason;
    this._state &= ~SEND_ANY;
    session._sender.control(this, SEND_RST);
  }

  /** The unread bytes of all streams are too many, and this one is why. @internal */
  _overload(accepted: boolean): void {
    const error = new AstraError("ERR_ASTRANET_OVERLOAD", `the stream was reset: ${String(this._unread)} bytes of it lay unread and the session's budget was exceeded`, { remoteCode: WireCode.ENHANCE_YOUR_CALM });
    if (this.#isOver() || (this._state & BROKEN) !== 0) {
      this.#dropUnread();
      this._state |= READ_BROKEN;
      this.#more().readError = error;
      return;
    }
    if (accepted) this._reset(WireCode.ENHANCE_YOUR_CALM, "too many unread bytes", error);
    else this._reset(WireCode.STREAM_REFUSED, "too many unread bytes", error);
  }

  /** An RST came. @internal */
  _resetByPeer(code: number, half: boolean, reason: string | undefined): void {
    const error = streamError(code, "the peer reset the stream", reason);
    if ((this._state & FIN_RECEIVED) !== 0) {
      // What came before its FIN stays readable; only our writing half is over.
      if (!half) this.#breakWriting(error, true);
      return;
    }
    if (half) {
      this._state |= READ_BROKEN | FIN_RECEIVED;
      this.#dropUnread();
      this.#breakReading(error);
      this.#maybeOver();
    } else this._break(error, false);
  }

  /** The peer reads no more: drops the queue and answers with a FIN. @internal */
  _stoppedByPeer(code: number): void {
    if ((this._state & (FIN_SENT | WRITE_BROKEN | BROKEN)) !== 0) return;
    this.#breakWriting(new AstraError("EPIPE", "the peer stopped reading the stream", { remoteCode: code }), false);
    this._state |= ENDED;
    this.#control(SEND_FIN);
  }

  /** Ends only our writing half with an RST, for WritableStream.abort. @internal */
  _abortWriting(): void {
    if ((this._state & (FIN_SENT | WRITE_BROKEN | BROKEN)) !== 0) return;
    if (!this.session._extended || (this._state & SYN_DONE) === 0) {
      this.reset();
      return;
    }
    this.#breakWriting(new AstraError("ECONNRESET", "the writing half was aborted here"), false);
    this.#control(SEND_ABORT);
  }

  /** Both directions are over. `keepUnread`: the link died, and what arrived may be read first. @internal */
  _break(error: AstraError, keepUnread: boolean): void {
    if ((this._state & BROKEN) !== 0) return;
    const wasReadOver = (this._state & FIN_RECEIVED) !== 0;
    this._state |= BROKEN;
    if (!keepUnread) this.#dropUnread();
    // With the FIN here already, a dead link takes nothing from the reader.
    if (!(keepUnread && wasReadOver)) this.#breakReading(error);
    this.#breakWriting(error, false);
    const extra = this.#extra;
    if (extra !== undefined) {
      if ((this._state & (LOCAL | ACCEPTED)) === LOCAL) extra.opened?.reject(error);
      extra.closed?.reject(error);
    }
    this.#over();
  }

  /** Buffers that its unread bytes keep alive. @internal */
  _buffers(buffers: Set<ArrayBufferLike>): void {
    this.#in?.buffers(buffers);
  }

  // ---- inside ----

  #more(): StreamExtra {
    return (this.#extra ??= {});
  }

  #control(bit: number): void {
    this.session._sender.control(this, bit);
  }

  #take(inbound: InboundQueue): Uint8Array {
    const chunk = inbound.shift();
    if (inbound.empty) this.#in = undefined;
    this.#consumed(chunk.length);
    return chunk;
  }

  #consumed(bytes: number): void {
    this._unread -= bytes;
    this.session._options.budget._release(this, bytes);
    this.#consumedUncounted(bytes);
  }

  #consumedUncounted(bytes: number): void {
    this._lastRead = this.session._receiver.tick;
    this._owed += bytes;
    if (this._owed >= 16_384) this._creditDue();
  }

  #dropUnread(): void {
    this.#in = undefined;
    if (this._unread > 0 && this.#extra?.sink === undefined) this.#consumed(this._unread);
    else if (this._unread > 0) {
      const bytes = this._unread;
      this._unread = 0;
      this.session._options.budget._release(this, bytes);
    }
  }

  #isReadOver(): boolean {
    return (this._state & (FIN_RECEIVED | BROKEN | STOPPED | READ_BROKEN)) !== 0;
  }

  #readError(): AstraError | undefined {
    if ((this._state & STOPPED) !== 0) return new AstraError("ERR_ASTRANET_INVALID_STATE", "reading was stopped here");
    return this.#extra?.readError;
  }

  #readEnd(): Promise<null> {
    const error = this.#readError();
    return error === undefined ? end : rejected(error);
  }

  #settleRead(result: Uint8Array | null | Promise<never>): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    const extra = this.#extra;
    if (extra?.readCleanup !== undefined) {
      extra.readCleanup();
      extra.readCleanup = undefined;
    }
    reader(result);
  }

  #breakReading(error: AstraError): void {
    const extra = this.#more();
    extra.readError ??= error;
    this.#settleRead(rejected(error));
    extra.sink?.reset(error);
  }

  #writeError(): AstraError | undefined {
    if ((this._state & (ENDED | BROKEN | WRITE_BROKEN)) !== 0) return this.#extra?.writeError ?? afterEnd();
    if (this.#extra?.writeDeadline?.passed === true) return timedOut("write");
    return undefined;
  }

  #writeOver(): Promise<void> {
    const error = this.#extra?.writeError;
    return error === undefined ? done : rejected(error);
  }

  #takesAtOnce(): boolean {
    return this.#queued === 0 || ((this._state & IN_DATA) !== 0 && this.session._sender.hasRoom);
  }

  #enqueued(bytes: number): void {
    this.#queued += bytes;
    this.session._sender.queued(this, bytes);
  }

  #waitForFrames(from: number, to: number, signal: AbortSignal | undefined): Promise<void> {
    const extra = this.#more();
    const writes = (extra.writes ??= []);
    const promise = new Promise<void>((resolve, reject) => {
      const waiter: WriteWaiter = { from, to, resolve, reject };
      writes.push(waiter);
      if (signal === undefined) return;
      const cleanup = onAbort(signal, (reason) => {
        const out = this._out;
        const index = writes.indexOf(waiter);
        // Some of it is framed: the peer may have read it, so the rest must follow.
        if (index === -1 || out === undefined || out.shifted > from || (out.shifted === from && out.offset > 0)) return;
        writes.splice(index, 1);
        this.#withdraw(out.blank(from, to));
        reject(reason);
      });
      waiter.resolve = () => {
        cleanup();
        resolve();
      };
      waiter.reject = (error) => {
        cleanup();
        reject(error);
      };
    });
    promise.catch(() => undefined);
    return promise;
  }

  #withdraw(bytes: number): void {
    this.#queued -= bytes;
    this.session._sender.withdrawn(this, bytes);
    if (this.#queued > 0) return;
    this._out = undefined;
    if ((this._state & (ENDED | SYN_DONE | FIN_SENT)) === (ENDED | SYN_DONE)) this.#control(SEND_FIN);
  }

  #failWrites(error: AstraError): void {
    const extra = this.#extra;
    if (extra === undefined) return;
    for (const write of extra.writes?.splice(0) ?? []) write.reject(error);
    extra.ended?.reject(error);
    delete extra.ended;
    extra.ready?.reject(error);
    delete extra.ready;
  }

  /** Our writing half is over. `over`: for the peer too, so that no FIN is owed. */
  #breakWriting(error: AstraError, over: boolean): void {
    this._state |= WRITE_BROKEN;
    if (this.#queued > 0) {
      const bytes = this.#queued;
      this.#queued = 0;
      this._out = undefined;
      this.session._sender.withdrawn(this, bytes);
    }
    this.#more().writeError ??= error;
    this.#failWrites(error);
    if (over && (this._state & FIN_SENT) === 0) this._finSent();
  }

  #isOver(): boolean {
    return (this._state & (FIN_SENT | FIN_RECEIVED)) === (FIN_SENT | FIN_RECEIVED);
  }

  #maybeOver(): void {
    if (!this.#isOver()) return;
    if (this.#extra?.closed !== undefined) this.#settleClosed(this.#extra.closed);
    this.#over();
  }

  #settleClosed(closed: Deferred<undefined>): void {
    const { readError, writeError } = this._extra;
    // That the peer reads no more is a way to end, not a failure of the stream.
    const error = readError ?? (AstraError.is(writeError, "EPIPE") ? undefined : writeError);
    if (error === undefined) closed.resolve(undefined);
    else closed.reject(error);
  }

  #over(): void {
    const extra = this.#extra;
    if (extra !== undefined) {
      extra.closeTimer?.cancel();
      extra.writeDeadline?.timer?.cancel();
      if ((this._state & BROKEN) !== 0) extra.readDeadline?.timer?.cancel();
    }
    this.session._streamOver(this);
  }

  #setDeadline(which: "readDeadline" | "writeDeadline", afterMs: number | undefined, onpassed: () => void): void {
    if (afterMs !== undefined && typeof afterMs !== "number") throw invalid(`a deadline is a number of milliseconds, not ${String(afterMs)}`);
    const extra = this.#more();
    extra[which]?.timer?.cancel();
    delete extra[which];
    if (afterMs === undefined || afterMs === Infinity || (this._state & BROKEN) !== 0) return;
    const deadline: Deadline = { timer: undefined, passed: !(afterMs > 0) };
    extra[which] = deadline;
    if (deadline.passed) onpassed();
    else
      deadline.timer = this.session._options.clock.setTimer(afterMs, () => {
        deadline.passed = true;
        onpassed();
      });
  }
}

function toResult(chunk: Uint8Array | null): IteratorResult<Uint8Array, undefined> {
  return chunk === null ? { value: undefined, done: true } : { value: chunk, done: false };
}

function timedOut(what: string): AstraError {
  return new AstraError("ETIMEDOUT", `the stream's ${what} deadline has passed`);
}

function afterEnd(): AstraError {
  return new AstraError("ERR_ASTRANET_INVALID_STATE", "a write after the end");
}

/** Throws EINVAL unless `urgency` is 0 to 7. */
export function checkUrgency(urgency: number): void {
  if (!Number.isInteger(urgency) || urgency < 0 || urgency > 7) throw invalid(`urgency must be an integer from 0 to 7, not ${String(urgency)}`);
}

function checkApplicationCode(code: number): void {
  const own = code === WireCode.STREAM_CANCELLED || code === WireCode.STREAM_RESET || code >= FIRST_APPLICATION_CODE;
  if (!own || !Number.isInteger(code) || code > 0xffff_ffff) throw invalid(`an application may send code 6, 7 and 256 to 2^32 − 1, not ${String(code)}`);
}

