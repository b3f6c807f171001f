import { IN_TABLE } from "../stream/state.ts";
import type { Session } from "./session.ts";

/** A session's figures at one moment. */
export interface SessionStats {
  /** Streams open now, both sides'. */
  readonly streams: number;
  /** Streams ever opened by us, and by the peer. */
  readonly opened: number;
  readonly accepted: number;
  /** Streams that wait for `accept()`. */
  readonly backlog: number;
  /** Bytes received that nobody has read. */
  readonly unreadBytes: number;
  /** Bytes of the buffers that unread data keeps alive; a buffer shared by streams counts once. */
  readonly retainedBytes: number;
  /** Bytes written and not yet framed. */
  readonly queuedBytes: number;
  /** Bytes of frames received and sent, without SETTINGS, PING and LINK. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** What may be under way to us, and what the peer still allows us, in bytes. */
  readonly linkWindow: number;
  readonly linkCredit: number;
  readonly rttMs: number | undefined;
}

/** The figures of the session at this moment. */
export function statsOf(session: Session): SessionStats {
  const { _acceptor: acceptor, _sender: sender, _receiver: receiver } = session;
  const buffers = new Set<ArrayBufferLike>();
  let unreadBytes = 0;
  let queuedBytes = 0;
  for (const stream of session._streams()) {
    unreadBytes += stream.readableLength;
    queuedBytes += stream.writableLength;
    stream._buffers(buffers);
  }
  // Streams whose both ends came are in no table; what lies unread of them is kept all the same.
  for (const stream of session._options.budget._holders())
    if (stream.session === session && (stream._state & IN_TABLE) === 0) {
      unreadBytes += stream.readableLength;
      stream._buffers(buffers);
    }
  let retainedBytes = receiver.buffered;
  for (const buffer of buffers) retainedBytes += buffer.byteLength;
  return {
    streams: session.streamCount,
    opened: session._openedCount,
    accepted: acceptor.count,
    backlog: acceptor.queue.size,
    unreadBytes,
    retainedBytes,
    queuedBytes,
    receivedBytes: receiver.counted,
    sentBytes: sender.encoder.counted,
    linkWindow: session._linkCredit.window,
    linkCredit: sender.linkLimit - sender.encoder.counted,
    rttMs: session.rttMs,
  };
}
