import { FrameError, WireCode } from "@astranet/frame";
import type { Session } from "../session/session.ts";
import { BROKEN, UNTYPED } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { Receiver } from "../wire/receiver.ts";
import { isAfter } from "../wire/serial.ts";
import { Heartbeat, HEARTBEAT_TYPE } from "./heartbeat.ts";

/** The frames that come on muxado's wire: what Go and Rust do that our own wire forbids. */
export class MuxadoReceiver extends Receiver {
  constructor(session: Session) {
    super(session, "muxado");
  }

  override payload(chunk: Uint8Array, start: number, end: number): void {
    const stream = this._current;
    let from = start;
    if (stream !== undefined && (stream._state & UNTYPED) !== 0) from = this.#typeBytes(stream, chunk, start, end);
    if (from < end) super.payload(chunk, from, end);
  }

  override dataEnd(): void {
    const stream = this._current;
    if (stream !== undefined && this._fin && (stream._state & (UNTYPED | BROKEN)) === UNTYPED) this._session._fail(stream, WireCode.PROTOCOL, "a stream without its type");
    super.dataEnd();
  }

  /** Go repeats the FIN. */
  override _afterFin(): undefined {
    return undefined;
  }

  override _beyondWindow(stream: Stream): undefined {
    this._session._acceptor.provoked();
    this._session._fail(stream, WireCode.FLOW_CONTROL, "DATA beyond the window");
    return undefined;
  }

  /** Go sends the SYN with the first write, so ids need not rise; one that is over may open again. */
  override _checkSyn(streamId: number): void {
    if (this._session._remote.get(streamId) !== undefined) throw new FrameError(WireCode.PROTOCOL, `SYN with id ${streamId}, which is open`);
    if (isAfter(streamId, this.lastId)) this.lastId = streamId;
  }

  override _checkOver(): void {
    // Any id may have been opened: ours need not rise either.
  }

  /** Takes what is missing of the stream's type; returns where the rest begins. */
  #typeBytes(stream: Stream, chunk: Uint8Array, start: number, end: number): number {
    const bytes = (stream._more.typeBytes ??= []);
    let at = start;
    while (bytes.length < 4 && at < end) bytes.push(chunk[at++] as number);
    stream._owed += at - start;
    if (bytes.length < 4) return at;
    const [a = 0, b = 0, c = 0, d = 0] = bytes;
    delete stream._more.typeBytes;
    stream._type = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    stream._state &= ~UNTYPED;
    if (stream._type === HEARTBEAT_TYPE) Heartbeat.answer(stream);
    else this._session._acceptor.offer(stream);
    return at;
  }
}
