import { describe, expect, it } from "vitest";
import { NegativeCache } from "../src/graph/negative-cache.ts";
import { GraphWorld, numbersOf } from "./support/graph-world.ts";
import { idOf } from "./support/network.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

describe("a link that failed", () => {
  it("is avoided for 5 s", async () => {
    const clock = new VirtualClock();
    const cache = new NegativeCache(clock);
    expect(cache.avoid).toBeUndefined();
    cache.fail(idOf(1), idOf(2));
    expect(cache.avoid).toEqual({ links: [[idOf(1), idOf(2)]], relays: [] });
    await clock.advance(4999);
    expect(cache.avoid).toBeDefined();
    await clock.advance(1);
    expect(cache.avoid).toBeUndefined();
    expect(clock.timers).toBe(0);
  });

  it("is avoided for twice as long when it fails again, up to a minute, and for 5 s when it had a minute to heal", async () => {
    const clock = new VirtualClock();
    const cache = new NegativeCache(clock);
    const avoidedFor = async (): Promise<number> => {
      cache.fail(idOf(1), idOf(2));
      let ms = 0;
      for (; cache.avoid !== undefined; ms += 1000) await clock.advance(1000);
      return ms;
    };
    const times = [];
    for (let i = 0; i < 6; i += 1) times.push(await avoidedFor());
    expect(times).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    await clock.advance(60_000);
    expect(await avoidedFor()).toBe(5000);
  });

  it("counts once when many circuits fail at it at one moment, from either side", async () => {
    const clock = new VirtualClock();
    const cache = new NegativeCache(clock);
    for (let i = 0; i < 10; i += 1) cache.fail(idOf(1 + (i % 2)), idOf(2 - (i % 2)));
    await clock.advance(5000);
    expect(cache.avoid).toBeUndefined();
  });

  it("is one link, from whichever side it fails and is cleared", async () => {
    const cache = new NegativeCache(new VirtualClock());
    for (const [a, b] of [[1, 2], [2, 1], [4, 3], [6, 5]] as const) cache.fail(idOf(a), idOf(b));
    expect(cache.avoid?.links).toEqual([[idOf(1), idOf(2)], [idOf(4), idOf(3)], [idOf(6), idOf(5)]]);
    cache.clear(idOf(3), idOf(4));
    cache.clear(idOf(2), idOf(1));
    expect(cache.avoid?.links).toEqual([[idOf(6), idOf(5)]]);
  });

  it("is not avoided any longer when the records say something new about it", () => {
    const world = new GraphWorld();
    world.nodes([1, 2, 3]);
    world.link([0, 1, 10], [1, 3, 10], [0, 2, 50], [2, 3, 50]);
    const topology = world.topology();
    const cache = new NegativeCache(world.clock, topology);
    const way = (): number[] | undefined => numbersOf(topology.choose(idOf(3), { avoid: cache.avoid })?.ids);
    expect(way()).toEqual([0, 1, 3]);
    cache.fail(idOf(1), idOf(3));
    expect(way()).toEqual([0, 2, 3]);
    world.link([1, 2, 10]);
    expect(way()).toEqual([0, 1, 2, 3]);
    world.cut([1, 3]);
    world.link([1, 3, 10]);
    expect(way()).toEqual([0, 1, 3]);
    cache.close();
    cache.fail(idOf(1), idOf(3));
    world.cut([1, 3]);
    expect(cache.avoid).toBeDefined();
  });

  it("that no relay has is got around: the path of a lie is tried once", () => {
    const world = new GraphWorld();
    world.nodes([1, 2], [3]);
    // 1 claims a link with 3, which 3 confirms: both lists say so, and still it does not work.
    world.link([0, 1, 1], [1, 3, 1], [0, 2, 50], [2, 3, 50]);
    const topology = world.topology();
    const cache = new NegativeCache(world.clock, topology);
    cache.fail(idOf(1), idOf(3));
    expect(numbersOf(topology.path(idOf(3), { avoid: cache.avoid })?.ids)).toEqual([0, 2, 3]);
    cache.fail(idOf(2), idOf(3));
    expect(topology.path(idOf(3), { avoid: cache.avoid })).toBeUndefined();
    expect(topology.cost(idOf(3))).toBe(4);
  });
});

