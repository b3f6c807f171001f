import { describe, expect, it } from "vitest";
import type { Topology } from "../src/graph/topology.ts";
import { GraphWorld, leaf, numbersOf, relay } from "./support/graph-world.ts";
import { idOf } from "./support/network.ts";

/** The numbers of the nodes on the best path. */
function way(topology: Topology, to: number): number[] | undefined {
  return numbersOf(topology.path(idOf(to))?.ids);
}

/** Everything that is told from now on, in order. */
function told(topology: Topology): string[] {
  const ids: string[] = [];
  topology.subscribe((id) => ids.push(id));
  return ids;
}

/** 0 – 1 – 2, of which 1 relays. */
function leafBehind(): { world: GraphWorld; topology: Topology } {
  const world = new GraphWorld();
  world.nodes([1], [2]);
  world.link([0, 1], [1, 2]);
  return { world, topology: world.topology() };
}

/** 0 – 1 – 2 – 3, all of which relay. */
function line(): { world: GraphWorld; topology: Topology } {
  const world = new GraphWorld();
  world.nodes([1, 2, 3]);
  world.link([0, 1], [1, 2], [2, 3]);
  return { world, topology: world.topology() };
}

describe("a path", () => {
  it("leads over relays, and costs its links and 2 ms a relay", () => {
    const { topology } = line();
    expect(way(topology, 3)).toEqual([0, 1, 2, 3]);
    expect(topology.path(idOf(3))?.cost).toBe(34);
    expect(topology.cost(idOf(3))).toBe(34);
    expect(topology.hops(idOf(3))).toBe(3);
    expect(topology.cost(idOf(0))).toBe(0);
    expect(topology.path(idOf(0))).toBeUndefined();
  });

  it("prefers the cheaper, then the shorter, then the first in order of ids", () => {
    const world = new GraphWorld();
    world.nodes([1, 2, 3, 4, 5]);
    world.link([0, 3, 10], [3, 5, 10], [0, 2, 10], [2, 5, 10], [0, 1, 3], [1, 4, 4], [4, 5, 11]);
    const topology = world.topology();
    expect(way(topology, 5)).toEqual([0, 2, 5]);
    world.link([4, 5, 9]);
    expect(topology.path(idOf(5))?.cost).toBe(20);
    expect(way(topology, 5)).toEqual([0, 1, 4, 5]);
  });

  it("counts the dearer direction of each link, own ones too", () => {
    const world = new GraphWorld();
    world.nodes([1, 2]);
    world.link([0, 1, 10, 30], [1, 2, 40, 5]);
    expect(world.topology().path(idOf(2))?.cost).toBe(30 + 40 + 2);
  });

  it("never leads through a node that does not relay: what lies behind it cannot be reached", () => {
    const world = new GraphWorld();
    world.nodes([2], [1, 3]);
    world.link([0, 1], [1, 2], [2, 3]);
    const topology = world.topology();
    expect(way(topology, 1)).toEqual([0, 1]);
    expect(topology.cost(idOf(2))).toBeUndefined();
    expect(topology.path(idOf(2))).toBeUndefined();
    expect(topology.routes().map(({ id }) => id)).toEqual([idOf(1)]);
  });

  it("may begin at a node that does not relay itself", () => {
    const world = new GraphWorld();
    world.nodes([1], [0, 2]);
    world.link([0, 1], [1, 2]);
    expect(way(world.topology(), 2)).toEqual([0, 1, 2]);
  });

  it("does not use a relay that local policy refuses, but as its end", () => {
    const world = new GraphWorld();
    world.nodes([1, 2, 3]);
    world.link([0, 1, 1], [1, 3, 1], [0, 2, 50], [2, 3, 50]);
    const topology = world.topology({ relays: (id) => id !== idOf(1) });
    expect(way(topology, 3)).toEqual([0, 2, 3]);
    expect(way(topology, 1)).toEqual([0, 1]);
  });

  it("to others leads over no link that is not steady, until it is", async () => {
    const world = new GraphWorld();
    world.nodes([1, 2, 3], [4]);
    world.link([0, 1, 1], [1, 3, 1], [0, 2, 50], [2, 3, 50], [2, 1, 50], [0, 4, 1]);
    world.links.steady(1, false);
    const topology = world.topology();
    const ids = told(topology);
    expect([way(topology, 1), way(topology, 3)]).toEqual([[0, 1], [0, 2, 3]]);
    world.links.steady(1, true);
    expect(topology.cost(idOf(3))).toBe(102);
    await world.clock.advance(50);
    expect([topology.cost(idOf(3)), ids]).toEqual([4, [idOf(3)]]);
    world.links.steady(1, false);
    expect(way(topology, 3)).toEqual([0, 2, 3]);
  });

  it("has 16 nodes at most, and takes a dearer one that is short enough", () => {
    const world = new GraphWorld();
    const chain = Array.from({ length: 17 }, (_, i) => i);
    world.nodes([...chain.slice(1), 20]);
    for (const n of chain.slice(1)) world.link([n - 1, n, 1]);
    const topology = world.topology();
    expect(way(topology, 15)).toHaveLength(16);
    expect(way(topology, 16)).toBeUndefined();
    expect(topology.cost(idOf(16))).toBeUndefined();
    world.link([0, 20, 500], [20, 14, 500]);
    expect(way(topology, 16)).toEqual([0, 20, 14, 15, 16]);
    expect(way(topology, 15)).toHaveLength(16);
  });
});

