import type { ConnectionOptions as TlsClientOptions, TlsOptions as TlsServerOptions } from "node:tls";
import { AstraError, type Clock, type Connection, type ListenInit, type Transport, type TransportListener } from "@astranet/transport";
import { checkBusyPollMs } from "@astranet/transport/node";
import { dialSocket, type Network } from "./dial.ts";
import { listenSocket } from "./listen.ts";

/** What a {@link TcpTransport} takes. All optional. */
export interface TcpTransportOptions {
  /** For the network 'tls', passed on to Node: certificates, `ALPNProtocols`, `servername`, `requestCert` and all the rest. */
  readonly tls?: {
    /** For `dial`. `servername` (SNI, and the name that is checked) is the host dialled unless it is given here. */
    readonly client?: TlsClientOptions;
    /** For `listen`, which needs a certificate and its key here. */
    readonly server?: TlsServerOptions;
  };
  /**
   * While answers come at once, the event loop waits for the next one awake for this long, in milliseconds (0 to 10), instead of sleeping.
   * 0: never. Default 0.2, and 0 on a single processor. See `busyPollMs` of `toConnection` in `@astranet/transport/node`.
   */
  readonly busyPollMs?: number;
  /** Default: the real time. */
  readonly clock?: Clock;
}

const networks: readonly Network[] = ["tcp", "tcp4", "tcp6", "tls", "unix"];

/**
 * TCP, TLS over TCP, and Unix sockets (named pipes on Windows), in Node.
 *
 * An address is 'host:port', '[v6]:port' or ':port' (all addresses to listen on, loopback to dial); for 'unix' it is a path.
 * 'tcp4' and 'tcp6' keep to one family. TCP_NODELAY is always on.
 */
export class TcpTransport implements Transport {
  readonly networks: readonly string[] = networks;
  readonly #options: TcpTransportOptions;

  /** @throws AstraError EINVAL for a `busyPollMs` that is none. */
  constructor(options: TcpTransportOptions = {}) {
    if (options.busyPollMs !== undefined) checkBusyPollMs(options.busyPollMs);
    this.#options = options;
  }

  /**
   * Resolves the name anew, tries all its addresses (the next one 250 ms after the last, or when that failed) and takes the first that answers.
   * Rejects with an AstraError: EINVAL with the reason for a bad address, ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, ENOTFOUND, EACCES,
   * ERR_ASTRANET_HANDSHAKE where TLS does not come about. After an abort it rejects with `signal.reason` and no socket is left.
   */
  async dial(network: string, address: string, options: { signal?: AbortSignal } = {}): Promise<Connection> {
    options.signal?.throwIfAborted();
    return dialSocket(checked(network), address, this.#options, options.signal);
  }

  /**
   * Rejects with an AstraError: EINVAL with the reason for a bad address (or one that this machine does not have), EADDRINUSE, EACCES.
   * Port 0 takes a free one; the listener's `address` has it.
   */
  async listen(network: string, address: string, init: ListenInit): Promise<TransportListener> {
    init.signal?.throwIfAborted();
    return listenSocket(checked(network), address, this.#options, init);
  }
}

function checked(network: string): Network {
  const found = networks.find((name) => name === network);
  if (found === undefined) throw new AstraError("EINVAL", `no network '${network}' here, only ${networks.join(", ")}`);
  return found;
}
