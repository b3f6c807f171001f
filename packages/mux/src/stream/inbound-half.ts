import { MAX_WINDOW, WireCode } from "@astranet/frame";
import type { AstraError } from "@astranet/transport";
import { onAbort, rejected } from "../deferred.ts";
import { InboundQueue } from "./inbound-queue.ts";
import { PRESSED_WINDOW } from "../flow/unread-budget.ts";
import { invalid, invalidState } from "../session/options.ts";
import { BROKEN, FIN_RECEIVED, FIN_SENT, IN_FRESH, READ_BROKEN, SEND_CREDIT, SEND_STOP, STOPPED } from "./state.ts";
import { type Abortable, StreamCore, timedOut } from "./stream-core.ts";
import type { StreamSink } from "./stream-sink.ts";
import { checkApplicationCode } from "../wire/wire-error.ts";

/** Shared, like `done`. */
const end: Promise<null> = Promise.resolve(null);

/** The half of a stream that reads: what came and was not read, the credit for it, and who waits. */
export abstract class InboundHalf extends StreamCore {
  #in: InboundQueue | undefined = undefined;
  #reader: ((result: Uint8Array | null | Promise<never>) => void) | undefined = undefined;

  /** Bytes that came and wait for `read`. */
  get readableLength(): number {
    return this._unread;
  }

  /**
   * The next bytes, or null at the end. One read at a time. What came before an end is read before it.
   * If it is aborted, no byte is lost: the next read gets them.
   * Errors: ECONNRESET and others by the peer's code, ETIMEDOUT after a deadline, ERR_ASTRANET_INVALID_STATE while another read waits, or after `stop` or `attach`.
   */
  read(options?: Abortable): Promise<Uint8Array | null> {
    const signal = options?.signal;
    if (signal?.aborted === true) return rejected(signal.reason);
    try {
      const now = this.#readNow();
      if (now !== undefined) return now === null ? end : Promise.resolve(now);
    } catch (error) {
      return rejected(error);
    }
    return new Promise<Uint8Array | null>((resolve) => {
      this.#reader = resolve;
      if (signal !== undefined)
        this._more.readCleanup = onAbort(signal, (reason) => {
          this.#settleRead(rejected(reason));
        });
    });
  }

  /** What `read` would give at once: bytes, null at the end, undefined if there is nothing now. Throws where `read` would reject. */
  tryRead(): Uint8Array | null | undefined {
    const extra = this._extra;
    if (extra?.readDeadline?.passed === true) throw timedOut("read");
    if (extra?.sink !== undefined) throw invalidState("the stream is attached to a sink");
    const inbound = this.#in;
    if (inbound !== undefined) {
      const chunk = inbound.shift();
      if (inbound.empty) this.#in = undefined;
      this.#consumed(chunk.length);
      return chunk;
    }
    if (!this._isReadOver()) return undefined;
    const error = this._readError();
    if (error !== undefined) throw error;
    return null;
  }

  /** Reads to the end. Leaving the loop early is `stop()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return new StreamIterator(this);
  }

  /**
   * Tells the peer that nothing more will be read, and drops what came. The peer's writes fail with EPIPE.
   * `code` is 6 (cancelled), 7, or one of yours from 256 on. Does nothing after the end of reading.
   */
  stop(code: number = WireCode.STREAM_CANCELLED): void {
    checkApplicationCode(code);
    if ((this._state & (STOPPED | BROKEN | READ_BROKEN)) !== 0) return;
    this._state |= STOPPED;
    this._dropUnread();
    this.#settleRead(null);
    if ((this._state & FIN_RECEIVED) !== 0) return;
    this._more.stopCode = code;
    // muxado has no STOP: once our FIN is out an RST says it.
    if (this.session._extended) this._control(SEND_STOP);
    else if ((this._state & FIN_SENT) !== 0) this.session._cancel(this._stream);
    this._creditDue();
  }