describe("an alternative", () => {
  it("is one of now, whatever was asked for before the links of relays and of leaves changed", () => {
    const world = new GraphWorld();
    world.nodes([1, 2], [9]);
    world.link([0, 1], [0, 2], [1, 9]);
    const topology = world.topology();
    const ways = (): unknown[] => topology.alternatives(idOf(9)).map(({ ids }) => numbersOf(ids));
    expect(ways()).toEqual([[0, 1, 9]]);
    world.link([1, 2], [2, 9]);
    expect(ways()).toEqual([[0, 1, 9], [0, 2, 9]]);
  });

  it("has 16 nodes at most too", () => {
    const world = new GraphWorld();
    const chain = Array.from({ length: 15 }, (_, i) => i);
    world.nodes([...chain.slice(1), 20, 21]);
    for (const n of chain.slice(1)) world.link([n - 1, n]);
    const topology = world.topology();
    world.link([13, 20, 1], [20, 21, 1], [21, 14, 10]);
    expect(topology.alternatives(idOf(14))).toHaveLength(1);
    world.link([20, 14, 10]);
    expect(topology.alternatives(idOf(14)).map(({ ids }) => ids.length)).toEqual([15, 16]);
  });
});

describe("a link", () => {
  it("of others counts when both its ends list it", () => {
    const world = new GraphWorld();
    world.nodes([1, 2]);
    world.link([0, 1]);
    world.claim(1, 2, 10);
    const topology = world.topology();
    expect(topology.path(idOf(2))).toBeUndefined();
    world.claim(2, 1, 10);
    expect(way(topology, 2)).toEqual([0, 1, 2]);
    world.claim(1, 2, undefined);
    expect(topology.path(idOf(2))).toBeUndefined();
  });

  it("of others counts when both its ends say who they are", () => {
    const world = new GraphWorld();
    world.nodes([1]);
    world.link([0, 1], [1, 2]);
    const topology = world.topology();
    expect(topology.path(idOf(2))).toBeUndefined();
    world.node(2, leaf);
    expect(way(topology, 2)).toEqual([0, 1, 2]);
  });

  it("of an earlier life counts no more, until the new life lists it", () => {
    const { world, topology } = line();
    world.node(2, relay, 2n);
    expect(topology.path(idOf(2))).toBeUndefined();
    expect(topology.path(idOf(3))).toBeUndefined();
    world.list(2, [[1, 10], [3, 10]], 2n);
    expect(way(topology, 3)).toEqual([0, 1, 2, 3]);
  });

  it("of this node counts when it is up, whatever records say", () => {
    const world = new GraphWorld();
    const topology = world.topology();
    world.links.set(1, 7);
    expect(way(topology, 1)).toEqual([0, 1]);
    expect(topology.cost(idOf(1))).toBe(7);
    expect(topology.node(idOf(1))).toBeUndefined();
  });

  it("of this node that is down does not count, whatever the other end and old records of this node say", () => {
    const world = new GraphWorld();
    world.nodes([1]);
    world.store.put(0x0100, new Uint8Array(12).fill(0xa1));
    world.claim(1, 0, 10);
    const topology = world.topology();
    expect(topology.cost(idOf(1))).toBeUndefined();
    expect(topology.routes()).toEqual([]);
  });

  it("of this node costs 1 at least", () => {
    const world = new GraphWorld();
    for (const [n, cost] of [[1, 0], [2, -5], [3, Number.NaN], [4, 0.3]] as const) world.links.set(n, cost);
    expect(world.topology().routes().map(({ cost }) => cost)).toEqual([1, 1, 1, 1]);
  });

  it("that is in two fragments costs what the dearer says", () => {
    const world = new GraphWorld();
    world.nodes([1, 2]);
    world.link([0, 1], [1, 2]);
    const topology = world.topology();
    // Fragment 0 of one, and fragment 2 of four, where it is on its way to.
    world.list(2, [[1, 40]], 1n, 4);
    world.list(2, [[1, 30]]);
    expect(topology.path(idOf(2))?.cost).toBe(10 + 40 + 2);
    world.list(2, [[1, 50]]);
    expect(topology.path(idOf(2))?.cost).toBe(10 + 50 + 2);
  });

  it("is known whichever fragment lists it, and while it is in two", () => {
    const world = new GraphWorld();
    world.nodes([1, 2, 3]);
    world.links.set(1, 10);
    world.list(1, [[0, 10], [2, 10], [3, 10]]);
    world.list(2, [[1, 10]]);
    world.list(3, [[1, 10]]);
    const topology = world.topology();
    world.list(1, [[0, 10], [2, 10], [3, 10]], 1n, 4);
    expect(way(topology, 2)).toEqual([0, 1, 2]);
    expect(way(topology, 3)).toEqual([0, 1, 3]);
  });
});

