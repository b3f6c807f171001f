import type { Conn } from "@astranet/router";
import type { Connection } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import type { CircuitLimits } from "../src/circuit/circuit-types.ts";
import { drainOf, echo, failure, virtualNetwork, type CircuitNetwork, type CircuitNode } from "./support/circuit-network.ts";
import { during } from "./support/network.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** The opener's end of a circuit as it is, before a session, to a node that reads nothing of it. */
interface Stuck {
  readonly connection: Connection;
  closed: { reason: unknown } | undefined;
  /** Sends as long as there is room, and again whenever there is. */
  flood(chunk: Uint8Array): void;
}

class Floods {
  readonly net: CircuitNetwork = virtualNetwork({ latencyMs: 1 });
  readonly relay: CircuitNode;
  readonly #made: Connection[] = [];

  constructor(limits: Partial<CircuitLimits> = {}) {
    this.relay = this.net.node({ limits });
  }

  /** A node whose circuits are left raw; unread at the far end, as long as nobody starts them. */
  node(): CircuitNode {
    const node = this.net.node({
      limits: { openTimeoutMs: 1e8, handshakeTimeoutMs: 1e8, maxTries: 1 },
      secure: (connection, { initiator }) => {
        if (initiator) this.#made.push(connection);
        return new Promise(() => undefined);
      },
    });
    this.net.link(node, this.relay);
    return node;
  }

  async open(from: CircuitNode, to: CircuitNode): Promise<Stuck> {
    from.circuits.session(to.id).catch(() => undefined);
    await this.net.clock.advance(20);
    const connection = this.#made.pop()!;
    let fill: () => void = () => undefined;
    const stuck: Stuck = {
      connection,
      closed: undefined,
      flood: (chunk) => {
        fill = () => {
          while (connection.send([chunk]));
        };
        fill();
      },
    };
    connection.start({ data: () => undefined, drain: () => fill(), closed: (reason) => (stuck.closed = { reason }) });
    return stuck;
  }
}

