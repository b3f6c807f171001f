import { WireCode } from "@astranet/frame";
import { AstraError } from "@astranet/transport";
import { NO_BYTES } from "../bytes.ts";
import { Deferred, done } from "../deferred.ts";
import { invalid, invalidState } from "../session/options.ts";
import { OutboundHalf } from "./outbound-half.ts";
import { ACCEPTED, BROKEN, FIN_RECEIVED, FIN_SENT, LOCAL, READ_BROKEN, SEND_ACCEPT, SEND_ANY, SEND_RST, SEND_URGENCY, SYN_DONE } from "./state.ts";
import { readableOf, writableOf } from "./whatwg.ts";
import { checkApplicationCode } from "../wire/wire-error.ts";

/**
 * One stream of a session: two directions of bytes, each ended by itself. Deliberately small and plain; `readable` and
 * `writable`, or `toDuplex` of `@astranet/mux/node`, make the platform's streams out of it.
 *
 * Chunks written are given away: do not change them afterwards. A chunk read is yours, but its `buffer` may be shared:
 * never transfer it.
 */
export class Stream extends OutboundHalf implements AsyncDisposable {
  /** The type given to `open`, or undefined. */
  get type(): number | undefined {
    return this._type === -1 ? undefined : this._type;
  }

  /** The header that the stream was opened with. */
  get header(): Uint8Array {
    return this._extra?.header ?? NO_BYTES;
  }

  /** 0 (first) to 7 (last): what this side sends goes before all of a later class. The peer is told, and may follow. */
  get urgency(): number {
    return this._urgency;
  }

  set urgency(urgency: number) {
    checkUrgency(urgency);
    if (urgency === this._urgency) return;
    this.session._sender.scheduler.setUrgency(this, urgency);
    if ((this._state & (BROKEN | FIN_SENT)) === 0) this._control(SEND_URGENCY);
  }

  /** `end()` and `stop()`. Resolves when both directions are done; after the session's `closeTimeoutMs` the stream is reset. */
  close(): Promise<void> {
    if ((this._state & BROKEN) !== 0) return done;
    void this.end();
    this.stop();
    const { clock, closeTimeoutMs } = this.session._options;
    const extra = this._more;
    if (!this._isOver)
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
    if ((this._state & LOCAL) !== 0) throw invalidState("accept is for the side that did not open the stream");
    if ((this._state & (ACCEPTED | BROKEN)) !== 0) return;
    if (header.length > this.session._peer.maxHeader) throw invalid(`an answer header of ${header.length} bytes, the peer takes ${this.session._peer.maxHeader}`);
    this._state |= ACCEPTED;
    if (header.length > 0) this._more.answer = header;
    this.session._acceptor.accepted();
    // A FIN said it already.
    if ((this._state & FIN_SENT) === 0) this._control(SEND_ACCEPT);
  }

  /** Refuses a stream that was not accepted: its opener gets ECONNREFUSED, retryable. `reason` as for `reset`. */
  refuse(reason = ""): void {
    if ((this._state & (LOCAL | ACCEPTED)) !== 0) throw invalidState("only a stream that was not accepted can be refused, in a session with manualAccept");
    this._reset(WireCode.STREAM_REFUSED, reason, new AstraError("ECONNREFUSED", "the stream was refused here"));
  }

  /** Resolves with the answer header when the other side has accepted the stream; rejects if it was refused or broke before. */
  get opened(): Promise<Uint8Array> {
    const extra = this._more;
    if (extra.opened === undefined) {
      extra.opened = new Deferred<Uint8Array>();
      if ((this._state & (ACCEPTED | LOCAL)) !== LOCAL) extra.opened.resolve(extra.acceptedWith ?? NO_BYTES);
      else if ((this._state & BROKEN) !== 0 || this._isOver) extra.opened.reject(extra.readError);
    }
    return extra.opened.promise;
  }

  /** Resolves when both directions ended; rejects with what broke them. Marked as handled. */
  get closed(): Promise<void> {
    const extra = this._more;
    if (extra.closed === undefined) {
      extra.closed = new Deferred<undefined>();
      if ((this._state & BROKEN) !== 0) extra.closed.reject(extra.readError ?? extra.writeError);
      else if (this._isOver) this.#settleClosed(extra.closed);
    }
    return extra.closed.promise;
  }

  /** Both deadlines at once. */
  setDeadline(afterMs: number | undefined): void {
    this.setReadDeadline(afterMs);
    this.setWriteDeadline(afterMs);
  }

  /**
   * A WHATWG view for reading, made on first use; it reads nothing ahead. Cancelling it is `stop()`.
   * No byte stream (`getReader({ mode: "byob" })` throws): one takes each chunk's buffer for itself, which here others share, and would cost a copy of all that is read.
   */
  get readable(): ReadableStream<Uint8Array> {
    return (this._more.readable ??= readableOf(this));
  }

