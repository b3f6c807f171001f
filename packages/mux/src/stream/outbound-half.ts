import { AstraError } from "@astranet/transport";
import { ChunkQueue } from "./chunk-queue.ts";
import { Deferred, done, onAbort, rejected, unlessAborted } from "../deferred.ts";
import { described, invalid, invalidState } from "../session/options.ts";
import { InboundHalf } from "./inbound-half.ts";
import { BROKEN, ENDED, FIN_SENT, IN_DATA, SEND_ABORT, SEND_FIN, SYN_DONE, WRITE_BROKEN } from "./state.ts";
import { type Abortable, timedOut } from "./stream-core.ts";
import type { WriteWaiter } from "./stream-extra.ts";
import { peerError } from "../wire/wire-error.ts";

/** The half of a stream that writes: what was written and not framed, and who waits for that. */
export abstract class OutboundHalf extends InboundHalf {
  /** @internal */ _out: ChunkQueue | undefined = undefined;

  /** Bytes written that are not framed yet. */
  get writableLength(): number {
    return this._queued;
  }

  /**
   * Writes a chunk, or several gathered. Awaiting it is the backpressure: it resolves when the last byte is framed, or at
   * once while the session has less than 1 MiB to frame. The bytes are given away.
   * If it is aborted before any of it was framed, all of it is withdrawn; later, it is completed and resolves.
   * Errors: EPIPE where the peer stopped reading, ECONNRESET and others by its code, ETIMEDOUT after a deadline, ERR_ASTRANET_INVALID_STATE after `end`.
   */
  write(chunk: Uint8Array | readonly Uint8Array[], options?: Abortable): Promise<void> {
    const signal = options?.signal;
    if (signal?.aborted === true) return rejected(signal.reason);
    const error = this.#writeError() ?? notBytes(chunk, true);
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

  /**
   * Takes the whole chunk and returns true exactly when `write` would resolve at once; otherwise takes none of it. Throws where `write` would reject.
   *
   * The bytes are given away, unless `onreturn` is given: that is called with the chunk when it was sent and nothing refers to its memory any more, so that it can be used
   * again. Never for bytes that were dropped, nor over connections that cannot tell (see `Connection.heldBytes`). It runs within the session's own work: it should only note the fact.
   */
  tryWrite(chunk: Uint8Array, onreturn?: (chunk: Uint8Array) => void): boolean {
    const error = this.#writeError() ?? notBytes(chunk, false);
    if (error !== undefined) throw error;
    if (!this.#takesAtOnce()) {
      this.session._sender.wantsReady(this._stream);
      return false;
    }
    if (chunk.length > 0) {
      if (onreturn !== undefined) this.session._sender.lent.add(chunk, onreturn);
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
    this.session._sender.wantsReady(this._stream);
    const ready = (this._more.ready ??= new Deferred<undefined>());
    return unlessAborted(ready.promise, signal);
  }

  /**
   * Writes the chunk, if there is one, and ends this direction; reading goes on. Resolves as `write` does, and rejects as it does where the direction broke.
   * Said again without a chunk it does nothing; with one it rejects with ERR_ASTRANET_INVALID_STATE, as a write after the end does.
   */
  end(chunk?: Uint8Array): Promise<void> {
    if (chunk !== undefined) {
      const error = this.#writeError() ?? notBytes(chunk, false);
      if (error !== undefined) return rejected(error);
      if (chunk.length > 0) {
        (this._out ??= new ChunkQueue()).push(chunk);
        this.#enqueued(chunk.length);
      }
    }
    if ((this._state & (BROKEN | WRITE_BROKEN)) !== 0) {
      const { writeError } = this._more;
      // None yet within a sink's `reset`.
      return writeError === undefined ? done : rejected(writeError);
    }
    if ((this._state & FIN_SENT) !== 0) return done;
    this._state |= ENDED;
    if (this._queued === 0) this._control(SEND_FIN);
    if (this.#takesAtOnce()) return done;
    return (this._more.ended ??= new Deferred<undefined>()).promise;
  }

  /** As `setReadDeadline`, for `write`, `tryWrite`, `ready` and `end`: bytes of writes that are pending then are still sent. */
  setWriteDeadline(afterMs: number | undefined): void {
    this._setDeadline("writeDeadline", afterMs, () => {
      this._failWrites(timedOut("write"));
    });
  }

  /** Resolves when the end of this direction has left; rejects with what broke it: EPIPE where the peer reads no more, however idle it is. Marked as handled. */
  get writeClosed(): Promise<void> {
    const extra = this._more;
    const closed = (extra.writeClosed ??= new Deferred<undefined>());
    if ((this._state & WRITE_BROKEN) !== 0) closed.reject(extra.writeError);
    else if ((this._state & FIN_SENT) !== 0) closed.resolve(undefined);
    return closed.promise;
  }

  /** The code with which the peer said that it reads no more, also where our end had left by then. Undefined: it has not said so before its own end. */
  get stoppedWith(): number | undefined {
    return this._extra?.stoppedWith;
  }

  /** Whether bytes could be framed now if it were its turn. @internal */
  _isSendable(): boolean {
    return this._queued > 0 && this._sendWindow > 0;
  }

  /** Whether `tryWrite` would take a chunk. @internal */
  get _isReady(): boolean {
    return this.#takesAtOnce();
  }

  /** The FIN was framed. @internal */
  _finSent(): void {
    this._state = (this._state | FIN_SENT) & ~SEND_FIN;
    const extra = this._extra;
    extra?.ended?.resolve(undefined);
    extra?.writeClosed?.resolve(undefined);
    this._maybeOver();
  }

  /** `bytes` were framed from the queue. @internal */
  _framed(bytes: number): void {
    this._queued -= bytes;
    this._sendWindow -= bytes;
    const out = this._out;
    if (out === undefined) return;
    const extra = this._extra;
    const writes = extra?.writes;
    if (writes !== undefined) while (writes.length > 0 && (writes[0] as WriteWaiter).to < out.shifted) writes.shift()?.resolve();
    if (out.empty) this._out = undefined;
    // Last, as a sink may write more at once.
    if (extra?.sink !== undefined && bytes > 0) this._callSink(extra.sink, bytes);
  }

  /** It may be worth trying to write again. @internal */
  _wake(): void {
    const extra = this._extra;
    if (extra === undefined) return;
    extra.ready?.resolve(undefined);
    delete extra.ready;
    if (extra.sink !== undefined) this._callSink(extra.sink, undefined);
  }

  /** The peer reads no more: drops the queue and answers with a FIN. @internal */
  _stoppedByPeer(code: number): void {
    if ((this._state & (WRITE_BROKEN | BROKEN)) !== 0) return;
    this._more.stoppedWith ??= code;
    if ((this._state & FIN_SENT) !== 0) return;
    this._breakWriting(peerError("EPIPE", "the peer stopped reading the stream", code), false);
    this._state |= ENDED;
    this._control(SEND_FIN);
  }

  /** Ends only our writing half with an RST, for WritableStream.abort. @internal */
  _abortWriting(reason: string): void {
    if ((this._state & (FIN_SENT | WRITE_BROKEN | BROKEN)) !== 0) return;
    if (!this.session._extended || (this._state & SYN_DONE) === 0) {
      this._stream.reset(undefined, reason);
      return;
    }
    this._more.resetReason = reason;
    this._breakWriting(new AstraError("ECONNRESET", "the writing half was aborted here"), false);
    this._control(SEND_ABORT);
  }

  /** Our writing half is over. `over`: for the peer too, so that no FIN is owed. @internal */
  _breakWriting(error: AstraError, over: boolean): void {
    this._state |= WRITE_BROKEN;
    if (this._queued > 0) {
      const bytes = this._queued;
      this._queued = 0;
      this._out = undefined;
      this.session._sender.withdrawn(this._stream, bytes);
    }
    const extra = this._more;
    extra.writeError ??= error;
    extra.writeClosed?.reject(error);
    this._failWrites(error);
    if (over) this._finSent();
  }

  /** @internal */
  _failWrites(error: AstraError): void {
    const extra = this._extra;
    if (extra === undefined) return;
    for (const write of extra.writes?.splice(0) ?? []) write.reject(error);
    extra.ended?.reject(error);
    delete extra.ended;
    extra.ready?.reject(error);
    delete extra.ready;
  }

  #writeError(): AstraError | undefined {
    if ((this._state & (ENDED | BROKEN | WRITE_BROKEN)) !== 0) return this._extra?.writeError ?? afterEnd();
    if (this._extra?.writeDeadline?.passed === true) return timedOut("write");
    return undefined;
  }

  #takesAtOnce(): boolean {
    return (this._queued === 0 || (this._state & IN_DATA) !== 0) && this.session._sender.hasRoom;
  }

  #enqueued(bytes: number): void {
    this._queued += bytes;
    this.session._sender.queued(this._stream, bytes);
  }

