import type { Connection } from "./connection.ts";

/** A way of making connections. A custom transport is any object with `dial`, and `listen` where it can. */
export interface Transport {
  /** The network names it serves: 'tcp', 'tls', 'unix', 'memory', … */
  readonly networks: readonly string[];
  /**
   * Connects to `address`. Rejects with an AstraError (ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, EINVAL for a bad address …),
   * or with `signal.reason` itself after an abort, when nothing of the attempt is left over.
   */
  dial(network: string, address: string, options?: { signal?: AbortSignal }): Promise<Connection>;
  /** Accepts connections at `address`. Rejects with EADDRINUSE where it is taken, EINVAL for a bad one. After an abort of `signal` while it is pending it rejects with `signal.reason` and nothing listens. */
  listen?(network: string, address: string, init: ListenInit): Promise<TransportListener>;
}

/** What {@link Transport.listen} takes besides the address. */
export interface ListenInit {
  /** Called for each accepted connection, which waits for its `start`. */
  onconnection(connection: Connection): void;
  readonly signal?: AbortSignal;
}

/** Something that accepts connections. Closing it leaves the connections it accepted alone. */
export interface TransportListener extends AsyncDisposable {
  /** The bound address with the real port; `dial` takes it unchanged. */
  readonly address: string;
  /** Resolves when it no longer accepts, without waiting for the connections it accepted; never an unhandled rejection. */
  readonly closed: Promise<void>;
  /** Accepts no more. Resolves as `closed` does; a further call does nothing more. */
  close(): Promise<void>;
}
