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
