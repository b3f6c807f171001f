import { describe, expect, it } from "vitest";
import { nodeIdOfKey, type RouterOptions } from "@astranet/router";
import { identities } from "./support/identities.ts";
import { TestNetwork, during, outcome, type TestNode } from "./support/network.ts";
import { CableTransport } from "./support/pulled-cable.ts";

const makeIdentity = identities(5);

function secured(): Pick<RouterOptions, "security"> & { id: string } {
  const identity = makeIdentity();
  return { id: nodeIdOfKey(identity.publicKey)!, security: { identity } };
}

/** Nodes in a row: those between the ends relay. */
async function row(count: number, more: () => Partial<RouterOptions> & { id?: string } = () => ({})): Promise<{ net: TestNetwork; nodes: TestNode[] }> {
  const net = new TestNetwork({ latencyMs: 5 });
  const nodes = Array.from({ length: count }, (_, i) => net.node(i + 1, { role: i === 0 || i === count - 1 ? "peer" : "router", ...more() }));
  for (const [i, node] of nodes.slice(1).entries()) await net.link(nodes[i]!, node);
  await net.clock.advance(1000);
  return { net, nodes };
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

describe.each([
  ["in clear", () => ({})],
  ["encrypted end to end", secured],
])("nodes without a link, %s,", (_how, more) => {
  it.each([3, 4, 6])("reach each other through all that lie between: %d in a row", async (count) => {
    const { net, nodes } = await row(count, more);
    const [a, z] = [nodes[0]!, nodes.at(-1)!];
    const between = nodes.slice(1, -1).map(({ id }) => id);
    expect(a.router.routes().find(({ id }) => id === z.id)).toMatchObject({ hops: count - 1, via: between });
    const listener = z.router.bind({ port: 80, service: "files" });
    z.directory.publish({ name: "files", port: 80 });
    await net.clock.advance(500);
    expect(a.directory.services()).toMatchObject([{ name: "files", id: z.id, distance: count - 1 }]);
    const dialled = a.router.connect(z.id, 80, { service: "files" });
    const there = await during(net.clock, listener.accept(), 500);
    const here = await during(net.clock, dialled, 500);
    expect([here.remoteAddress, there.remoteAddress.id]).toEqual([{ id: z.id, port: 80 }, a.id]);
    void here.end(text("there"));
    expect(await during(net.clock, there.read(), 200)).toEqual(text("there"));
    void there.end(text("and back"));
    expect(await during(net.clock, here.read(), 200)).toEqual(text("and back"));
    for (const { router } of nodes.slice(1, -1)) expect(router.circuits).toMatchObject({ relayed: 1, opened: 0, accepted: 0 });
    expect(a.router.circuits).toMatchObject({ opened: 1, relayed: 0 });
    expect(await during(net.clock, a.router.ping(z.id), 500)).toBeCloseTo(10 * (count - 1), 0);
    const trace = await during(net.clock, a.router.trace(z.id), 500);
    expect(trace.path).toEqual(nodes.map(({ id }) => id));
    expect(trace.hops.map(({ id, rttMs }) => [id, Math.round(rttMs)])).toEqual(nodes.slice(1).map(({ id }) => [id, 10]));
  });

  it("share one circuit for all their streams", async () => {
    const { net, nodes } = await row(3, more);
    const [a, relay, z] = nodes as [TestNode, TestNode, TestNode];
    z.router.bind({ port: 80, onconn: (conn) => void conn.end(text("x")) });
    const dials = Array.from({ length: 200 }, () => a.router.connect(z.id, 80));
    const conns = await during(net.clock, Promise.all(dials), 500);
    expect(relay.router.circuits.relayed).toBe(1);
    for (const conn of conns) conn.reset();
  });

  it("hear at once when the relay between them is gone, with its name, and that there is no way now", async () => {
    const { net, nodes } = await row(3, more);
    const [a, relay, z] = nodes as [TestNode, TestNode, TestNode];
    const listener = z.router.bind({ port: 80 });
    const dialled = a.router.connect(z.id, 80);
    const there = await during(net.clock, listener.accept(), 500);
    const here = await during(net.clock, dialled, 500);
    for (const link of relay.router.links) (link as unknown as { session: { abort(): void } }).session.abort();
    await net.clock.advance(20);
    for (const { closed } of [here, there]) expect(await outcome(closed)).toMatchObject({ code: "ECONNRESET", via: expect.arrayContaining([relay.id]) as string[] });
    expect(await outcome(a.router.connect(z.id, 80))).toMatchObject({ code: "EHOSTUNREACH" });
    expect(a.router.routes()).toEqual([]);
  });

  it("hear which relay took a dial with it that was under way", async () => {
    const { net, nodes } = await row(3, more);
    const [a, relay, z] = nodes as [TestNode, TestNode, TestNode];
    z.router.bind({ port: 80 });
    const dialled = a.router.connect(z.id, 80);
    dialled.catch(() => undefined);
    await net.clock.advance(300);
    expect(relay.router.circuits.relayed).toBe(1);
    for (const link of relay.router.links) (link as unknown as { session: { abort(): void } }).session.abort();
    await net.clock.advance(20);
    expect(await outcome(dialled)).toMatchObject({ code: "ECONNRESET", via: [relay.id] });
  });

  it("take another relay when there is one", async () => {
    const net = new TestNetwork({ latencyMs: 5 });
    const [a, z] = [net.node(1, { role: "peer", ...more() }), net.node(2, { role: "peer", ...more() })];
    const relays = [net.node(3, { role: "router", ...more() }), net.node(4, { role: "router", ...more() })];
    for (const relay of relays) {
      await net.link(a, relay);
      await net.link(relay, z);
    }
    await net.clock.advance(1000);
    z.router.bind({ port: 80, onconn: () => undefined });
    const first = await during(net.clock, a.router.connect(z.id, 80), 500);
    const used = relays.find(({ router }) => router.circuits.relayed === 1)!;
    const gone = outcome(first.closed);
    void used.router.close();
    await net.clock.advance(6000);
    await gone;
    const second = await during(net.clock, a.router.connect(z.id, 80), 500);
    expect(second.remoteAddress.id).toBe(z.id);
    expect(relays.find((relay) => relay !== used)!.router.circuits.relayed).toBe(1);
  });
});

describe("a relay", () => {
  it("carries nothing for others when it is asked not to, and can be reached all the same", async () => {
    const { net, nodes } = await row(3);
    const [a, relay, z] = nodes as [TestNode, TestNode, TestNode];
    relay.router.overloaded = true;
    relay.router.bind({ port: 80, onconn: () => undefined });
    await net.clock.advance(2000);
    expect(a.router.routes().map(({ id }) => id)).toEqual([relay.id]);
    expect(await outcome(a.router.connect(z.id, 80))).toMatchObject({ code: "EHOSTUNREACH" });
    expect((await during(net.clock, a.router.connect(relay.id, 80), 100)).remoteAddress.id).toBe(relay.id);
    relay.router.overloaded = false;
    await net.clock.advance(2000);
    expect(a.router.routes()).toHaveLength(2);
  });

  it("asks authorize, and the dialler hears EACCES with the relay's id", async () => {
    const asked: unknown[] = [];
    const net = new TestNetwork({ latencyMs: 5 });
    const relay = net.node(2, { role: "router", authorize: (request) => (asked.push(request), request.action !== "relay") });
    const [a, z] = [net.node(1, { role: "peer" }), net.node(3, { role: "peer" })];
    await net.link(a, relay);
    await net.link(relay, z);
    await net.clock.advance(1000);
    const dialled = a.router.connect(z.id, 80);
    dialled.catch(() => undefined);
    await net.clock.advance(1000);
    expect(await outcome(dialled)).toMatchObject({ code: "EACCES", via: [relay.id] });
    expect(asked.slice(2)).toEqual([{ action: "relay", from: a.id, to: z.id, previous: a.id, next: z.id }]);
  });

  it("that is about to go says so, and no path leads through it from then on", async () => {
    const { net, nodes } = await row(4);
    const [a, first, , z] = nodes as [TestNode, TestNode, TestNode, TestNode];
    void first.router.close();
    await net.clock.advance(1000);
    expect(a.router.routes()).toEqual([]);
    expect(z.router.routes()).toHaveLength(1);
  });

  it("is not everybody: a peer between two nodes carries nothing", async () => {
    const { nodes } = await row(3, () => ({ role: "peer" as const }));
    expect(nodes[0]!.router.routes().map(({ id }) => id)).toEqual([nodes[1]!.id]);
  });
});

describe("a node whose only link broke, and which is back at once", () => {
  it("was there all the while for everybody else: nobody heard of a loss", async () => {
    const net = new TestNetwork({ latencyMs: 1 });
    const cables = new CableTransport(net.transport, net.clock);
    const [far, relay, node] = [net.node(1), net.node(2, { role: "router" }), net.node(3, { transports: [cables] })];
    await during(net.clock, relay.router.listen("memory", "relay"));
    const joins = [far.router.join("memory", "relay"), node.router.join("memory", "relay", { retry: { minDelayMs: 0 } })];
    await during(net.clock, Promise.all(joins), 1000);
    node.router.bind({ port: 80, onconn: (conn) => void conn.end(text("x")) });
    for (const { events } of [far, relay]) events.length = 0;
    cables.cables[0]!.pull();
    for (let i = 0; i < 100; i += 1) {
      await net.clock.advance(1);
      expect(far.router.route(node.id)?.hops).toBe(2);
    }
    expect(relay.takeEvents()).toEqual(["linkup", "linkdown"]);
    expect(far.events.filter(({ type }) => type === "reachability")).toEqual([]);
    const conn = await during(net.clock, far.router.connect(node.id, 80), 100);
    expect(await during(net.clock, conn.read(), 100)).toEqual(text("x"));
  });
});