describe("a relay that refused", () => {
  it("is not led through, and can still be reached", () => {
    const world = new GraphWorld();
    world.nodes([1, 2, 3]);
    world.link([0, 1, 10], [1, 3, 10], [0, 2, 50], [2, 3, 50]);
    const topology = world.topology();
    const cache = new NegativeCache(world.clock, topology);
    cache.failRelay(idOf(1));
    expect(numbersOf(topology.path(idOf(3), { avoid: cache.avoid })?.ids)).toEqual([0, 2, 3]);
    expect(numbersOf(topology.path(idOf(1), { avoid: cache.avoid })?.ids)).toEqual([0, 1]);
  });

  it("is avoided beside a link that failed", () => {
    const cache = new NegativeCache(new VirtualClock());
    cache.failRelay(idOf(3));
    cache.fail(idOf(1), idOf(2));
    expect(cache.avoid).toEqual({ links: [[idOf(1), idOf(2)]], relays: [idOf(3)] });
    // Nothing clears it but time, and so there is nothing to end.
    cache.close();
    expect(cache.avoid).toBeDefined();
  });
});

describe("the failures that are remembered", () => {
  it("are 1,024 at most, the latest", () => {
    const cache = new NegativeCache(new VirtualClock());
    for (let n = 0; n < 2000; n += 1) cache.fail(idOf(n), idOf(n + 1));
    const links = [...cache.avoid!.links];
    expect(links).toHaveLength(1024);
    expect(links[links.length - 1]).toEqual([idOf(1999), idOf(2000)]);
  });
});

describe("several equal relays", () => {
  it("share the pairs of nodes between them, and each pair keeps its own", () => {
    const relays = [1, 2, 3];
    const counts = new Map<number, number>();
    const world = new GraphWorld();
    const leaves = Array.from({ length: 200 }, (_, i) => 100 + i);
    world.nodes(relays, leaves);
    for (const each of relays) world.link([0, each, 10]);
    for (const each of leaves) for (const via of relays) world.link([via, each, 10]);
    const topology = world.topology();
    for (const each of leaves) {
      const [, via] = numbersOf(topology.choose(idOf(each))?.ids)!;
      counts.set(via!, (counts.get(via!) ?? 0) + 1);
      expect(numbersOf(topology.choose(idOf(each))?.ids)?.[1]).toBe(via);
    }
    for (const each of relays) expect(counts.get(each)).toBeGreaterThan(40);
  });

  it("lose only the pairs of the one that goes", () => {
    const world = new GraphWorld();
    const leaves = Array.from({ length: 100 }, (_, i) => 100 + i);
    world.nodes([1, 2, 3], leaves);
    for (const each of [1, 2, 3]) world.link([0, each, 10], ...leaves.map((to) => [each, to, 10] as const));
    const topology = world.topology();
    const vias = (): (number | undefined)[] => leaves.map((to) => numbersOf(topology.choose(idOf(to))?.ids)?.[1]);
    const before = vias();
    world.node(2, { overloaded: true });
    const after = vias();
    expect(after.filter((via, i) => via !== before[i])).toHaveLength(before.filter((via) => via === 2).length);
    expect(after).not.toContain(2);
  });

  it("share them also when one is exactly a tenth dearer", () => {
    const world = new GraphWorld();
    const leaves = Array.from({ length: 40 }, (_, i) => 100 + i);
    world.nodes([1, 2], leaves);
    world.link([0, 1, 19], [0, 2, 23], ...leaves.flatMap((to) => [[1, to, 19] as const, [2, to, 19] as const]));
    const topology = world.topology();
    expect(topology.alternatives(idOf(100)).map(({ cost }) => cost)).toEqual([40, 44]);
    expect(new Set(leaves.map((to) => numbersOf(topology.choose(idOf(to))?.ids)?.[1]))).toEqual(new Set([1, 2]));
  });

  it("are not chosen when they are more than a tenth dearer", () => {
    const world = new GraphWorld();
    const leaves = Array.from({ length: 40 }, (_, i) => 100 + i);
    world.nodes([1, 2], leaves);
    world.link([0, 1, 10], [0, 2, 15], ...leaves.flatMap((to) => [[1, to, 10] as const, [2, to, 10] as const]));
    const topology = world.topology();
    for (const to of leaves) {
      expect(topology.alternatives(idOf(to))).toHaveLength(2);
      expect(numbersOf(topology.choose(idOf(to))?.ids)).toEqual([0, 1, to]);
    }
  });
});
