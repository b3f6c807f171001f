import { Flag, FrameDecoder, FrameError, type FrameHandler, MAX_WINDOW, type Settings, WireCode } from "@astranet/frame";
import { type AstraError, TokenBucket } from "@astranet/transport";
import { NO_BYTES } from "../bytes.ts";
import { isAfter } from "./serial.ts";
import type { Session } from "../session/session.ts";
import { BROKEN, FIN_RECEIVED, READ_BROKEN } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { streamError } from "./wire-error.ts";

interface PendingOpen {
  readonly id: number;
  readonly urgency: number;
  readonly header: Uint8Array;
}

interface Reason {
  readonly id: number;
  readonly text: string;
}

/** The frames that come: what each does to the session and its streams, and which are too many. */
export class Receiver implements FrameHandler {
  /** Streams with bytes that came within this tick. */
  fresh: Stream[] = [];
  /** The highest id that the peer has opened; 0: none. */
  lastId = 0;
  /** @internal */ readonly _session: Session;
  /** The stream that the DATA frame under way belongs to. @internal */
  _current: Stream | undefined;
  /** That frame ends it. @internal */
  _fin = false;
  readonly #decoder: FrameDecoder;
  #open: PendingOpen | undefined;
  #reason: Reason | undefined;
  #lastReset: AstraError | undefined;
  #hasSettings = false;
  #emptyFrames = 0;
  readonly #pings: TokenBucket;
  readonly #unknown: TokenBucket;

  constructor(session: Session, wire: "astranet" | "muxado" = "astranet") {
    this._session = session;
    const { clock, maxPingsPerSecond, maxUnknownFramesPerSecond, maxHeader, maxGoAwayDebug } = session._options;
    this.#decoder = new FrameDecoder(this, { wire, maxHeader, maxGoAwayDebug });
    this.#pings = new TokenBucket(clock, maxPingsPerSecond, maxPingsPerSecond);
    this.#unknown = new TokenBucket(clock, maxUnknownFramesPerSecond, maxUnknownFramesPerSecond);
  }

  /** Bytes of counted frames so far. */
  get counted(): number {
    return this.#decoder.counted;
  }

  get buffered(): number {
    return this.#decoder.buffered;
  }