describe("backpressure", () => {
  it("reaches the opener: of a circuit that nobody reads the relay holds a window and no more", async () => {
    const floods = new Floods();
    const { relay, net } = floods;
    const [a, b] = [floods.node(), floods.node()];
    const circuit = await floods.open(a, b);
    circuit.flood(new Uint8Array(16 * KiB));
    await net.clock.advance(20_000);
    expect(relay.circuits.stats().relayBytes).toBeGreaterThan(100 * KiB);
    expect(relay.circuits.stats().relayBytes).toBeLessThanOrEqual(256 * KiB);
    // A window lies at the far end, at most one at the relay, the rest with who wrote it.
    expect(relay.circuits.stats().carriedBytes).toBeLessThanOrEqual(256 * KiB);
    expect(circuit.closed).toBeUndefined();
  });

  it("of one slow reader stalls its own writer, and not the other streams of the circuit", async () => {
    const net = virtualNetwork({ latencyMs: 2, bytesPerSecond: 50 * MiB });
    const [a, r, b] = net.row(3);
    const slow: Conn[] = [];
    b.ports.bind({ port: 8, onconn: (conn) => slow.push(conn) });
    let fast = 0;
    b.ports.bind({
      port: 7,
      onconn: (conn) =>
        conn.attach({
          data: (chunk) => {
            fast += chunk.length;
            conn.consume(chunk.length);
          },
          end: () => undefined,
          reset: () => undefined,
        }),
    });
    const stuck = await during(net.clock, a.dial(b, 8), 100);
    const conns = await during(net.clock, Promise.all(Array.from({ length: 20 }, () => a.dial(b, 7))), 100);
    let written = 0;
    void (async () => {
      for (;;) {
        await stuck.write(new Uint8Array(64 * KiB));
        written += 64 * KiB;
      }
    })().catch(() => undefined);
    for (const conn of conns) {
      void (async () => {
        for (;;) await conn.write(new Uint8Array(64 * KiB));
      })().catch(() => undefined);
    }
    await net.clock.advance(200);
    const [before, at] = [fast, written];
    await net.clock.advance(400);
    expect(written).toBe(at);
    expect(fast - before).toBeGreaterThan(0.4 * 50 * MiB * 0.9);
    expect(r.circuits.stats().relayBytes).toBeLessThan(2 * MiB);
    a.links.get(r.id)!.connection.abort();
    await net.clock.advance(50);
  });

  it("of a thin link keeps a flood at its source: little lies at the relay, and others get their share", async () => {
    const net = virtualNetwork();
    const r = net.node();
    const [a, other, thin, wide] = [0, 1, 2, 3].map(() => net.node()) as [CircuitNode, CircuitNode, CircuitNode, CircuitNode];
    const fat = { latencyMs: 1, bytesPerSecond: 125 * MiB };
    for (const node of [a, other, wide]) net.link(node, r, { memory: fat });
    net.link(r, thin, { memory: { latencyMs: 1, bytesPerSecond: 125 * KiB } });
    const read = new Map<CircuitNode, number>();
    for (const node of [thin, wide]) {
      node.ports.bind({
        port: 7,
        onconn: (conn) =>
          conn.attach({
            data: (chunk) => {
              read.set(node, (read.get(node) ?? 0) + chunk.length);
              conn.consume(chunk.length);
            },
            end: () => undefined,
            reset: () => undefined,
          }),
      });
    }
    const flood = async (from: CircuitNode, to: CircuitNode): Promise<void> => {
      const conn = await from.dial(to, 7);
      for (;;) await conn.write(new Uint8Array(64 * KiB));
    };
    flood(a, thin).catch(() => undefined);
    flood(other, wide).catch(() => undefined);
    let most = 0;
    for (let i = 0; i < 20; i += 1) {
      await net.clock.advance(50);
      most = Math.max(most, r.circuits.stats().relayBytes);
    }
    expect(read.get(thin)).toBeGreaterThan(50 * KiB);
    expect(read.get(wide)).toBeGreaterThan(0.7 * 125 * MiB);
    expect(most).toBeLessThan(3 * MiB);
    net.kill(r);
    await net.clock.advance(50);
  });
});

describe("a long way", () => {
  it("is filled: windows grow with round trip and rate at every hop", async () => {
    const net = virtualNetwork();
    const [a, r, b] = [net.node(), net.node(), net.node()] as const;
    net.link(a, r, { memory: { latencyMs: 0.1, bytesPerSecond: 200 * MiB } });
    net.link(r, b, { memory: { latencyMs: 25, bytesPerSecond: 80 * MiB } });
    let read = 0;
    b.ports.bind({
      port: 7,
      onconn: (conn) =>
        conn.attach({
          data: (chunk) => {
            read += chunk.length;
            conn.consume(chunk.length);
          },
          end: () => undefined,
          reset: () => undefined,
        }),
    });
    const conn = await during(net.clock, a.dial(b, 7), 500);
    void (async () => {
      for (;;) await conn.write(new Uint8Array(64 * KiB));
    })().catch(() => undefined);
    // The windows grow by a round trip each.
    await net.clock.advance(1500);
    const before = read;
    await net.clock.advance(500);
    expect((read - before) * 2).toBeGreaterThan(60e6);
    expect(r.circuits.stats().relayBytes).toBeLessThan(16 * MiB);
    net.kill(r);
    await net.clock.advance(50);
  });
});

