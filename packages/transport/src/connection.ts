/**
 * A reliable, ordered, full-duplex byte pipe: what a transport gives and a session runs over.
 *
 * Ownership: chunks given to {@link Connection.send} are given away, and nobody mutates or transfers them
 * afterwards, the caller included (the same unchanged bytes may be sent many times), unless {@link Connection.heldBytes} says that they are free. A chunk handed to
 * {@link ConnectionSink.data} belongs to the sink.
 *
 * No re-entrancy: no sink method runs inside a method of the connection.
 */
export interface Connection {
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Begins delivery. Called exactly once; no byte is delivered, or lost, before it. */
  start(sink: ConnectionSink): void;
  /**
   * Sends the chunks in order, gathered into one system call where that can be. Always accepts them all.
   * Returns false when more than 128 KiB have not been handed on; then wait for {@link ConnectionSink.drain}.
   * After `close`, `abort` or the end of the connection the chunks are dropped.
   */
  send(chunks: readonly Uint8Array[]): boolean;
  /**
   * How many of the last bytes that were sent lie in memory that this process still needs: what was sent before them has been copied by the system, and whoever sent it
   * may write something else there. Says nothing of arrival. Optional: where it is missing, chunks are never their sender's again.
   */
  readonly heldBytes?: number | undefined;
  /** Flushes, ends our direction, and reads on until the peer's end, for 5 seconds at most. */
  close(): void;
  /** Ends both directions at once; what is queued is dropped. `reason` reaches {@link ConnectionSink.closed}. */
  abort(reason?: unknown): void;
}

/** What a connection tells its owner. */
export interface ConnectionSink {
  /** Bytes came. May still be called after `Connection.close()`. */
  data(chunk: Uint8Array): void;
  /** `send` returned false before; now there is room again. */
  drain(): void;
  /** The connection is over: exactly once, last, never synchronously, also after our own close or abort. `reason` is undefined after a clean end of both directions. */
  closed(reason?: unknown): void;
}