  /** Throws FrameError. */
  push(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  /** Takes no more bytes. */
  halt(): void {
    this.#decoder.stop();
  }

  /** The tick is over: what was not taken is kept for longer. */
  settle(): void {
    this._session._options.budget._tick++;
    if (this.fresh.length === 0) return;
    const { fresh } = this;
    this.fresh = [];
    for (const stream of fresh) stream._settle();
  }

  data(streamId: number, flags: number, length: number, type: number): void {
    const session = this._session;
    this._fin = (flags & Flag.FIN) !== 0;
    const syn = (flags & Flag.SYN) !== 0;
    if (!syn) this.#expectNoSyn();
    if (length > 0 || this._fin || syn) this.#emptyFrames = 0;
    else if (++this.#emptyFrames > session._options.maxEmptyFrames) throw calm(`more than ${session._options.maxEmptyFrames} empty DATA frames in a row`);
    // The decoder has counted the header and the type, which never wait for link credit; the rest must be within it.
    const payload = type === -1 ? length : length - 4;
    if (session._extended && payload > 0 && this.#decoder.counted + payload > session._linkCredit.limit)
      throw new FrameError(WireCode.FLOW_CONTROL, "DATA beyond the link's window");
    let stream = syn ? this.#syn(streamId, type) : this.#find(streamId);
    if (stream !== undefined) {
      if ((stream._state & FIN_RECEIVED) !== 0) stream = this._afterFin(stream);
      else if (length > stream._recvWindow) stream = this._beyondWindow(stream, length);
    }
    this._current = stream;
    if (stream === undefined) return;
    stream._recvWindow -= length;
    if (type !== -1) stream._owed += 4;
    stream._acceptedBy(NO_BYTES);
  }

  payload(chunk: Uint8Array, start: number, end: number): void {
    this._current?._deliver(chunk, start, end);
  }

  dataEnd(): void {
    const stream = this._current;
    if (stream === undefined) return;
    this._current = undefined;
    if (this._fin && (stream._state & (BROKEN | READ_BROKEN)) === 0) stream._finReceived();
  }

  rst(streamId: number, flags: number, code: number): void {
    this.#expectNoSyn();
    const stream = this.#find(streamId);
    const reason = this.#reason?.id === streamId ? this.#reason.text : undefined;
    this.#reason = undefined;
    if (stream === undefined) return;
    if (!stream._accepted) this._session._acceptor.provoked();
    stream._resetByPeer(this.#resetError(code, reason), (flags & Flag.HALF) !== 0);
  }

  windowIncrement(streamId: number, increment: number): void {
    this.#expectNoSyn();
    const stream = this.#find(streamId);
    if (stream === undefined) return;
    if (stream._sendWindow + increment > MAX_WINDOW) throw new FrameError(WireCode.FLOW_CONTROL, `WNDINC takes the window of stream ${streamId} beyond 2^31 − 1`);
    stream._sendWindow += increment;
    this._session._sender.activate(stream);
  }

  goAway(lastStreamId: number, code: number, debug: Uint8Array): void {
    this.#expectNoSyn();
    this._session._ending.goneAway(lastStreamId, code, debug);
  }

  settings(settings: Settings): void {
    if (this.#hasSettings) throw protocol("a second SETTINGS");
    this.#hasSettings = true;
    this._session._settled(settings);
  }

  ping(ack: boolean, high: number, low: number): void {
    this.#expectNoSyn();
    const session = this._session;
    if (ack) {
      session._keepAlive.pong(high === 0 ? low : -1);
      return;
    }
    if (!this.#pings.tryTake()) throw calm(`more than ${session._options.maxPingsPerSecond} PINGs in a second`);
    session._sender.pong = { high, low };
    session._sender.schedule();
  }

  open(streamId: number, update: boolean, urgency: number, header: Uint8Array): void {
    this.#expectNoSyn();
    if (!update) this.#open = { id: streamId, urgency, header: header.slice() };
    else {
      const stream = this.#find(streamId);
      if (stream !== undefined) this._session._sender.scheduler.setUrgency(stream, urgency);
    }
  }

  accept(streamId: number, header: Uint8Array): void {
    this.#expectNoSyn();
    this.#find(streamId)?._acceptedBy(header);
  }

  stop(streamId: number, code: number): void {
    this.#expectNoSyn();
    this.#find(streamId)?._stoppedByPeer(code);
  }

  link(received: number, limit: number): void {
    this.#expectNoSyn();
    this._session._linked(received, limit);
  }

  reason(streamId: number, _code: number, _nodeId: bigint, text: string): void {
    this.#expectNoSyn();
    this.#find(streamId);
    this.#reason = { id: streamId, text };
  }

  skipped(type: number): void {
    this.#expectNoSyn();
    if (!this.#unknown.tryTake()) throw calm(`too many frames of unknown type ${type}`);
  }

  /** A peer may reset many streams with few bytes: resets that say the same, one after the other, share their error. */
  #resetError(code: number, reason: string | undefined): AstraError {
    if (reason !== undefined) return streamError(code, "the peer reset the stream", reason);
    if (this.#lastReset?.remoteCode !== code) this.#lastReset = streamError(code, "the peer reset the stream");
    return this.#lastReset;
  }

  /** OPEN announces a SYN: nothing may come between. */
  #expectNoSyn(): void {
    if (this.#open !== undefined) throw protocol(`OPEN of stream ${this.#open.id} without its SYN`);
  }

  /** A SYN came: the new stream, or undefined where it is refused. */
  #syn(streamId: number, type: number): Stream | undefined {
    const session = this._session;
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined && open.id !== streamId) throw protocol(`OPEN of stream ${open.id} before the SYN of ${streamId}`);
    if (session._ids.isLocal(streamId)) throw protocol(`SYN with id ${streamId}, which is ours to give`);
    this._checkSyn(streamId);
    return session._acceptor.incoming(streamId, type, open?.urgency ?? 3, open?.header);
  }

  /** The open stream of that id; undefined if it is over. Ids that were never opened are the peer's mistake. */
  #find(streamId: number): Stream | undefined {
    const session = this._session;
    const local = session._ids.isLocal(streamId);
    const stream = (local ? session._local : session._remote).get(streamId);
    if (stream === undefined) this._checkOver(streamId, local ? session._lastLocal : this.lastId);
    return stream;
  }

  // ---- where muxado's wire differs ----

  /** DATA came after the FIN. @internal */
  _afterFin(stream: Stream): Stream | undefined {
    throw protocol(`DATA on stream ${stream.id} after its FIN`);
  }

  /** DATA came that the window does not allow. @internal */
  _beyondWindow(stream: Stream, length: number): Stream | undefined {
    throw new FrameError(WireCode.FLOW_CONTROL, `DATA of ${length} bytes on stream ${stream.id}, whose window is ${stream._recvWindow}`);
  }

  /** The peer may open this id. @internal */
  _checkSyn(streamId: number): void {
    if (this.lastId !== 0 && !isAfter(streamId, this.lastId)) throw protocol(`SYN with id ${streamId} after ${this.lastId}`);
    this.lastId = streamId;
  }

  /** An id that is not open was open, for ids rise to `last`. @internal */
  _checkOver(streamId: number, last: number): void {
    if (last === 0 || isAfter(streamId, last)) throw protocol(`a frame for stream ${streamId}, which was never opened`);
  }
}

function protocol(what: string): FrameError {
  return new FrameError(WireCode.PROTOCOL, what);
}

function calm(what: string): FrameError {
  return new FrameError(WireCode.ENHANCE_YOUR_CALM, what);
}
