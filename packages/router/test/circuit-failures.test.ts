import { encode } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import type { CircuitsOptions } from "../src/circuit/circuit-types.ts";
import { encodeCircuitHeader } from "../src/circuit/circuit-header.ts";
import { nodeIdToBytes } from "../src/node-id.ts";
import { drainOf, echo, failure, virtualNetwork, type CircuitNetwork, type CircuitNode } from "./support/circuit-network.ts";
import { during, outcome } from "./support/network.ts";

/** Two ends with two relays side by side; the paths prefer the first. */
function diamond(options: (i: number) => Partial<CircuitsOptions> = () => ({})): { net: CircuitNetwork; a: CircuitNode; r1: CircuitNode; r2: CircuitNode; b: CircuitNode } {
  const net = virtualNetwork();
  const [a, r1, r2, b] = [0, 1, 2, 3].map((i) => net.node(options(i))) as [CircuitNode, CircuitNode, CircuitNode, CircuitNode];
  for (const relay of [r1, r2]) {
    net.link(a, relay);
    net.link(relay, b);
  }
  return { net, a, r1, r2, b };
}

describe("when a relay dies", () => {
  it("under a thousand streams, each at both ends fails once with ECONNRESET and names it, and nothing is left", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const errors: AstraError[] = [];
    const fails = (stream: { readonly closed: Promise<unknown> }): void => {
      stream.closed.catch((error: unknown) => errors.push(error as AstraError));
    };
    b.ports.bind({ port: 7, onconn: fails });
    await during(net.clock, a.circuits.session(b.id), 100);
    const conns = await during(net.clock, Promise.all(Array.from({ length: 1000 }, () => a.dial(b, 7))), 100);
    conns.forEach(fails);
    for (const conn of conns) conn.write(new Uint8Array(1000)).catch(() => undefined);
    const pending = conns[0]!.read();
    pending.catch(() => undefined);
    net.kill(r);
    await net.clock.advance(50);
    expect(errors).toHaveLength(2000);
    expect(errors.every((error) => error.code === "ECONNRESET" && !error.retryable && error.via?.join() === r.id)).toBe(true);
    expect(await outcome(pending)).toMatchObject({ code: "ECONNRESET", via: [r.id] });
    expect(await outcome(a.dial(b, 7))).toMatchObject({ code: "EHOSTUNREACH" });
    for (const { circuits } of [a, r, b]) expect(circuits.stats()).toMatchObject({ opened: 0, accepted: 0, relayed: 0, relayBytes: 0 });
    expect(a.events.at(-1)).toMatchObject({ type: "circuitdown", peer: b.id, error: { code: "ECONNRESET", via: [r.id] } });
    await net.clock.advance(20_000);
    expect(net.clock.timers).toBe(0);
  });

  it("the others on the path tell both ends, in the tick in which they see it", async () => {
    const net = virtualNetwork({ latencyMs: 5 });
    const nodes = net.row(6);
    const [a, r1, r2, r3, r4, b] = nodes;
    await during(net.clock, a.circuits.session(b.id), 200);
    // Its neighbours see it after 5 ms, the ends 10 ms later.
    const broken = [a, b].map((node, i) => node.circuits.existing([b, a][i]!.id)!.closed.then(() => 0, (error: unknown) => ({ at: net.clock.now(), error })));
    await net.clock.advance(100);
    const at = net.clock.now();
    for (const id of [r1.id, r3.id]) r2.links.get(id)!.connection.abort();
    await net.clock.advance(100);
    expect(await Promise.all(broken)).toMatchObject([
      { at: at + 10, error: { code: "ECONNRESET", via: [r1.id] } },
      { at: at + 15, error: { code: "ECONNRESET", via: [r3.id] } },
    ]);
    expect(nodes.map(({ circuits }) => circuits.stats().relayed)).toEqual([0, 0, 0, 0, 0, 0]);
    // The opener's paths hear where, before the news of it has gone round.
    expect(a.failed).toEqual(["2-3"]);
    expect(r4.links.size).toBe(2);
  });

  it("while a circuit is being opened, another path is taken and the caller sees one session", async () => {
    const { net, a, r1, r2, b } = diamond();
    void echo(b.ports.bind({ port: 7 }));
    const dialling = a.dial(b, 7);
    dialling.catch(() => undefined);
    await net.clock.advance(7);
    net.kill(r1);
    const conn = await during(net.clock, dialling, 100);
    expect(a.events).toEqual([{ type: "circuitup", peer: b.id, path: [a.id, r2.id, b.id], initiator: true }]);
    void conn.end(Uint8Array.of(4));
    expect(await during(net.clock, drainOf(conn), 100)).toEqual(Uint8Array.of(4));
  });

  it("established streams fail, and the next dial goes over the other relay at once", async () => {
    const { net, a, r1, r2, b } = diamond();
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 100);
    net.kill(r1);
    expect(await failure(net.clock, conn.closed, 20)).toMatchObject({ code: "ECONNRESET", via: [r1.id] });
    await during(net.clock, a.dial(b, 7), 50);
    expect(r2.circuits.stats().relayed).toBe(1);
  });

  it("after one end has said its last word, the other one hears of it all the same", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const session = await during(net.clock, a.circuits.session(b.id), 100);
    const left = session.close();
    await net.clock.advance(7);
    net.kill(r);
    await during(net.clock, left, 100);
    await net.clock.advance(100);
    for (const { circuits } of [a, r, b]) expect(circuits.stats()).toMatchObject({ opened: 0, accepted: 0, relayed: 0 });
  });

  it("a circuit without streams ends with an error too", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const session = await during(net.clock, a.circuits.session(b.id), 100);
    net.kill(r);
    expect(await failure(net.clock, session.closed, 50)).toMatchObject({ code: "ECONNRESET", via: [r.id] });
  });

  it("in good order, what runs through it finishes first, and what is new goes another way", async () => {
    const { net, a, r1, r2, b } = diamond();
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 100);
    // As a node does that closes: its links drain, and both sides know.
    for (const [id, { session }] of r1.links) {
      void session.close();
      r1.circuits.linkDown(id);
    }
    await net.clock.advance(20);
    for (const end of [a, b]) {
      end.links.delete(r1.id);
      end.circuits.linkDown(r1.id);
    }
    expect(a.circuits.existing(b.id)).toBeUndefined();
    const next = await during(net.clock, a.dial(b, 7), 1000);
    expect([r1, r2].map(({ circuits }) => circuits.stats().relayed)).toEqual([1, 1]);
    for (const running of [conn, next]) {
      void running.end(Uint8Array.of(8));
      expect(await during(net.clock, drainOf(running), 100)).toEqual(Uint8Array.of(8));
    }
    await net.clock.advance(100);
    expect([r1, r2].map(({ circuits }) => circuits.stats().relayed)).toEqual([0, 1]);
    expect([...r1.links.keys()]).toEqual([]);
  });
});

