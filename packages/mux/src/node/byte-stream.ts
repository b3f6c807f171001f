/** What a Duplex is made of: a mux `Stream`, or anything else with these methods of it. */
export interface ByteStream {
  readonly closed: Promise<void>;
  readonly readableLength: number;
  /** Resolves when the end of the writing direction has left. Without it 'finish' comes when `end()` has resolved. */
  readonly writeClosed?: Promise<void>;
  read(): Promise<Uint8Array | null>;
  tryRead(): Uint8Array | null | undefined;
  write(chunk: Uint8Array | readonly Uint8Array[]): Promise<void>;
  end(): Promise<void>;
  close(): Promise<void>;
  reset(): void;
}

/** One end of a stream as `net.Socket` names it. */
export interface EndAddress {
  readonly address: string;
  readonly port?: number | undefined;
}

/** What {@link toDuplex} takes besides the stream. */
export interface DuplexOptions {
  /**
   * Whether our direction stays open when the peer has ended its own; false ends ours as well, as `net.Socket` does by default.
   * Default true for `toDuplex` and `listener`: an `http.Server` has its answer still to write then, and asks its own `net.Server` for the same.
   * Default false for `dialer`: so an agent notices when the server has closed an idle connection.
   */
  readonly allowHalfOpen?: boolean;
  /** Shown as `localAddress` and `localPort`. Default: the session's, where the stream is a mux Stream. */
  readonly local?: EndAddress;
  /** Shown as `remoteAddress` and `remotePort`. Default: the session's, where the stream is a mux Stream. */
  readonly remote?: EndAddress;
}