describe("a node", () => {
  it("that is overloaded relays no more, and can still be reached", async () => {
    const { world, topology } = line();
    world.node(2, { overloaded: true });
    expect(way(topology, 2)).toEqual([0, 1, 2]);
    expect(topology.path(idOf(3))).toBeUndefined();
    await world.clock.advance(50);
    expect(topology.cost(idOf(3))).toBeUndefined();
    expect(topology.cost(idOf(2))).toBe(22);
  });

  it("that is leaving is reached by its neighbours only, and relays nothing", () => {
    const { world, topology } = line();
    world.node(1, { leaving: true });
    expect(way(topology, 1)).toEqual([0, 1]);
    expect(topology.path(idOf(2))).toBeUndefined();
    world.node(1, { leaving: false });
    world.node(3, { leaving: true });
    expect(way(topology, 2)).toEqual([0, 1, 2]);
    expect(topology.path(idOf(3))).toBeUndefined();
  });

  it("says what it is", () => {
    const { topology } = line();
    expect(topology.node(idOf(2))).toEqual(relay);
    expect(topology.node(idOf(9))).toBeUndefined();
  });

  it("that is forgotten is gone", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    world.store.drop(idOf(2));
    await world.clock.advance(50);
    expect(ids.sort()).toEqual([idOf(2), idOf(3)]);
    expect(topology.stats().nodes).toBe(3);
    expect(topology.node(idOf(2))).toBeUndefined();
  });

  it("that has no link is known as long as it says what it is, in each of its lives, and then forgotten", async () => {
    const { world, topology } = line();
    for (const life of [1n, 2n]) {
      world.node(9, leaf, life);
      await world.clock.settle();
      expect([topology.node(idOf(9)), topology.stats().nodes]).toEqual([leaf, 5]);
    }
    world.store.drop(idOf(9));
    await world.clock.settle();
    expect([topology.node(idOf(9)), topology.stats().nodes]).toEqual([undefined, 4]);
  });

  it("is found whichever of its records came first, and however much later the others", async () => {
    const { world, topology } = line();
    world.claim(3, 9, 10);
    for (const life of [1n, 2n]) {
      world.list(9, [[3, 10]], life);
      await world.clock.advance(1000);
      expect(topology.cost(idOf(9))).toBeUndefined();
      world.node(9, leaf, life);
      await world.clock.settle();
      expect(topology.cost(idOf(9))).toBe(46);
    }
  });
});