describe("a failure", () => {
  const cases: readonly (readonly [name: string, options: Partial<CircuitsOptions>, expected: object])[] = [
    ["no relay", { relays: () => false }, { code: "EHOSTUNREACH" }],
    ["overloaded", { overloaded: () => true }, { code: "ERR_ASTRANET_OVERLOAD" }],
    ["a relay that forbids it", { authorizeRelay: () => false }, { code: "EACCES" }],
    ["a relay that forbids it later", { authorizeRelay: () => Promise.resolve(false) }, { code: "EACCES" }],
    ["a relay whose policy breaks", { authorizeRelay: () => { throw new Error("a mistake"); } }, { code: "EACCES" }],
    ["a relay whose policy breaks later", { authorizeRelay: () => Promise.reject(new Error("a mistake")) }, { code: "EACCES" }],
    ["a relay without room", { limits: { maxCircuits: 0 } }, { code: "ERR_ASTRANET_OVERLOAD" }],
    ["a relay without room for this neighbour", { limits: { maxCircuitsPerPeer: 0 } }, { code: "ERR_ASTRANET_OVERLOAD" }],
  ];
  it.each(cases)("names the node that it is of: %s", async (_name, options, expected) => {
    const net = virtualNetwork();
    const [a, , r2, b] = net.row(4, (i) => (i === 2 ? options : {}));
    expect(await failure(net.clock, a.circuits.session(b.id), 200)).toMatchObject({ ...expected, retryable: true, via: [r2.id] });
    expect(a.failed).toEqual(["2-3", "3-4"]);
    for (const { circuits } of net.nodes) expect(circuits.stats()).toMatchObject({ relayed: 0, relayBytes: 0 });
  });

  it("sends the next try around the node, and the third one around both", async () => {
    const { net, a, r1, r2, b } = diamond((i) => (i === 1 || i === 2 ? { relays: () => false } : {}));
    const third = net.node();
    net.link(a, third);
    net.link(third, b);
    await during(net.clock, a.circuits.session(b.id), 200);
    expect(third.circuits.stats().relayed).toBe(1);
    expect(a.failed).toEqual(["1-2", "2-4", "1-3", "3-4"]);
    expect([r1, r2].map(({ circuits }) => circuits.stats().refused)).toEqual([1, 1]);
    expect(r1.events).toEqual([{ type: "relayrefused", reason: "not-a-relay", request: { from: a.id, to: b.id, previous: a.id, next: b.id } }]);
  });

  it("ends the tries when there were three, and the error tells of each", async () => {
    const net = virtualNetwork();
    const [a, b] = [net.node(), net.node()];
    const relays = [0, 1, 2, 3].map(() => net.node({ relays: () => false }));
    for (const relay of relays) {
      net.link(a, relay);
      net.link(relay, b);
    }
    const error = (await failure(net.clock, a.circuits.session(b.id), 200)) as AstraError;
    expect(error).toMatchObject({ code: "EHOSTUNREACH", retryable: true, via: [relays[2]!.id] });
    for (const relay of relays.slice(0, 3)) expect(error.message).toContain(relay.id);
    expect(relays.map(({ circuits }) => circuits.stats().refused)).toEqual([1, 1, 1, 0]);
  });

  it("of the target itself is final when it has come over two paths: no third one is tried, and no relay is to blame", async () => {
    let asked = 0;
    const { net, a, b } = diamond((i) => (i === 3 ? { secure: () => ((asked += 1), Promise.reject(new AstraError("EACCES", "no"))) } : {}));
    const third = net.node();
    for (const end of [a, b]) net.link(end, third);
    expect(await failure(net.clock, a.circuits.session(b.id), 200)).toMatchObject({ code: "EACCES", retryable: false, via: [b.id] });
    expect(asked).toBe(2);
    expect(a.failed).toEqual([]);
  });

  it.each([
    ["in the target's name", 0x43_05_02_00],
    ["in the target's name, which is too busy", 0x43_04_02_01],
    ["for good", 0x43_07_01_00],
  ])("that a relay makes up %s is found out: another one leads there", async (_how, code) => {
    const { net, a, r1, r2, b } = diamond();
    Object.assign(r1, { incoming: (stream: { reset(code: number): void }) => stream.reset(code) });
    await during(net.clock, a.circuits.session(b.id), 100);
    expect(r2.circuits.stats().relayed).toBe(1);
    expect(a.failed).toEqual(["2-4"]);
  });

  it("is no more than that when a relay lies about its links: another one leads there", async () => {
    const { net, a, r1, r2, b } = diamond();
    net.lies.push({ from: r1.id, to: b.id });
    r1.links.get(b.id)!.connection.abort();
    await net.clock.advance(20);
    await during(net.clock, a.circuits.session(b.id), 100);
    expect(a.failed).toEqual(["2-4"]);
    expect(r2.circuits.stats().relayed).toBe(1);
  });

  it("is found out by time when a relay swallows what it should carry: another one leads there", async () => {
    const { net, a, r1, r2, b } = diamond();
    // It takes the stream, and does nothing.
    Object.assign(r1, { incoming: () => undefined });
    const session = during(net.clock, a.circuits.session(b.id), 3000);
    await session;
    expect(a.failed).toEqual(["2-4"]);
    expect(r2.circuits.stats().relayed).toBe(1);
    expect(r1.links.get(a.id)!.session.streamCount).toBe(0);
  });

  it("of a relay that blames somebody before it is taken as its own", async () => {
    const net = virtualNetwork();
    const [a, r1, r2, b] = net.row(4);
    // 'C', "denied", by the node at index 0, final.
    Object.assign(r2, { incoming: (stream: { reset(code: number): void }) => stream.reset(0x43_05_00_00) });
    expect(await failure(net.clock, a.circuits.session(b.id), 200)).toMatchObject({ code: "EACCES", via: [r2.id] });
    expect(r1.circuits.stats().relayed).toBe(0);
  });

  it("of a neighbour that knows nothing of circuits is told like any other", async () => {
    const net = virtualNetwork();
    const [a, r1, r2, b] = net.row(4);
    Object.assign(r2, { incoming: (stream: { refuse(): void }) => stream.refuse() });
    expect(await failure(net.clock, a.circuits.session(b.id), 200)).toMatchObject({ code: "EHOSTUNREACH", via: [r2.id] });
    Object.assign(r1, { incoming: (stream: { refuse(): void }) => stream.refuse() });
    expect(await failure(net.clock, a.circuits.session(b.id), 200)).toMatchObject({ code: "EHOSTUNREACH", via: [r1.id] });
  });
});