  #waitForFrames(from: number, to: number, signal: AbortSignal | undefined): Promise<void> {
    const extra = this._more;
    const writes = (extra.writes ??= []);
    const promise = new Promise<void>((resolve, reject) => {
      const waiter: WriteWaiter = { from, to, resolve, reject };
      writes.push(waiter);
      if (signal === undefined) return;
      const cleanup = onAbort(signal, (reason) => {
        // While a write waits, its last chunk is there.
        const out = this._out as ChunkQueue;
        // Some of it is framed: the peer may have read it, so the rest must follow.
        if (out.shifted > from || (out.shifted === from && out.offset > 0)) return;
        writes.splice(writes.indexOf(waiter), 1);
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
    this._queued -= bytes;
    this.session._sender.withdrawn(this._stream, bytes);
    if (this._queued > 0) return;
    this._out = undefined;
    if ((this._state & ENDED) !== 0) this._control(SEND_FIN);
  }
}

function afterEnd(): AstraError {
  return invalidState("a write after the end");
}

/** EINVAL for what is not bytes: half of it would be taken and sent as something else. */
function notBytes(chunk: unknown, several: boolean): AstraError | undefined {
  if (chunk instanceof Uint8Array || (several && Array.isArray(chunk) && chunk.every((part) => part instanceof Uint8Array))) return undefined;
  return invalid(`a chunk is a Uint8Array${several ? " or an array of them" : ""}, not ${described(chunk)}`);
}
