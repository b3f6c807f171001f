import type { Session } from "../session/session.ts";
import type { Stream } from "../stream/stream.ts";

/** Below this many bytes in flight a stream's window is never pressed. */
export const PRESSED_WINDOW = 65_536;

/**
 * How many bytes may have come and lie unread, over all streams of all sessions that share this budget. The link is never
 * blocked for it: over half, credit is withheld down to 64 KiB a stream and windows do not grow; over all, streams not
 * yet accepted are refused, then those with most unread bytes and the oldest read are reset, until under.
 */
export class UnreadBudget {
  readonly maxBytes: number;
  /** Bytes that lie unread now. */
  unreadBytes = 0;
  /** Streams whose bytes nobody took within the tick. */
  readonly #holders: Set<Stream> = new Set<Stream>();
  /** Streams that are owed credit. */
  readonly #withheld: Set<Stream> = new Set<Stream>();

  /** Ticks so far, of all sessions that share this: orders reads by age. @internal */ _tick = 0;

  /** `maxBytes` defaults to 256 MiB. */
  constructor(maxBytes = 268_435_456) {
    this.maxBytes = maxBytes;
  }

  /** Over half: do not grow, withhold. @internal */
  get _pressed(): boolean {
    return this.unreadBytes * 2 > this.maxBytes;
  }

  /** @internal */
  get _exceeded(): boolean {
    return this.unreadBytes > this.maxBytes;
  }

  /** How much of `owed` may be granted to a stream that may still send `window`. @internal */
  _grant(stream: Stream, window: number, owed: number): number {
    if (!this._pressed) return owed;
    const grant = Math.min(owed, Math.max(0, PRESSED_WINDOW - window));
    if (grant < owed) this.#withheld.add(stream);
    return grant;
  }

  /** @internal */
  _hold(stream: Stream): void {
    this.#holders.add(stream);
  }

  /** @internal */
  _holders(): Iterable<Stream> {
    return this.#holders;
  }

  /** @internal */
  _release(stream: Stream, bytes: number): void {
    this.unreadBytes -= bytes;
    if (stream._unread === 0 && this.#holders.size > 0) this.#holders.delete(stream);
    if (this.#withheld.size > 0 && this.unreadBytes * 8 <= this.maxBytes * 3) {
      const owed = [...this.#withheld];
      this.#withheld.clear();
      for (const waiting of owed) waiting._creditDue();
    }
  }

  /** Forgets a stream that needs no credit any more. @internal */
  _forget(stream: Stream): void {
    if (this.#withheld.size > 0) this.#withheld.delete(stream);
  }

  /** The session is over: what it leaves unread is no longer counted. @internal */
  _leave(session: Session): void {
    for (const stream of this.#holders) {
      if (stream.session !== session) continue;
      this.#holders.delete(stream);
      this.unreadBytes -= stream._unread;
    }
    for (const stream of this.#withheld) if (stream.session === session) this.#withheld.delete(stream);
  }

  /** Makes room. Returns whether that was enough; if not, what came within this tick must be held first. @internal */
  _shed(): boolean {
    // A sixteenth more than needed, so that the sort is paid once for many bytes.
    const goal = this.maxBytes - this.maxBytes / 16;
    const holders = [...this.#holders];
    for (const stream of holders) {
      if (this.unreadBytes <= goal) return true;
      if (!stream._accepted) stream._overload(false);
    }
    holders.sort((a, b) => b._unread - a._unread || a._lastRead - b._lastRead);
    for (const stream of holders) {
      if (this.unreadBytes <= goal) return true;
      if (stream._unread > 0) stream._overload(true);
    }
    return !this._exceeded;
  }
}