describe("a header that no honest neighbour sends", () => {
  const id = new Uint8Array(8);
  type Nodes = readonly [a: CircuitNode, r: CircuitNode, b: CircuitNode];
  const cases: readonly (readonly [name: string, header: (nodes: Nodes) => Uint8Array])[] = [
    ["garbage", () => Uint8Array.of(0xc1, 1, 2)],
    ["none", () => new Uint8Array()],
    ["from another node than its neighbour", ([, r, b]) => encodeCircuitHeader({ path: [b.id, r.id], index: 1, id, kind: "circuit" })],
    ["for another node", ([a, r, b]) => encodeCircuitHeader({ path: [a.id, b.id, r.id], index: 1, id, kind: "circuit" })],
    ["beyond its place on the path", ([a, r, b]) => encodeCircuitHeader({ path: [a.id, r.id, b.id], index: 2, id, kind: "circuit" })],
    ["in a loop", ([a, r]) => encode({ p: new Uint8Array([a, r, a].flatMap((node) => [...nodeIdToBytes(node.id)])), i: 1, c: id })],
    ["of a path of 17 nodes", ([a, r]) => encode({ p: new Uint8Array([...nodeIdToBytes(a.id), ...nodeIdToBytes(r.id), ...Array.from({ length: 15 }, (_, i) => [0xa1, 0, 0, 0, 0, 0, 0, i]).flat()]), i: 1, c: id })],
    ["longer than 1 KiB", ([a, r, b]) => encode({ p: new Uint8Array([a, r, b].flatMap((node) => [...nodeIdToBytes(node.id)])), i: 1, c: id, x: new Uint8Array(1000) })],
  ];
  it.each(cases)("ends the link: %s", async (_name, header) => {
    const net = virtualNetwork();
    const nodes = net.row(3);
    const [a, r, b] = nodes;
    // Settled: then longer headers may be sent.
    await net.clock.advance(50);
    a.links.get(r.id)!.session.open({ type: 2, header: header(nodes) });
    await net.clock.advance(50);
    expect(r.linkErrors).toMatchObject([{ code: "ERR_ASTRANET_PROTOCOL" }]);
    expect([...r.links.keys()]).toEqual([b.id]);
    expect(b.circuits.stats().accepted).toBe(0);
  });
});

