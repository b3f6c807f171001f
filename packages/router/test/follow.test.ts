import { describe, expect, it } from "vitest";
import type { FollowCandidate, FollowFilter, RouterOptions } from "@astranet/router";
import { TestNetwork, during, type TestNode } from "./support/network.ts";

/** Two nodes with a relay between them, of which the second listens. */
async function relayed(follow: FollowFilter | undefined, more: Partial<RouterOptions> = {}): Promise<{ net: TestNetwork; a: TestNode; relay: TestNode; b: TestNode; ask: () => Promise<void> }> {
  const net = new TestNetwork({ latencyMs: 5 });
  const a = net.node(1, { role: "peer", ...(follow === undefined ? {} : { follow }), ...more });
  const [relay, b] = [net.node(2, { role: "router" }), net.node(3, { role: "peer" })];
  await during(net.clock, b.router.listen("memory", "b"));
  await net.link(a, relay);
  await net.link(relay, b);
  await net.clock.advance(1000);
  b.router.bind({ port: 80, onconn: () => undefined });
  const ask = async (): Promise<void> => {
    const conn = await during(net.clock, a.router.connect(b.id, 80), 500);
    conn.reset();
  };
  return { net, a, relay, b, ask };
}

const linked = (a: TestNode, b: TestNode): boolean => a.router.links.some(({ peer, state }) => peer === b.id && state === "up");

describe("follow", () => {
  it("makes a link to a node that is reached through a relay, at the address that it gives, and new streams take it", async () => {
    const asked: FollowCandidate[] = [];
    const { net, a, b, ask } = await relayed((candidate) => (asked.push(candidate), true));
    expect(linked(a, b)).toBe(false);
    await ask();
    await net.clock.advance(200);
    expect(asked).toEqual([{ id: b.id, network: "memory", address: "b" }]);
    expect(linked(a, b)).toBe(true);
    expect(a.router.route(b.id)).toMatchObject({ hops: 1 });
    await ask();
    await net.clock.advance(120_000);
    expect(a.router.circuits.opened).toBe(0);
    expect(linked(a, b)).toBe(true);
  });

  it("is off unless it is asked for, dials nothing that the filter says no to, and never from a server", async () => {
    const cases: [FollowFilter | undefined, Partial<RouterOptions>][] = [
      [undefined, {}],
      [() => false, {}],
      [() => true, { role: "server" }],
      [() => true, { limits: { maxFollowedLinks: 1 } }],
    ];
    for (const [follow, more] of cases) {
      const { net, a, b, ask } = await relayed(follow, more);
      await ask();
      await net.clock.advance(130_000);
      expect(linked(a, b)).toBe(false);
    }
  });

  it("looks again a minute later, while the circuit is in use", async () => {
    const { net, a, b } = await relayed(() => true);
    const conn = await during(net.clock, a.router.connect(b.id, 80), 500);
    await net.clock.advance(200);
    for (const link of a.router.links) if (link.peer === b.id) void link.close();
    await net.clock.advance(6000);
    expect(linked(a, b)).toBe(false);
    await net.clock.advance(60_000);
    expect(linked(a, b)).toBe(true);
    conn.reset();
  });

  it("keeps no link with somebody else who answers at the address", async () => {
    const net = new TestNetwork({ latencyMs: 5 });
    const dialled: string[] = [];
    const a = net.node(1, { role: "peer", follow: ({ address }) => (dialled.push(address), true) });
    const [relay, b, stranger] = [net.node(2, { role: "router" }), net.node(3, { role: "peer", advertise: ["memory nowhere", "pigeon x", "memory stranger"] }), net.node(9)];
    await during(net.clock, stranger.router.listen("memory", "stranger"));
    await net.link(a, relay);
    await net.link(relay, b);
    await net.clock.advance(1000);
    b.router.bind({ port: 80, onconn: () => undefined });
    const conn = await during(net.clock, a.router.connect(b.id, 80), 500);
    await net.clock.advance(10_000);
    expect(dialled).toEqual(["nowhere", "x", "stranger"]);
    expect(a.router.links.map(({ peer }) => peer)).toEqual([relay.id]);
    conn.reset();
  });
});