describe("the budget of a relay", () => {
  it("when half used admits no more circuits, and those that stand go on", async () => {
    const floods = new Floods({ maxRelayBytes: MiB });
    const { relay, net } = floods;
    const nodes = Array.from({ length: 6 }, () => floods.node());
    const circuits: Stuck[] = [];
    for (let i = 1; relay.circuits.stats().relayBytes <= 512 * KiB; i += 1) {
      circuits.push(await floods.open(nodes[0]!, nodes[i]!));
      circuits.at(-1)!.flood(new Uint8Array(16 * KiB));
      await net.clock.advance(100);
    }
    const standing = circuits.length;
    expect(await failure(net.clock, nodes[1]!.circuits.session(nodes[2]!.id), 50)).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD", via: [relay.id], retryable: true });
    expect(relay.circuits.stats()).toMatchObject({ relayed: standing, shed: 0, refused: 1 });
    // What goes makes room.
    for (const { connection } of circuits.slice(0, 2)) connection.abort();
    await net.clock.advance(20);
    await floods.open(nodes[1]!, nodes[2]!);
    expect(relay.circuits.stats()).toMatchObject({ relayed: standing - 1, refused: 1 });
  });

  it("is never exceeded: the circuit with most bytes goes first, and both its ends hear why", async () => {
    const floods = new Floods({ maxRelayBytes: 600 * KiB });
    const { relay, net } = floods;
    const nodes = [0, 1, 2, 3].map(() => floods.node());
    const [a, b, c, d] = nodes as [CircuitNode, CircuitNode, CircuitNode, CircuitNode];
    const small = await floods.open(a, b);
    const others = [await floods.open(b, c), await floods.open(c, d), await floods.open(d, a)];
    // The window of the far end, and a little that stays at the relay.
    small.connection.send([new Uint8Array(300 * KiB)]);
    await net.clock.advance(100);
    let most = 0;
    for (const circuit of others) {
      circuit.flood(new Uint8Array(16 * KiB));
      for (let i = 0; i < 20; i += 1) {
        await net.clock.advance(5);
        most = Math.max(most, relay.circuits.stats().relayBytes);
      }
    }
    expect(most).toBeLessThanOrEqual(600 * KiB);
    expect(relay.circuits.stats().shed).toBeGreaterThan(0);
    expect(relay.circuits.stats().relayed).toBeLessThan(4);
    const shed = [small, ...others].filter(({ closed }) => closed !== undefined);
    expect(shed.length).toBe(relay.circuits.stats().shed);
    expect(small.closed).toBeUndefined();
    for (const { closed } of shed) expect(closed!.reason).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD", via: [relay.id] });
  });

  it("is given back whole, however circuits end", async () => {
    const floods = new Floods();
    const { relay, net } = floods;
    const [a, b] = [floods.node(), floods.node()];
    for (const end of ["opener", "link before", "link after"] as const) {
      const circuit = await floods.open(a, b);
      circuit.flood(new Uint8Array(10_000));
      await net.clock.advance(100);
      expect(relay.circuits.stats().relayBytes).toBeGreaterThan(100 * KiB);
      if (end === "opener") circuit.connection.abort();
      else (end === "link before" ? a : b).links.get(relay.id)!.connection.abort();
      await net.clock.advance(100);
      expect(relay.circuits.stats()).toMatchObject({ relayed: 0, relayBytes: 0 });
      if (end === "link before") net.link(a, relay);
    }
  });
});

describe("what lies at a relay", () => {
  it("arrives in order and whole, whatever its pieces", async () => {
    const net = virtualNetwork({ latencyMs: 1, sliceBytes: 1500 });
    const [a, , b] = net.row(3);
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 100);
    const sent: Uint8Array[] = [];
    void (async () => {
      for (let i = 0; i < 150; i += 1) {
        const chunk = Uint8Array.from({ length: (i * 7919) % 5000 }, (_, at) => (i + at) & 0xff);
        sent.push(chunk);
        await conn.write(chunk);
      }
      await conn.end();
    })();
    const got = await during(net.clock, drainOf(conn), 3000);
    expect(got.length).toBe(sent.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    const wrong = sent.findIndex((chunk) => chunk.some((byte) => byte !== got[at++]));
    expect(wrong).toBe(-1);
  });
});
