import { AstraError } from "@astranet/transport";
import { invalid } from "../session/options.ts";
import type { Session } from "../session/session.ts";
import { BROKEN, FIN_RECEIVED, FIN_SENT } from "./state.ts";
import type { Stream } from "./stream.ts";
import type { Deadline, StreamExtra } from "./stream-extra.ts";

/**
 * What a stream consists of: one plain object, because there are millions of them. Its behaviour is in the classes that
 * extend this one, a half each.
 */
export abstract class StreamCore {
  /** The session it belongs to. */
  readonly session: Session;
  /** Its number on the wire, unique among the streams that are open. */
  readonly id: number;
  /** Bits of `state.ts`. @internal */ _state: number;
  /** @internal */ _urgency: number;
  /** −1: none. @internal */ _type: number;
  /** Bytes the peer still lets us send. @internal */ _sendWindow: number;
  /** Bytes we still let the peer send. @internal */ _recvWindow: number;
  /** Bytes read, whose credit was not returned yet. @internal */ _owed = 0;
  /** Bytes that came and were not read (or, attached, not consumed). @internal */ _unread = 0;
  /** The budget's tick of the last read. @internal */ _lastRead = 0;
  /** Bytes written and not framed. @internal */ _queued = 0;
  /** What the scheduler still lets it send in this turn. @internal */ _deficit = 0;
  /** Links of the scheduler's list and of the control list. @internal */ _next: Stream | undefined = undefined;
  /** @internal */ _nextControl: Stream | undefined = undefined;
  /** @internal */ _extra: StreamExtra | undefined = undefined;

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

  /** What few streams need, made now if need be. @internal */
  get _more(): StreamExtra {
    return (this._extra ??= {});
  }

  /** This object as what it is: no half is made by itself. @internal */
  get _stream(): Stream {
    return this as unknown as Stream;
  }

  /** A control frame of this stream should leave: `bit` of `state.ts` says which. @internal */
  abstract _control(bit: number): void;

  /** Ends the stream if both directions are. @internal */
  abstract _maybeOver(): void;

  /** @internal */
  get _isOver(): boolean {
    return (this._state & (FIN_SENT | FIN_RECEIVED)) === (FIN_SENT | FIN_RECEIVED);
  }

  /** @internal */
  _setDeadline(which: "readDeadline" | "writeDeadline", afterMs: number | undefined, onpassed: () => void): void {
    if (afterMs !== undefined && !(typeof afterMs === "number" && !Number.isNaN(afterMs))) throw invalid(`a deadline is a number of milliseconds, not ${afterMs}`);
    const extra = this._more;
    extra[which]?.timer?.cancel();
    extra[which] = undefined;
    if (afterMs === undefined || afterMs === Infinity || (this._state & BROKEN) !== 0 || this._isOver) return;
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

/** The error of a call whose deadline has passed. */
export function timedOut(what: string): AstraError {
  return new AstraError("ETIMEDOUT", `the stream's ${what} deadline has passed`);
}

/** What a call that can wait takes. */
export interface Abortable {
  readonly signal?: AbortSignal;
}