  /**
   * Push mode: from now on everything goes to the sink, what was queued first, before `attach` returns. Credit is returned
   * as the sink says `consume(n)`. A stream is attached once and for good.
   */
  attach(sink: StreamSink): void {
    checkSink(sink);
    const extra = this._more;
    if (extra.sink !== undefined || this.#reader !== undefined) throw invalidState("the stream is attached, or read, already");
    extra.sink = sink;
    const wasOver = this._isReadOver();
    const { readError } = extra;
    const inbound = this.#in;
    // The sink may stop or reset the stream within `data`, which takes the rest away.
    while (inbound !== undefined && this.#in === inbound) {
      const chunk = inbound.shift();
      if (inbound.empty) this.#in = undefined;
      sink.data(chunk);
    }
    // What happened meanwhile was told as it did; after `stop` there is nothing to tell until the stream breaks.
    if (!wasOver || extra.readError !== readError || (this._state & (STOPPED | BROKEN)) === STOPPED) return;
    if (readError !== undefined) sink.reset(readError);
    else sink.end();
  }

  /** Says that the sink has used `bytes` of what it was given, so that the peer may send as much again. Does nothing on a stream that broke or was stopped. */
  consume(bytes: number): void {
    if ((this._state & (STOPPED | READ_BROKEN | BROKEN)) !== 0 && this._unread === 0) return;
    if (!(bytes >= 0 && bytes <= this._unread)) throw invalid(`consume(${bytes}) with ${this._unread} bytes not consumed`);
    this.#consumed(bytes);
  }

  /**
   * `afterMs` milliseconds from now pending and later reads reject with ETIMEDOUT, until the deadline is moved; undefined removes it.
   * The stream is unharmed and no byte is lost. (Go's net.Conn has absolute times.)
   */
  setReadDeadline(afterMs: number | undefined): void {
    this._setDeadline("readDeadline", afterMs, () => {
      this.#settleRead(rejected(timedOut("read")));
    });
  }

  /** As `read`, for iteration. A `then` on what `read` gives would cost one more promise and one more turn of the microtasks for each chunk. @internal */
  _nextResult(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const now = this.#readNow();
      if (now !== undefined) return Promise.resolve(toResult(now));
    } catch (error) {
      return rejected(error);
    }
    return new Promise((resolve) => {
      this.#reader = (result) => {
        resolve(result === null || result instanceof Uint8Array ? toResult(result) : result);
      };
    });
  }

  /** Bytes came; `chunk` is the connection's. @internal */
  _deliver(chunk: Uint8Array, start: number, end: number): void {
    const bytes = end - start;
    // Broken within the frame, by whoever got the first of its bytes: the rest is for nobody.
    if ((this._state & (STOPPED | READ_BROKEN | BROKEN)) !== 0) {
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
    const sink = this._extra?.sink;
    if (sink === undefined) (this.#in ??= new InboundQueue()).push(view);
    else {
      this._callSink(sink, view);
      // Consumed at once, as it mostly is: there is nothing to look after.
      if (this._unread === 0) return;
    }
    if ((this._state & IN_FRESH) !== 0) return;
    this._state |= IN_FRESH;
    session._receiver.fresh.push(this._stream);
    session._sender.scheduleSettle();
  }

  /** The tick is over: what nobody took must not pin the connection's buffers. @internal */
  _settle(): void {
    this._state &= ~IN_FRESH;
    if (this._unread === 0) return;
    this.#in?.compact();
    this.session._options.budget._hold(this._stream);
  }

  /** @internal */
  _finReceived(): void {
    this._state |= FIN_RECEIVED;
    this.session._options.budget._forget(this._stream);
    if (this.#in === undefined) {
      this.#settleRead(null);
      const sink = this._extra?.sink;
      if (sink !== undefined && (this._state & STOPPED) === 0) this._callSink(sink, null);
    }
    this._maybeOver();
  }

  /** Returns credit if enough is owed. @internal */
  _creditDue(): void {
    const { session } = this;
    if ((this._state & (FIN_RECEIVED | BROKEN)) !== 0) return;
    const window = this._extra?.window ?? session._recvWindow;
    // Under pressure windows are smaller than they were granted.
    const half = (session._options.budget._pressed ? Math.min(window, PRESSED_WINDOW) : window) / 2;
    if (this._owed >= half) this._control(SEND_CREDIT);
  }

  /** What to grant in a WNDINC now; grows the window where the round trip asks for it. @internal */
  _takeCredit(): number {
    const { session } = this;
    const { budget, maxStreamWindow, clock } = session._options;
    if ((this._state & (FIN_RECEIVED | BROKEN)) !== 0) return 0;
    let owed = this._owed;
    const { rttMs } = session;
    if (session._extended && !budget._pressed && (this._state & STOPPED) === 0) {
      const extra = this._more;
      const now = clock.now();
      const window = extra.window ?? session._recvWindow;
      const since = now - (extra.grantedAt ?? -Infinity);
      // Half a window used within two round trips, and little of it waits here: the window, not the reader, sets the pace (as quic-go and rust-yamux do).
      if (rttMs !== undefined && since < 2 * rttMs && this._unread * 4 <= window) {
        extra.window = Math.min(maxStreamWindow, window * 2);
        owed += extra.window - window;
      }
      extra.grantedAt = now;
      session._keepAlive.sample();
    }
    const grant = Math.min(budget._grant(this._stream, this._recvWindow, owed), MAX_WINDOW - this._recvWindow);
    this._owed = owed - grant;
    this._recvWindow += grant;
    return grant;
  }

  /** Buffers that its unread bytes keep alive. @internal */
  _buffers(buffers: Set<ArrayBufferLike>): void {
    this.#in?.buffers(buffers);
  }

  /** @internal */
  _dropUnread(): void {
    this.#in = undefined;
    this.#consumed(this._unread);
  }

  /** @internal */
  _breakReading(error: AstraError): void {
    const extra = this._more;
    const told = extra.readError !== undefined;
    extra.readError ??= error;
    this.#settleRead(rejected(error));
    if (extra.sink !== undefined && !told) this._callSink(extra.sink, error);
  }

  /** What a sink throws is its own mistake: it costs that stream alone, and surfaces as an uncaught exception. @internal */
  _callSink(sink: StreamSink, event: Uint8Array | null | AstraError | number | undefined): void {
    try {
      if (event instanceof Uint8Array) sink.data(event);
      else if (typeof event === "number") sink.framed?.(event);
      else if (event === null) sink.end();
      else if (event === undefined) sink.ready?.();
      else sink.reset(event);
    } catch (error) {
      this.session._handlerFailed(this._stream, error);
    }
  }

  /** @internal */
  _isReadOver(): boolean {
    return (this._state & (FIN_RECEIVED | BROKEN | STOPPED | READ_BROKEN)) !== 0;
  }

  /** @internal */
  _readError(): AstraError | undefined {
    if ((this._state & STOPPED) !== 0) return invalidState("reading was stopped here");
    return this._extra?.readError;
  }

  /** As `tryRead`, but throws where another read waits. */
  #readNow(): Uint8Array | null | undefined {
    if (this.#reader !== undefined) throw invalidState("a read is waiting already");
    return this.tryRead();
  }

  #consumed(bytes: number): void {
    this._unread -= bytes;
    this.session._releaseUnread(this._stream, bytes);
    this.#consumedUncounted(bytes);
  }

  #consumedUncounted(bytes: number): void {
    this._lastRead = this.session._options.budget._tick;
    this._owed += bytes;
    // Cheap to see that it is not due: half of any window is more, but of a small one that muxado was given.
    if (this._owed >= 16_384 || this._owed * 2 >= this.session._recvWindow) this._creditDue();
  }

  #settleRead(result: Uint8Array | null | Promise<never>): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    const extra = this._extra;
    if (extra?.readCleanup !== undefined) {
      extra.readCleanup();
      extra.readCleanup = undefined;
    }
    reader(result);
  }
}

/** A class, because an object with a method under a symbol, made for each stream, took a fifth of a short stream's time. */
class StreamIterator implements AsyncIterableIterator<Uint8Array> {
  readonly #half: InboundHalf;

  constructor(half: InboundHalf) {
    this.#half = half;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.#half._nextResult();
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#half.stop();
    return Promise.resolve(toResult(null));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function checkSink(sink: Partial<StreamSink> | null | undefined): void {
  const missing = typeof sink?.data !== "function" ? "data" : typeof sink.end !== "function" ? "end" : typeof sink.reset !== "function" ? "reset" : undefined;
  if (missing !== undefined) throw invalid(`a sink needs the method ${missing}`);
}

function toResult(chunk: Uint8Array | null): IteratorResult<Uint8Array, undefined> {
  return chunk === null ? { value: undefined, done: true } : { value: chunk, done: false };
}
