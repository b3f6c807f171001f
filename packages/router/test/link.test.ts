import { describe, expect, it } from "vitest";
import type { Link } from "@astranet/router";
import { TestNetwork, during, idOf, outcome, type TestNode } from "./support/network.ts";
import { CableTransport, PulledCable } from "./support/pulled-cable.ts";

/** Attaches a pipe between two nodes; `a` dialled. */
function attach(net: TestNetwork, a: TestNode, b: TestNode): [Link, Link] {
  const [left, right] = net.pipe();
  return [a.router.attach(left, { initiator: true }), b.router.attach(right, { initiator: false })];
}

const states = (links: readonly Link[]): string[] => links.map(({ state }) => state);

describe("a link", () => {
  it("comes up on both sides, knows its peer and its round trip, and tells", async () => {
    const net = new TestNetwork({ latencyMs: 20 });
    const [a, b] = [net.node(1), net.node(2)];
    const [here, there] = attach(net, a, b);
    await net.clock.advance(200);
    expect(await Promise.all([here.ready, there.ready])).toEqual([b.id, a.id]);
    expect([here.peer, there.peer, here.rttMs, there.rttMs, here.streamCount]).toEqual([b.id, a.id, 40, 40, 0]);
    expect([here.initiator, there.initiator]).toEqual([true, false]);
    const newCost = a.router.reachability.cost(b.id)!;
    expect(newCost / 40).toBeGreaterThan(1.4);
    expect(newCost / 40).toBeLessThan(1.7);
    expect(a.events).toMatchObject([
      { type: "linkup", peer: b.id, link: here },
      // A new link is dearer than it will be: 40 ms are 41 in steps of 19 %, half as much again for the first 30 s.
      { type: "reachability", id: b.id, cost: newCost },
    ]);
    expect(a.router.routes()).toEqual([{ id: b.id, via: [], hops: 1, cost: newCost, rttMs: 40 }]);
    expect(a.router.links).toEqual([here]);
    expect([a.router.reachability.cost(a.id), a.router.reachability.cost(b.id), a.router.reachability.cost(idOf(9))]).toEqual([0, newCost, undefined]);
  });

  it("that was never up has said its last words before its node is closed", async () => {
    const net = new TestNetwork({ latencyMs: 100 });
    const [a, b] = [net.node(1), net.node(2)];
    attach(net, a, b);
    // Both have greeted, and neither has the other's HELLO.
    await net.clock.advance(150);
    let closed = false;
    void a.router.close().then(() => (closed = true));
    await net.clock.advance(10);
    expect(closed).toBe(false);
    await net.clock.advance(300);
    expect(closed).toBe(true);
    expect(b.router.links).toEqual([]);
  });

  it("serves the dials that its dialler makes in the very moment it is up, however many", async () => {
    const net = new TestNetwork({ latencyMs: 5 });
    const [a, b] = [net.node(1), net.node(2)];
    b.router.bind({ port: 80, backlog: 5000 });
    const dials: Promise<unknown>[] = [];
    a.router.subscribe((event) => {
      if (event.type === "linkup") for (let i = 0; i < 5000; i += 1) dials.push(a.router.connect(b.id, 80));
    });
    attach(net, a, b);
    await net.clock.advance(100);
    expect(dials).toHaveLength(5000);
    expect(new Set(await Promise.all(dials.map(outcome)))).toEqual(new Set(["pending"]));
    for (const dial of dials) dial.catch(() => undefined);
    void a.router.close();
    void b.router.close();
    await net.clock.advance(10_000);
  });

  it("drains when it is closed: no new streams, running ones finish, both sides end cleanly", async () => {
    const net = new TestNetwork({ latencyMs: 5 });
    const [a, b] = [net.node(1), net.node(2)];
    const [here, there] = attach(net, a, b);
    const listener = b.router.bind({ port: 80 });
    await net.clock.advance(100);
    const accepted = listener.accept();
    const conn = await during(net.clock, a.router.connect(b.id, 80), 50);
    const other = await accepted;
    a.takeEvents();
    const closed = here.close();
    await net.clock.advance(100);
    expect(states([here, there])).toEqual(["draining", "draining"]);
    expect(a.router.routes()).toEqual([]);
    expect(await outcome(a.router.connect(b.id, 80))).toMatchObject({ code: "EHOSTUNREACH" });
    void conn.end(Uint8Array.of(7));
    void other.end(Uint8Array.of(8));
    await net.clock.advance(50);
    expect([await conn.read(), await conn.read(), await other.read(), await other.read()]).toEqual([Uint8Array.of(8), null, Uint8Array.of(7), null]);
    await net.clock.advance(50);
    await closed;
    expect(await outcome(here.closed)).toBeUndefined();
    expect(await outcome(there.closed)).toBeUndefined();
    expect(a.takeEvents()).toEqual(["reachability", "linkdown"]);
    await net.clock.advance(10);
    expect([a.router.links, b.router.links]).toEqual([[], []]);
  });

  it("is dead when nothing came for the idle timeout, and every stream on it fails once", async () => {
    const net = new TestNetwork();
    const [a, b] = [net.node(1, { idleTimeoutMs: 3000 }), net.node(2)];
    const [left, right] = net.pipe();
    const cable = new PulledCable(left, net.clock);
    const here = a.router.attach(cable, { initiator: true });
    b.router.attach(right);
    const listener = b.router.bind({ port: 80 });
    await net.clock.advance(10);
    void listener.accept();
    const conn = await during(net.clock, a.router.connect(b.id, 80), 10);
    const read = conn.read();
    read.catch(() => undefined);
    cable.silence();
    const last = net.clock.now();
    while (here.state !== "closed") await net.clock.advance(10);
    const silence = net.clock.now() - last;
    expect(silence).toBeGreaterThan(2900);
    expect(silence).toBeLessThan(3300);
    expect(await outcome(read)).toMatchObject({ code: "ETIMEDOUT" });
    expect(a.takeEvents()).toEqual(["linkup", "reachability", "linkdown", "reachability"]);
  });

  it("is not made with oneself: it is closed, and says so", async () => {
    const net = new TestNetwork();
    const a = net.node(1);
    const [left, right] = net.pipe();
    const links = [a.router.attach(left), a.router.attach(right)];
    await net.clock.advance(1000);
    expect(states(links)).toEqual(["closed", "closed"]);
    for (const link of links) {
      const error = await outcome(link.ready);
      expect(error).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: false, message: expect.stringContaining("this node itself") as string });
    }
    expect(a.router.routes()).toEqual([]);
    expect(a.router.links).toEqual([]);
    expect(net.clock.timers).toBe(0);
  });
});

