import type { Connection } from "../connection.ts";
import { AstraError } from "../errors.ts";
import type { ListenInit, Transport, TransportListener } from "../transport.ts";
import { debugConnection, type DebugOptions } from "./debug-connection.ts";

/** A transport whose connections, dialled and accepted, are wrapped by {@link debugConnection}. */
export class DebugTransport implements Transport {
  readonly networks: readonly string[];
  readonly #inner: Transport;
  readonly #options: DebugOptions;

  constructor(inner: Transport, options: DebugOptions = {}) {
    this.networks = inner.networks;
    this.#inner = inner;
    this.#options = options;
  }

  /** As the transport underneath. */
  async dial(network: string, address: string, options?: { signal?: AbortSignal }): Promise<Connection> {
    return debugConnection(await this.#inner.dial(network, address, options), this.#options);
  }

  /** As the transport underneath; rejects with EINVAL where that cannot listen. */
  async listen(network: string, address: string, init: ListenInit): Promise<TransportListener> {
    if (this.#inner.listen === undefined) throw new AstraError("EINVAL", "the transport underneath cannot listen");
    return await this.#inner.listen(network, address, {
      ...init,
      onconnection: (connection) => {
        init.onconnection(debugConnection(connection, this.#options));
      },
    });
  }
}