describe("a relay gives up", () => {
  it("a circuit that nobody answers after half a minute", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3, () => ({ limits: { openTimeoutMs: 1e6, maxTries: 1 } }));
    Object.assign(b, { incoming: () => undefined });
    const opening = a.circuits.session(b.id);
    opening.catch(() => undefined);
    await net.clock.advance(29_000);
    expect(r.circuits.stats().relayed).toBe(1);
    expect(await failure(net.clock, opening, 17_000)).toMatchObject({ code: "ETIMEDOUT", via: [r.id] });
    expect(r.circuits.stats().relayed).toBe(0);
  });

  it("a circuit over which nothing moves for ten minutes", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3, () => ({ session: { keepAlive: false } }));
    b.ports.bind({ port: 7, onconn: () => undefined });
    const conn = await during(net.clock, a.dial(b, 7), 100);
    await net.clock.advance(300_000);
    void conn.write(Uint8Array.of(1));
    await net.clock.advance(590_000);
    expect(r.circuits.stats().relayed).toBe(1);
    expect(await failure(net.clock, conn.closed, 30_000)).toMatchObject({ code: "ETIMEDOUT", via: [r.id], retryable: false });
    expect(r.circuits.stats().relayed).toBe(0);
  });

  it("never one whose ends keep each other alive", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    b.ports.bind({ port: 7, onconn: () => undefined });
    await during(net.clock, a.dial(b, 7), 100);
    await net.clock.advance(1_300_000);
    expect(r.circuits.stats().relayed).toBe(1);
    expect(a.events).toHaveLength(1);
  });
});

