import { systemClock, type Connection } from "@astranet/transport";
import { conformance } from "@astranet/transport/testing";
import { describe, it } from "vitest";
import { CircuitNetwork } from "./support/circuit-network.ts";

/** Both ends of a fresh circuit through `relays` nodes, before anything runs over it. */
async function circuit(relays: 1 | 3): Promise<[Connection, Connection]> {
  const ends = new Map<number, (connection: Connection) => void>();
  const end = (i: number): Promise<Connection> => new Promise((resolve) => ends.set(i, resolve));
  const net = new CircuitNetwork(systemClock, {});
  const nodes = net.row(5, (i) => ({
    limits: { handshakeTimeoutMs: 1e8, openTimeoutMs: 1e8, maxTries: 1 },
    secure: (connection) => {
      ends.get(i)?.(connection);
      return new Promise(() => undefined);
    },
  }));
  const both = Promise.all([end(0), end(relays + 1)]);
  nodes[0].circuits.session(nodes[relays + 1]!.id).catch(() => undefined);
  return both;
}

describe("a circuit through one relay is a connection", () => {
  conformance({ test: it, pair: () => circuit(1), bulkBytes: 32 * 1024 * 1024 });
});

describe("a circuit through three relays is a connection", () => {
  conformance({ test: it, pair: () => circuit(3), bulkBytes: 8 * 1024 * 1024 });
});