describe("the routes", () => {
  it("name every node that can be reached, neighbours and leaves included", () => {
    const world = new GraphWorld();
    world.nodes([1, 2], [3]);
    world.link([0, 1, 10], [1, 2, 20], [2, 3, 30]);
    expect(world.topology().routes()).toEqual([
      { id: idOf(1), via: [], hops: 1, cost: 10, rttMs: 10 },
      { id: idOf(2), via: [idOf(1)], hops: 2, cost: 32, rttMs: 30 },
      { id: idOf(3), via: [idOf(1), idOf(2)], hops: 3, cost: 64, rttMs: 60 },
    ]);
  });

  it("are none to this node, and to one that nobody knows", () => {
    const { topology } = line();
    expect([0, 9].map((n) => topology.route(idOf(n)))).toEqual([undefined, undefined]);
    expect([topology.path(idOf(9)), topology.choose(idOf(9)), topology.hops(idOf(9))]).toEqual([undefined, undefined, undefined]);
  });
});

describe("reachability", () => {
  it("begins with the records as they are: nothing is due, and nobody is told", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    expect([topology.stats().computations, world.clock.timers]).toEqual([1, 0]);
    await world.clock.advance(10_000);
    expect([topology.stats().computations, ids]).toEqual([1, []]);
  });

  it("is told to who subscribes, until it has heard enough", async () => {
    const { world, topology } = line();
    const links: string[] = [];
    const ids: string[] = [];
    const ends = [topology.subscribe((id) => ids.push(id)), topology.subscribeLinks((a, b) => links.push(a, b))];
    world.cut([2, 3]);
    await world.clock.advance(50);
    for (const end of ends) end();
    world.cut([0, 1]);
    await world.clock.advance(50);
    expect([ids, links.sort()]).toEqual([[idOf(3)], [idOf(2), idOf(3)]]);
  });

  it("is not told to who was unsubscribed by one who was told before", async () => {
    const { world, topology } = line();
    const told: string[] = [];
    topology.subscribe(() => endIds());
    topology.subscribeLinks(() => endLinks());
    const endIds = topology.subscribe((id) => told.push(id));
    const endLinks = topology.subscribeLinks((a, b) => told.push(a, b));
    world.cut([2, 3]);
    await world.clock.advance(50);
    expect(told).toEqual([]);
  });

  it("follows the cost of an own link at the back-off's pace too: only its loss shows at once", async () => {
    const { world, topology } = line();
    world.link([0, 1, 30]);
    expect(topology.cost(idOf(3))).toBe(34);
    await world.clock.advance(49);
    expect([topology.cost(idOf(3)), topology.stats().computations]).toEqual([34, 1]);
    await world.clock.advance(1);
    expect([topology.cost(idOf(3)), topology.stats().computations]).toEqual([54, 2]);
  });

  it("tells the loss of an own link when the tick is over, once for each node behind it", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    world.cut([0, 1]);
    expect(ids).toEqual([]);
    expect(topology.cost(idOf(3))).toBeUndefined();
    await world.clock.settle();
    expect(ids.sort()).toEqual([idOf(1), idOf(2), idOf(3)]);
    await world.clock.advance(60_000);
    expect(ids).toHaveLength(3);
  });

  it("tells 50 ms after the first change elsewhere", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    world.cut([1, 2]);
    await world.clock.advance(49);
    expect(ids).toEqual([]);
    expect(topology.cost(idOf(3))).toBe(34);
    await world.clock.advance(1);
    expect(ids.sort()).toEqual([idOf(2), idOf(3)]);
  });

  it("tells of leaves when the tick is over", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    world.node(9, leaf);
    world.link([3, 9]);
    expect(topology.cost(idOf(9))).toBe(46);
    await world.clock.settle();
    expect(ids).toEqual([idOf(9)]);
    world.cut([3, 9]);
    await world.clock.settle();
    expect(ids).toEqual([idOf(9), idOf(9)]);
    await world.clock.advance(10_000);
    expect(topology.stats().computations).toBe(1);
  });

  it("starts no search for records that change no link", async () => {
    const { world, topology } = line();
    world.node(4, relay);
    world.claim(4, 1, 10);
    world.node(2, { load: 200, addresses: ["tcp4 192.0.2.1:1"] });
    world.list(2, [[1, 10], [3, 9], [77, 5]]);
    world.cut([0, 9]);
    world.links.steady(1, true);
    world.node(8, leaf);
    world.link([0, 8]);
    world.links.steady(8, false);
    world.links.steady(8, true);
    await world.clock.advance(10_000);
    expect(topology.stats().computations).toBe(1);
    expect(topology.node(idOf(2))?.load).toBe(200);
  });

  it("tells of a path that costs the same and is longer", async () => {
    const world = new GraphWorld();
    world.nodes([1, 2]);
    world.link([0, 2, 22], [0, 1, 10], [1, 2, 10]);
    const topology = world.topology();
    const ids = told(topology);
    expect(topology.hops(idOf(2))).toBe(1);
    world.cut([0, 2]);
    await world.clock.settle();
    expect([ids, topology.hops(idOf(2)), topology.cost(idOf(2))]).toEqual([[idOf(2)], 2, 22]);
  });

  it("tells of a neighbour when the tick is over, before paths lead through it", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    world.node(4, relay);
    world.node(5, relay);
    world.link([4, 5]);
    await world.clock.advance(100);
    world.link([0, 4]);
    await world.clock.settle();
    expect(ids).toEqual([idOf(4)]);
    await world.clock.advance(200);
    expect(ids).toEqual([idOf(4), idOf(5)]);
  });

  it("tells of a path that was asked for before its time", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    world.cut([1, 2]);
    expect(topology.path(idOf(3))).toBeUndefined();
    expect(ids).toEqual([]);
    await world.clock.settle();
    expect(ids.sort()).toEqual([idOf(2), idOf(3)]);
    expect(world.clock.timers).toBe(0);
  });

  it("tells a cost only when it differs by a step from the one told before, and small steps add up", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    world.link([0, 1, 11]);
    await world.clock.advance(1000);
    expect(ids).toEqual([]);
    world.link([0, 1, 12]);
    await world.clock.advance(1000);
    expect(ids).toEqual([idOf(1)]);
    world.link([0, 1, 17]);
    await world.clock.advance(1000);
    expect(ids.slice(1).sort()).toEqual([idOf(1), idOf(2), idOf(3)]);
  });

  it("tells of a node that was gone for a moment in which somebody may have asked, even if it is back as it was", async () => {
    const { world, topology } = leafBehind();
    await world.clock.advance(1000);
    const ids = told(topology);
    // A new life's records come one by one: what it offers, then what it is, then its links.
    const asked: (number | undefined)[] = [];
    world.store.subscribe((origin) => asked.push(topology.cost(origin)));
    world.node(2, leaf, 2n);
    world.claim(2, 1, 10, 2n);
    expect(asked).toContain(undefined);
    expect(asked.at(-1)).toBe(22);
    await world.clock.advance(0);
    expect(ids).toEqual([idOf(2)]);
  });

  it("tells of a node that had a way for a moment in which somebody may have asked, even if it has none again", async () => {
    const world = new GraphWorld();
    world.nodes([1], [2]);
    world.link([0, 1]);
    const topology = world.topology();
    await world.clock.advance(1000);
    const ids = told(topology);
    world.link([1, 2]);
    expect(topology.cost(idOf(2))).toBe(22);
    world.cut([1, 2]);
    expect(topology.cost(idOf(2))).toBeUndefined();
    await world.clock.advance(0);
    expect(ids).toEqual([idOf(2)]);
  });

  it("tells of who was found by one computation and lost by the next, before anybody was told", async () => {
    const world = new GraphWorld();
    world.nodes([1, 2]);
    world.link([0, 1]);
    const topology = world.topology();
    await world.clock.advance(1000);
    const ids = told(topology);
    world.link([1, 2]);
    expect(topology.path(idOf(2))).toBeDefined();
    expect(topology.cost(idOf(2))).toBe(22);
    world.cut([1, 2]);
    expect(topology.path(idOf(2))).toBeUndefined();
    expect(topology.cost(idOf(2))).toBeUndefined();
    await world.clock.advance(0);
    expect(ids).toContain(idOf(2));
  });

  it("tells of a node that was gone for somebody who asked between the loss of an own link and the coming of another way", async () => {
    const world = new GraphWorld();
    world.nodes([1, 2], [3]);
    world.link([0, 1], [0, 2], [1, 3]);
    const topology = world.topology();
    await world.clock.advance(1000);
    const ids = told(topology);
    world.links.set(1, undefined);
    expect(topology.cost(idOf(3))).toBeUndefined();
    world.link([2, 3]);
    expect(topology.cost(idOf(3))).toBe(22);
    await world.clock.advance(0);
    expect(ids).toContain(idOf(3));
  });

  it("tells of a node that was dearer, or more links away, for somebody who asked in a moment that is over", async () => {
    const world = new GraphWorld();
    world.nodes([1, 2], [3, 4]);
    world.link([0, 1], [1, 2], [1, 3], [1, 4, 10]);
    const topology = world.topology();
    await world.clock.advance(1000);
    const ids = told(topology);
    world.link([1, 3, 20], [2, 4, 1]);
    world.cut([1, 4]);
    expect(topology.cost(idOf(3))).toBe(32);
    expect(topology.hops(idOf(4))).toBe(3);
    world.link([1, 3, 10], [1, 4, 10]);
    expect(topology.cost(idOf(3))).toBe(22);
    expect(topology.hops(idOf(4))).toBe(2);
    await world.clock.advance(0);
    expect(ids.sort()).toEqual([idOf(3), idOf(4)]);
  });

  it("does not tell of what was undone before anybody asked", async () => {
    const { world, topology } = leafBehind();
    await world.clock.advance(1000);
    const ids = told(topology);
    world.cut([1, 2]);
    world.link([1, 2]);
    await world.clock.advance(1000);
    expect(ids).toEqual([]);
  });

  it("is told no more after close, and no timer is left", async () => {
    const { world, topology } = line();
    const ids = told(topology);
    world.cut([1, 2]);
    topology.close();
    expect(world.clock.timers).toBe(0);
    expect(world.links.subscribers).toBe(0);
    world.cut([0, 1]);
    await world.clock.advance(1000);
    expect(ids).toEqual([]);
  });

  it("is told no more after close, not even what this tick brought to who subscribes then", async () => {
    const { world, topology } = line();
    world.cut([0, 1]);
    topology.close();
    const ids = told(topology);
    await world.clock.advance(1000);
    expect(ids).toEqual([]);
  });
});