describe("limits", () => {
  it("hold how many circuits lead through a relay, in all and from one neighbour", async () => {
    const net = virtualNetwork();
    const r = net.node({ limits: { maxCircuits: 3, maxCircuitsPerPeer: 2 } });
    const [a, other, ...targets] = [0, 1, 2, 3, 4].map(() => net.node());
    for (const node of [a!, other!, ...targets]) net.link(node, r);
    for (const target of targets.slice(0, 2)) await during(net.clock, a!.circuits.session(target.id), 50);
    expect(await failure(net.clock, a!.circuits.session(targets[2]!.id), 50)).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD", via: [r.id], retryable: true });
    await during(net.clock, other!.circuits.session(targets[0]!.id), 50);
    expect(await failure(net.clock, other!.circuits.session(targets[1]!.id), 50)).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD", via: [r.id] });
    expect(r.circuits.stats()).toMatchObject({ relayed: 3, refused: 1 });
    // One that goes makes room.
    await during(net.clock, a!.circuits.existing(targets[0]!.id)!.close(), 50);
    await during(net.clock, a!.circuits.session(targets[2]!.id), 50);
    expect(r.circuits.stats().relayed).toBe(3);
  });

  it("hold how fast one neighbour opens circuits, so that the next hop does not turn against the relay", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3, (i) => (i === 1 ? { limits: { openBurst: 20, opensPerSecond: 10 } } : {}));
    const link = a.links.get(r.id)!.session;
    const burst = (): void => {
      for (let i = 0; i < 1000; i += 1) {
        const header = encodeCircuitHeader({ path: [a.id, r.id, b.id], index: 1, id: new Uint8Array(8), kind: "circuit" });
        const stream = link.open({ type: 2, header });
        stream.closed.catch(() => undefined);
      }
    };
    burst();
    await net.clock.advance(100);
    expect(r.circuits.stats()).toMatchObject({ refused: 980 });
    await net.clock.advance(1000);
    burst();
    await net.clock.advance(100);
    expect(r.circuits.stats().refused).toBe(980 + 989);
    expect(b.links.size).toBe(1);
  });

  it("hold how fast circuits lead to one neighbour, whoever opens them: another neighbour is none the worse", async () => {
    const net = virtualNetwork();
    const r = net.node({ limits: { openBurst: 2, opensPerSecond: 0.01 } });
    const [b, c, ...openers] = Array.from({ length: 5 }, () => net.node());
    for (const node of [b!, c!, ...openers]) net.link(node, r);
    const opened = (from: CircuitNode, to: CircuitNode): Promise<unknown> =>
      during(net.clock, Promise.resolve(from.circuits.session(to.id)), 100).then(
        () => "open",
        (error: unknown) => (error as { code: string }).code,
      );
    const outcomes: unknown[] = [];
    for (const opener of openers) outcomes.push(await opened(opener, b!));
    expect(outcomes).toEqual(["open", "open", "ERR_ASTRANET_OVERLOAD"]);
    expect(await opened(openers[2]!, c!)).toBe("open");
  });

  it("hold how many circuits one node keeps to another", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const link = a.links.get(r.id)!.session;
    const streams = Array.from({ length: 5 }, () => link.open({ type: 2, header: encodeCircuitHeader({ path: [a.id, r.id, b.id], index: 1, id: new Uint8Array(8), kind: "circuit" }) }));
    await net.clock.advance(100);
    expect(b.circuits.stats().accepted).toBe(4);
    expect(await outcome(streams[4]!.opened)).toMatchObject({ remoteCode: 0x43_04_02_01 });
  });

  it("let the far end wait for a handshake no longer than 5 s", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3, (i) => (i === 2 ? { secure: () => new Promise(() => undefined) } : { limits: { maxTries: 1 } }));
    const opening = a.circuits.session(b.id);
    opening.catch(() => undefined);
    await net.clock.advance(5000);
    expect(await outcome(opening)).toBe("pending");
    expect(await failure(net.clock, opening, 50)).toMatchObject({ code: "ETIMEDOUT", via: [b.id] });
    expect(r.circuits.stats().relayed).toBe(0);
  });

  it("let a policy take its time, and count what waits for it", async () => {
    const net = virtualNetwork();
    let allow: (allowed: boolean) => void = () => undefined;
    const [a, r, b] = net.row(3, (i) => (i === 1 ? { authorizeRelay: () => new Promise<boolean>((resolve) => (allow = resolve)), limits: { maxCircuits: 1 } } : {}));
    const other = net.node();
    net.link(other, r);
    const opening = a.circuits.session(b.id);
    await net.clock.advance(50);
    expect(await failure(net.clock, other.circuits.session(b.id), 50)).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD" });
    allow(true);
    await during(net.clock, opening, 50);
    // Given up meanwhile: nothing is opened for nobody.
    const late = b.circuits.existing(a.id)!;
    await during(net.clock, late.close(), 50);
    await net.clock.advance(200);
    const again = a.circuits.session(b.id);
    again.catch(() => undefined);
    await net.clock.advance(20);
    net.kill(a);
    await net.clock.advance(20);
    allow(true);
    await net.clock.advance(50);
    expect(r.circuits.stats().relayed).toBe(0);
    expect(b.circuits.stats().accepted).toBe(0);
  });
});
