import { describe, expect, it } from "vitest";
import { CircuitNetwork, echo } from "./support/circuit-network.ts";
import { during } from "./support/network.ts";

describe("a circuit", () => {
  it("leads to a node without a link, through one that has one: dials, bytes both ways, ends", async () => {
    const net = new CircuitNetwork({ latencyMs: 5 });
    const [a, r, b] = await net.row(3);
    void echo(b!.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a!.dial(b!, 7), 100);
    expect(conn.remoteAddress).toEqual({ id: b!.id, port: 7 });
    void conn.end(new Uint8Array(100_000).fill(7));
    let read = 0;
    const reading = (async () => {
      for await (const chunk of conn) read += chunk.length;
    })();
    await during(net.clock, reading, 500);
    expect(read).toBe(100_000);
    expect(a!.circuits.stats()).toMatchObject({ opened: 1, accepted: 0, relayed: 0 });
    expect(r!.circuits.stats()).toMatchObject({ opened: 0, accepted: 0, relayed: 1, relayBytes: 0 });
    expect(b!.circuits.stats()).toMatchObject({ opened: 0, accepted: 1, relayed: 0 });
  });
});
