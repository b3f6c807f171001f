import type { Connection, Transport } from "@astranet/transport";

/** Connections that the test makes when it wants to. */
export class SlowTransport implements Transport {
  readonly networks = ["memory"];
  readonly dials: { resolve: (connection: Connection) => void; signal: AbortSignal }[] = [];

  dial(_network: string, _address: string, { signal }: { signal?: AbortSignal } = {}): Promise<Connection> {
    return new Promise((resolve) => void this.dials.push({ resolve, signal: signal! }));
  }
}