  /** A WHATWG view for writing, made on first use. Closing it is `end()`; aborting it breaks this direction only, and the peer reads the reason, if that is a string, or its message, if that is an Error (as `reason` of `reset`). */
  get writable(): WritableStream<Uint8Array> {
    return (this._more.writable ??= writableOf(this));
  }

  /** @internal */
  get _accepted(): boolean {
    return (this._state & (LOCAL | ACCEPTED)) !== 0;
  }

  /** The peer accepted, in words or by its first bytes. @internal */
  _acceptedBy(header: Uint8Array): void {
    if ((this._state & (LOCAL | ACCEPTED)) !== LOCAL) return;
    this._state |= ACCEPTED;
    if (header.length > 0) this._more.acceptedWith = header.slice();
    this._extra?.opened?.resolve(this._extra.acceptedWith ?? NO_BYTES);
  }

  /** Breaks the stream with an RST; one that is over is left alone. @internal */
  _reset(code: number, reason: string, error: AstraError): void {
    if ((this._state & BROKEN) !== 0 || this._isOver) return;
    const { session } = this;
    const sent = (this._state & SYN_DONE) !== 0;
    this._break(error, false);
    if (!sent) return;
    const extra = this._more;
    extra.resetCode = code;
    extra.resetReason = reason;
    this._state &= ~SEND_ANY;
    session._sender.control(this, SEND_RST);
  }

  /** The unread bytes of all streams are too many, and this one is why. @internal */
  _overload(accepted: boolean): void {
    const error = new AstraError("ERR_ASTRANET_OVERLOAD", `the stream was reset: ${this._unread} bytes of it lay unread and the session's budget was exceeded`, { remoteCode: WireCode.ENHANCE_YOUR_CALM });
    if (this._isOver || (this._state & BROKEN) !== 0) {
      this._dropUnread();
      this._state |= READ_BROKEN;
      this._more.readError = error;
      return;
    }
    this._reset(accepted ? WireCode.ENHANCE_YOUR_CALM : WireCode.STREAM_REFUSED, "too many unread bytes", error);
  }

  /** An RST came. @internal */
  _resetByPeer(error: AstraError, half: boolean): void {
    if ((this._state & FIN_RECEIVED) !== 0) {
      // What came before its FIN stays readable; only our writing half is over.
      if (!half) this._breakWriting(error, true);
      return;
    }
    if (half) {
      this._state |= READ_BROKEN | FIN_RECEIVED;
      this._dropUnread();
      this._breakReading(error);
      this._maybeOver();
    } else this._break(error, false);
  }

  /** Both directions are over. `keepUnread`: the link died, and what arrived may be read first. @internal */
  _break(error: AstraError, keepUnread: boolean): void {
    if ((this._state & BROKEN) !== 0) return;
    const wasReadOver = (this._state & FIN_RECEIVED) !== 0;
    this._state |= BROKEN;
    if (!keepUnread) this._dropUnread();
    // With the FIN here already, a dead link takes nothing from the reader.
    if (!(keepUnread && wasReadOver)) this._breakReading(error);
    this._breakWriting(error, false);
    const extra = this._more;
    // One that was accepted has resolved it.
    extra.opened?.reject(error);
    extra.closed?.reject(error);
    this.#over();
  }

  /** @internal */
  _maybeOver(): void {
    if (!this._isOver) return;
    const extra = this._extra;
    if (extra?.closed !== undefined) this.#settleClosed(extra.closed);
    // Aborted there before it was accepted, and ended here: nobody will accept it any more.
    extra?.opened?.reject(extra.readError);
    this.#over();
  }

  #settleClosed(closed: Deferred<undefined>): void {
    const { readError, writeError } = this._more;
    // That the peer reads no more is a way to end, not a failure of the stream.
    const error = readError ?? (AstraError.is(writeError, "EPIPE") ? undefined : writeError);
    if (error === undefined) closed.resolve(undefined);
    else closed.reject(error);
  }

  #over(): void {
    const extra = this._extra;
    if (extra !== undefined) {
      extra.closeTimer?.cancel();
      extra.writeDeadline?.timer?.cancel();
      // A read has nothing to wait for any more.
      extra.readDeadline?.timer?.cancel();
    }
    this.session._streamOver(this);
  }

  /** @internal */
  _control(bit: number): void {
    this.session._sender.control(this, bit);
  }
}

/** Throws EINVAL unless `urgency` is 0 to 7. */
export function checkUrgency(urgency: number): void {
  if (!Number.isInteger(urgency) || urgency < 0 || urgency > 7) throw invalid(`urgency must be an integer from 0 to 7, not ${urgency}`);
}