describe("links to one peer", () => {
  it("are replaced at once, without the peer becoming unreachable, by one of a newer life", async () => {
    const net = new TestNetwork();
    const key = Uint8Array.of(1);
    const a = net.node(1);
    const old = net.node(2, { incarnation: 5n, key });
    const [first] = attach(net, a, old);
    old.directory.publish({ name: "web", port: 80 });
    await net.clock.advance(10);
    expect(a.directory.services()).toMatchObject([{ name: "web" }]);
    a.takeEvents();
    const young = net.node(2, { incarnation: 6n, key });
    young.directory.publish({ name: "web", port: 81 });
    const [second] = attach(net, a, young);
    await net.clock.advance(10);
    expect(states([first, second])).toEqual(["closed", "up"]);
    expect(await outcome(first.closed)).toMatchObject({ message: "ERR_ASTRANET_SUPERSEDED: a newer link to the same node has taken this one's place" });
    expect(a.takeEvents()).toEqual(["linkup", "linkdown"]);
    expect(a.directory.services()).toMatchObject([{ name: "web", port: 81 }]);
    expect(a.router.routes()).toHaveLength(1);
  });

  it("may be two of each direction; a third replaces the oldest", async () => {
    const net = new TestNetwork();
    const [a, b] = [net.node(1), net.node(2)];
    const links: Link[] = [];
    for (let i = 0; i < 3; i += 1) {
      links.push(...attach(net, a, b));
      await net.clock.advance(5000);
    }
    expect(states(links)).toEqual(["closed", "closed", "up", "up", "up", "up"]);
    // Each side replaces on its own, and one of them may hear of it by the connection's end first.
    const ends = await Promise.all(links.slice(0, 2).map(({ closed }) => outcome(closed)));
    expect(ends).toContainEqual(expect.objectContaining({ code: "ERR_ASTRANET_SUPERSEDED" }));
  });

  it("replace a half-open one that was dialled at the same address", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const [a, b] = [net.node(1, { transports: [cables] }), net.node(2)];
    await during(net.clock, b.router.listen("memory", "b"));
    const membership = await during(net.clock, a.router.join("memory", "b", { retry: { maxDelayMs: 100 } }), 10);
    const listener = b.router.bind({ port: 80 });
    const accepted = listener.accept();
    const conn = await during(net.clock, a.router.connect(b.id, 80), 10);
    const stale = await accepted;
    expect(b.takeEvents()).toEqual(["linkup", "reachability"]);
    cables.cables[0]!.pull();
    await net.clock.advance(200);
    expect(membership.link?.state).toBe("up");
    expect(b.router.links).toHaveLength(1);
    expect(b.takeEvents()).toEqual(["linkup", "linkdown"]);
    expect(await outcome(conn.read())).toMatchObject({ code: "ECONNRESET" });
    expect(await outcome(stale.read())).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
  });

  it("are kept in the direction that the lower id dialled, when both dialled; the other one drains after a second", async () => {
    const net = new TestNetwork();
    const [a, b] = [net.node(1), net.node(2)];
    const [up] = attach(net, a, b);
    const [down] = attach(net, b, a);
    const listener = a.router.bind({ port: 80 });
    await net.clock.advance(10);
    expect(states([up, down])).toEqual(["up", "up"]);
    void listener.accept();
    await during(net.clock, b.router.connect(a.id, 80), 10);
    // New streams take the one that is kept, even before the other one drains.
    expect([up.streamCount, down.streamCount]).toEqual([1, 0]);
    b.router.bind({ port: 80, onconn: () => undefined });
    await during(net.clock, a.router.connect(b.id, 80), 10);
    expect([up.streamCount, down.streamCount]).toEqual([2, 0]);
    await net.clock.advance(900);
    expect(states([up, down])).toEqual(["up", "up"]);
    await net.clock.advance(200);
    expect(states([up, down])).toEqual(["up", "closed"]);
    expect(await outcome(down.closed)).toBeUndefined();
    expect(a.router.routes()).toHaveLength(1);
  });

  it("are refused to a second node of the same id, and the first one does not notice", async () => {
    const net = new TestNetwork();
    const a = net.node(1);
    const b = net.node(2);
    const impostor = net.node(2);
    const [first] = attach(net, a, b);
    await net.clock.advance(10);
    a.takeEvents();
    for (const [link, other] of [attach(net, a, impostor), attach(net, impostor, a)]) {
      await net.clock.advance(1000);
      for (const end of [link, other]) expect(await outcome(end.ready)).toMatchObject({ code: "ERR_ASTRANET_ID_CONFLICT", retryable: false });
    }
    expect(first.state).toBe("up");
    expect(a.takeEvents()).toEqual(["linkerror", "linkerror"]);
    expect(impostor.router.routes()).toEqual([]);
    expect(net.clock.timers).toBeLessThan(10);
  });

  it("are refused to a node that has our own id", async () => {
    const net = new TestNetwork();
    const [link, other] = attach(net, net.node(1), net.node(1));
    await net.clock.advance(1000);
    for (const end of [link, other]) expect(await outcome(end.ready)).toMatchObject({ code: "ERR_ASTRANET_ID_CONFLICT" });
  });
});
