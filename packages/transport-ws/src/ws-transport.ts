import { platform } from "#platform";
import { AstraError, type Connection, type ListenInit, type Transport, type TransportListener } from "@astranet/transport";
import { networks, type Network } from "./address.ts";
import type { WsTransportOptions } from "./options.ts";
import { settingsOf, type Settings } from "./settings.ts";

/**
 * WebSocket ('ws') and WebSocket over TLS ('wss'): dials in Node and in browsers, listens in Node.
 *
 * An address is 'host:port', 'host:port/path', or the same as a URL. A missing host stands for all addresses to listen on
 * and for this machine to dial, a missing port for the scheme's. Messages are binary, at most 64 KiB long, never compressed; their
 * boundaries mean nothing, and an empty one ends a direction. Both ends name the subprotocol 'astranet'.
 */
export class WsTransport implements Transport {
  readonly networks: readonly string[] = networks;
  readonly #settings: Settings;

  /** @throws AstraError EINVAL naming the option that is not usable. */
  constructor(options: WsTransportOptions = {}) {
    this.#settings = settingsOf(options);
  }

  /**
   * Rejects with an AstraError: EINVAL with the reason for a bad address, ECONNREFUSED, EHOSTUNREACH, ENOTFOUND, ETIMEDOUT after `handshakeTimeoutMs`,
   * ERR_ASTRANET_HANDSHAKE where TLS or the WebSocket does not come about. Where the server answers another HTTP status than 101, the message
   * names it: EACCES for 401, 403 and 407, ECONNREFUSED for 404 and 502, ERR_ASTRANET_OVERLOAD (retryable)
   * for 429 and 503, ETIMEDOUT for 408 and 504; other statuses are ERR_ASTRANET_HANDSHAKE, retryable from 500 on.
   * A browser does not tell its pages why: there all of these are ECONNREFUSED. After an abort it rejects with `signal.reason`, and no socket is left.
   */
  async dial(network: string, address: string, options: { signal?: AbortSignal } = {}): Promise<Connection> {
    options.signal?.throwIfAborted();
    return platform.dial(checked(network), address, this.#settings, options.signal);
  }

  /**
   * Listens at 'host:port/path' with a server of its own (port 0 takes a free one; the listener's `address` has it), or at
   * a path of the `server` that was given, which must be listening. A server of its own answers 426 to plain HTTP at its path, 404 elsewhere.
   * Rejects with an AstraError: EINVAL with the reason, EADDRINUSE, EACCES, ERR_ASTRANET_INVALID_STATE where `server` does not listen,
   * ERR_ASTRANET_NO_TRANSPORT in a browser.
   */
  async listen(network: string, address: string, init: ListenInit): Promise<TransportListener> {
    init.signal?.throwIfAborted();
    const known = checked(network);
    if (platform.listen === undefined) throw new AstraError("ERR_ASTRANET_NO_TRANSPORT", "a browser cannot listen for WebSockets: dial a node that can, and bind services there over the link");
    return platform.listen(known, address, this.#settings, init);
  }
}

function checked(network: string): Network {
  const found = networks.find((name) => name === network);
  if (found === undefined) throw new AstraError("EINVAL", `no network '${network}' here, only ${networks.join(", ")}`);
  return found;
}
