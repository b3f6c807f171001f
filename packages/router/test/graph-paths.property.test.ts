import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Alternatives } from "../src/graph/alternatives.ts";
import { CompactGraph, type Vertex } from "../src/graph/compact-graph.ts";
import { computePaths, type NetworkInit } from "../src/graph/compute-paths.ts";
import type { AvoidList, Path } from "../src/graph/path.ts";
import { PathSearch } from "../src/graph/path-search.ts";
import type { Topology } from "../src/graph/topology.ts";
import { GraphWorld, leaf, relay } from "./support/graph-world.ts";
import { idOf } from "./support/network.ts";

/** A network of numbered nodes; 0 is the one that looks. Few different costs, so that there are many ties. */
interface Network {
  readonly relays: readonly boolean[];
  readonly links: readonly (readonly [number, number, number])[];
}

function networks(maxNodes: number, density = 0.5): fc.Arbitrary<Network> {
  return fc.integer({ min: 2, max: maxNodes }).chain((size) => {
    const pairs = Array.from({ length: size }, (_, b) => Array.from({ length: b }, (_, a) => [a, b] as const)).flat();
    const weight = Math.round(100 * density);
    const cost = fc.oneof({ weight, arbitrary: fc.constantFrom(1, 1, 2, 3, 5, 8, 100) }, { weight: 100 - weight, arbitrary: fc.constant(0) });
    return fc.record({
      relays: fc.array(fc.boolean().map((x) => x || size > 20), { minLength: size, maxLength: size }),
      links: fc.tuple(...pairs.map(([a, b]) => cost.map((each) => [a, b, each] as const))).map((all) => all.filter(([, , each]) => each > 0)),
    });
  });
}

/** Networks of 6 to 8 nodes, most of which relay over links of few different costs: many paths, and ties of every kind among them. */
const ties: fc.Arbitrary<Network> = fc.integer({ min: 6, max: 8 }).chain((size) => {
  const pairs = Array.from({ length: size }, (_, b) => Array.from({ length: b }, (_, a) => [a, b] as const)).flat();
  const cost = fc.constantFrom(0, 0, 10, 10, 10, 22, 34);
  return fc.record({
    relays: fc.array(fc.constantFrom(true, true, true, false), { minLength: size, maxLength: size }),
    links: fc.tuple(...pairs.map(([a, b]) => cost.map((each) => [a, b, each] as const))).map((all) => all.filter(([, , each]) => each > 0)),
  });
});

/** Chains of cheap links, with a few dear ones between any two: the best path is often longer than a path may be. */
const chains: fc.Arbitrary<Network> = fc.integer({ min: 5, max: 9 }).chain((size) => {
  const end = fc.integer({ min: 0, max: size - 1 });
  const dear = fc.tuple(end, end, fc.constantFrom(10, 20, 21, 30)).map(([a, b, each]) => [Math.min(a, b), Math.max(a, b), each] as const);
  return fc.record({
    relays: fc.array(fc.constantFrom(true, true, true, true, true, false), { minLength: size, maxLength: size }),
    links: fc.uniqueArray(dear, { maxLength: 6, selector: ([a, b]) => `${a} ${b}` }).map((all) => [
      ...Array.from({ length: size - 1 }, (_, n) => [n, n + 1, 1] as const),
      ...all.filter(([a, b]) => b > a + 1),
    ]),
  });
});

/** Up to three layers of relays and one of leaves, each linked with the next only, in any order of ids: many paths that cost the same and are as long. */
const layers: fc.Arbitrary<Network> = fc.tuple(fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 3 })).chain((sizes) => {
  const size = 3 + sizes[0] + sizes[1] + sizes[2];
  const numbers = fc.shuffledSubarray(Array.from({ length: size - 1 }, (_, n) => n + 1), { minLength: size - 1 });
  return fc.record({ numbers, costs: fc.infiniteStream(fc.constantFrom(10, 10, 10, 10, 10, 11, 0)) }).map(({ numbers, costs }) => {
    let at = 0;
    const parts = [[0], ...[...sizes, 2].filter((count) => count > 0).map((count) => numbers.slice(at, (at += count)))];
    const pairs = parts.slice(1).flatMap((part, i) => part.flatMap((b) => parts[i]!.map((a) => [a, b] as const)));
    const links = pairs.map(([a, b]) => [a, b, costs.next().value as number] as const).filter(([, , each]) => each > 0);
    return { relays: Array.from({ length: size }, (_, n) => !parts.at(-1)!.includes(n)), links };
  });
});

function plain({ relays, links }: Network, order: <T>(items: readonly T[]) => readonly T[] = (items) => items): NetworkInit {
  return {
    self: idOf(0),
    nodes: order(relays.map((each, n) => ({ id: idOf(n), relays: each }))),
    links: order(links.map(([a, b, cost]) => ({ a: idOf(a), b: idOf(b), cost }))),
  };
}

function costOf({ links }: Network, a: number, b: number): number | undefined {
  return links.find(([x, y]) => (x === a && y === b) || (x === b && y === a))?.[2];
}

/** Every path without loops from 0, of at most `maxHops` links, by going everywhere; best first as the order of paths says. */
function everyPath(network: Network, to: number, maxHops = 15, isAllowed: (from: number, next: number) => boolean = () => true): Path[] {
  const paths: Path[] = [];
  const walk = (way: readonly number[], cost: number): void => {
    const at = way[way.length - 1]!;
    if (at === to) {
      paths.push({ ids: way.map(idOf), cost });
      return;
    }
    if (way.length > maxHops || (way.length > 1 && network.relays[at] !== true)) return;
    for (let next = 0; next < network.relays.length; next += 1) {
      const link = costOf(network, at, next);
      if (link === undefined || way.includes(next) || !isAllowed(at, next)) continue;
      walk([...way, next], cost + link + (way.length > 1 ? 2 : 0));
    }
  };
  walk([0], 0);
  return paths.sort((a, b) => a.cost - b.cost || a.ids.length - b.ids.length || (a.ids.join() < b.ids.join() ? -1 : 1));
}

function verticesOf({ relays, links }: Network): readonly (Vertex & { readonly edges: Map<Vertex, number> })[] {
  const vertices = relays.map((each, n) => ({ id: idOf(n), relay: each, edges: new Map<Vertex, number>(), index: -1 }));
  for (const [a, b, cost] of links) {
    vertices[a]!.edges.set(vertices[b]!, cost);
    vertices[b]!.edges.set(vertices[a]!, cost);
  }
  return vertices;
}

function worldOf({ relays, links }: Network): { world: GraphWorld; topology: Topology } {
  const world = new GraphWorld();
  for (const [n, each] of relays.entries()) world.node(n, each ? relay : leaf);
  world.link(...links);
  return { world, topology: world.topology() };
}

describe("the best path", () => {
  it("is the first of all there are, by cost, then links, then ids", () => {
    fc.assert(
      fc.property(fc.oneof(networks(7), ties, chains, layers), (network) => {
        const paths = computePaths(plain(network));
        expect(paths.has(idOf(0))).toBe(false);
        for (let to = 1; to < network.relays.length; to += 1) expect(paths.get(idOf(to))).toEqual(everyPath(network, to)[0]);
      }),
      { numRuns: 300 },
    );
  });

  it("is the first of those that are short enough, even where it is dear", () => {
    fc.assert(
      fc.property(fc.oneof(networks(7), ties, chains, layers), fc.integer({ min: 1, max: 4 }), (network, maxHops) => {
        const vertices = verticesOf(network);
        const search = new PathSearch(new CompactGraph(vertices[0]!, vertices), { maxHops });
        for (let to = 1; to < network.relays.length; to += 1) {
          const found = search.path(vertices[to]!);
          const best = everyPath(network, to, maxHops)[0];
          expect(found && { ids: found.vertices.map(({ id }) => id), cost: found.cost }).toEqual(best);
          const arrival = search.arrival(vertices[to]!);
          expect([arrival?.cost, arrival?.hops]).toEqual([best?.cost, best && best.ids.length - 1]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("leads over a neighbour whose link is not steady only to that neighbour", () => {
    fc.assert(
      fc.property(fc.oneof(networks(7), ties, chains, layers), fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 4 }), (network, unsteady) => {
        const vertices = verticesOf(network);
        const search = new PathSearch(new CompactGraph(vertices[0]!, vertices, new Set(unsteady.map(idOf))));
        for (let to = 1; to < network.relays.length; to += 1) {
          const found = search.path(vertices[to]!);
          const [best] = everyPath(network, to, 15, (from, next) => from !== 0 || next === to || !unsteady.includes(next));
          expect(found && { ids: found.vertices.map(({ id }) => id), cost: found.cost }).toEqual(best);
          const isFirstHop = network.relays[to] === true && !unsteady.includes(to) && costOf(network, 0, to) !== undefined;
          expect(search.hasFirstHop(vertices[to]!)).toBe(isFirstHop);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is there for nodes that are listed, over links between two of them", () => {
    const nodes = [0, 1, 2].map((n) => ({ id: idOf(n), relays: true }));
    const links = [[0, 1], [1, 1], [1, 9], [9, 2], [8, 7]].map(([a, b]) => ({ a: idOf(a!), b: idOf(b!), cost: 5 }));
    expect([...computePaths({ self: idOf(0), nodes, links })]).toEqual([[idOf(1), { ids: [idOf(0), idOf(1)], cost: 5 }]]);
    expect(computePaths({ self: idOf(3), nodes, links }).size).toBe(0);
  });

  it("costs in larger networks what Floyd and Warshall's algorithm says, and is a way that exists, without loops, over relays only", () => {
    fc.assert(
      fc.property(networks(30, 0.12), (network) => {
        const size = network.relays.length;
        const far = network.relays.map((_, a) => network.relays.map((_each, b) => (a === b ? 0 : (costOf(network, a, b) ?? Infinity))));
        for (let via = 1; via < size; via += 1) {
          if (network.relays[via] !== true) continue;
          for (let a = 0; a < size; a += 1) {
            for (let b = 0; b < size; b += 1) if (a !== via && b !== via) far[a]![b] = Math.min(far[a]![b]!, far[a]![via]! + 2 + far[via]![b]!);
          }
        }
        const paths = computePaths(plain(network));
        for (let to = 1; to < size; to += 1) {
          const path = paths.get(idOf(to));
          if (path === undefined) {
            // What is too far away cannot be reached; all else can.
            expect(far[0]![to] === Infinity || everyPathIsLong(network, to)).toBe(true);
            continue;
          }
          const way = path.ids.map((id) => Number.parseInt(id.slice(1), 16));
          expect(new Set(way).size).toBe(way.length);
          expect([way[0], way[way.length - 1], way.length <= 16]).toEqual([0, to, true]);
          expect(way.slice(1, -1).every((n) => network.relays[n])).toBe(true);
          expect(way.slice(1).reduce((sum, n, i) => sum + costOf(network, way[i]!, n)!, 2 * (way.length - 2))).toBe(path.cost);
          if (path.cost > far[0]![to]!) expect(shortestHops(network, to, far[0]![to]!)).toBeGreaterThan(15);
          else expect(path.cost).toBe(far[0]![to]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("is the same for every order in which nodes and links are told", () => {
    fc.assert(
      fc.property(networks(9), fc.infiniteStream(fc.nat()), (network, numbers) => {
        const shuffled = <T>(items: readonly T[]): readonly T[] =>
          items.map((item) => [numbers.next().value as number, item] as const).sort((a, b) => a[0] - b[0]).map(([, item]) => item);
        const sorted = (paths: Map<string, Path>): [string, Path][] => [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(sorted(computePaths(plain(network, shuffled)))).toEqual(sorted(computePaths(plain(network))));
      }),
      { numRuns: 100 },
    );
  });
});

/** Whether no path of at most 15 links exists. */
function everyPathIsLong(network: Network, to: number): boolean {
  return shortestHops(network, to, Infinity) > 15;
}

/** The fewest links of a path that costs at most `maxCost`, by looking at one more link at a time. */
function shortestHops(network: Network, to: number, maxCost: number): number {
  let costs = new Map([[0, 0]]);
  for (let hops = 1; hops < network.relays.length; hops += 1) {
    const next = new Map<number, number>();
    for (const [at, cost] of costs) {
      if (at !== 0 && network.relays[at] !== true) continue;
      for (let to2 = 1; to2 < network.relays.length; to2 += 1) {
        const link = costOf(network, at, to2);
        if (link !== undefined) next.set(to2, Math.min(next.get(to2) ?? Infinity, cost + link + (at === 0 ? 0 : 2)));
      }
    }
    if ((next.get(to) ?? Infinity) <= maxCost && next.has(to)) return hops;
    costs = next;
  }
  return Infinity;
}

describe("alternatives", () => {
  it("are the best of all paths within half as much again, however many are asked for, and were asked for before", () => {
    fc.assert(
      fc.property(fc.oneof(ties, chains, layers), fc.integer({ min: 1, max: 8 }), (network, count) => {
        const vertices = verticesOf(network);
        const search = new PathSearch(new CompactGraph(vertices[0]!, vertices));
        const alternatives = new Alternatives();
        for (let to = 1; to < network.relays.length; to += 1) {
          const all = everyPath(network, to);
          const expected = all.filter(({ cost }) => cost <= 1.5 * all[0]!.cost);
          for (const asked of [count, count + 1, count]) {
            expect(alternatives.find(search, vertices[to]!, 1, asked, undefined, () => undefined)).toEqual(expected.slice(0, asked));
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are the best three of all paths within half as much again, also when the best one was asked for before", () => {
    fc.assert(
      fc.property(networks(6, 0.7), (network) => {
        const { topology } = worldOf(network);
        for (let to = 1; to < network.relays.length; to += 1) {
          const all = everyPath(network, to);
          const expected = all.filter(({ cost }) => cost <= 1.5 * all[0]!.cost).slice(0, 3);
          expect(topology.path(idOf(to))).toEqual(expected[0]);
          expect(topology.alternatives(idOf(to))).toEqual(expected);
          expect(topology.path(idOf(to))).toEqual(expected[0]);
          const chosen = topology.choose(idOf(to));
          expect(expected.filter(({ cost }) => cost <= 1.1 * all[0]!.cost)).toEqual(chosen === undefined ? [] : expect.arrayContaining([chosen]));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("use nothing that is to be avoided", () => {
    const numbers = fc.integer({ min: 0, max: 6 });
    fc.assert(
      fc.property(networks(6, 0.7), fc.array(fc.tuple(numbers, numbers), { maxLength: 4 }), fc.array(numbers, { maxLength: 2 }), (network, links, refusing) => {
        const { topology } = worldOf(network);
        const avoid: AvoidList = { links: links.map(([a, b]) => [idOf(a), idOf(b)] as const), relays: refusing.map(idOf) };
        const isAllowed = (from: number, next: number): boolean =>
          !links.some(([a, b]) => (a === from && b === next) || (b === from && a === next)) && (from === 0 || !refusing.includes(from));
        for (let to = 1; to < network.relays.length; to += 1) {
          const all = everyPath(network, to, 15, isAllowed);
          expect(topology.path(idOf(to), { avoid })).toEqual(all[0]);
          expect(topology.alternatives(idOf(to), { avoid })).toEqual(all.filter(({ cost }) => cost <= 1.5 * all[0]!.cost).slice(0, 3));
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Something that happens to a network. */
type Change =
  | { readonly what: "link" | "claim"; readonly a: number; readonly b: number; readonly cost: number | undefined }
  | { readonly what: "node"; readonly a: number; readonly relays: boolean; readonly overloaded: boolean; readonly leaving: boolean; readonly life: boolean }
  | { readonly what: "steady"; readonly a: number; readonly isSteady: boolean }
  | { readonly what: "drop"; readonly a: number }
  | { readonly what: "ask"; readonly a: number }
  | { readonly what: "wait"; readonly ms: number };

const node = fc.integer({ min: 0, max: 6 });
const flag = fc.constantFrom(true, false, false);
const relays = fc.constantFrom(true, true, false);
const cost = fc.constantFrom(undefined, 1, 2, 5, 50);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constantFrom("link" as const, "claim" as const), a: node, b: node, cost }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("node" as const), a: node, relays, overloaded: flag, leaving: flag, life: flag }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("steady" as const), a: node, isSteady: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("drop" as const), a: node }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("ask" as const), a: node }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("wait" as const), ms: fc.constantFrom(0, 10, 60, 300, 3000) }) },
);

async function undergo(world: GraphWorld, topology: Topology, changes: readonly Change[]): Promise<void> {
  const lives = new Map<number, bigint>();
  for (const each of changes) {
    if (each.what === "wait") await world.clock.advance(each.ms);
    else if (each.what === "drop") world.store.drop(idOf(each.a));
    else if (each.what === "steady") world.links.steady(each.a, each.isSteady);
    else if (each.what === "ask") topology.alternatives(idOf(each.a));
    else if (each.what === "node") {
      if (each.life) lives.set(each.a, (lives.get(each.a) ?? 1n) + 1n);
      world.node(each.a, each, each.a === 0 ? 1n : lives.get(each.a));
    } else if (each.a !== each.b) {
      world.claim(each.a, each.b, each.cost, lives.get(each.a));
      if (each.what === "link") world.claim(each.b, each.a, each.cost, lives.get(each.b));
      if (each.what === "link" && each.a === 0) world.links.set(each.b, each.cost);
      if (each.what === "link" && each.b === 0) world.links.set(each.a, each.cost);
    }
  }
}

describe("a topology that follows changes", () => {
  it("says at any time what one says that begins with the records as they are, and has told everything once it is quiet", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
        const world = new GraphWorld();
        const topology = world.topology();
        let events: string[] = [];
        topology.subscribe((id) => events.push(id));
        await undergo(world, topology, changes);
        const afresh = world.topology();
        const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
        for (let n = 0; n < 7; n += 1) expect(topology.alternatives(idOf(n))).toEqual(afresh.alternatives(idOf(n)));
        expect(topology.routes().sort(byId)).toEqual(afresh.routes().sort(byId));
        await world.clock.advance(10_000);
        for (let n = 0; n < 7; n += 1) {
          expect(topology.cost(idOf(n))).toBe(afresh.cost(idOf(n)));
          expect(topology.hops(idOf(n))).toBe(afresh.hops(idOf(n)));
        }
        events = [];
        await world.clock.advance(60_000);
        expect(events).toEqual([]);
        expect(world.clock.timers).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it("tells each change: who keeps what was told, and what it saw meanwhile, always agrees in the end", async () => {
    await fc.assert(
      fc.asyncProperty(networks(7), fc.array(change, { maxLength: 30 }), fc.infiniteStream(fc.constantFrom(0, 0, 63, 1, 2, 4, 8, 16, 32)), async (network, changes, glances) => {
        const { world, topology } = worldOf(network);
        const kept = new Map<string, { cost: number; hops: number | undefined }>();
        const keep = (id: string): void => {
          const cost = topology.cost(id);
          if (cost === undefined) kept.delete(id);
          else kept.set(id, { cost, hops: topology.hops(id) });
        };
        // Now at all nodes, now at one or none: in the middle of a change, too.
        const look = (): void => {
          const glance = glances.next().value as number;
          for (let n = 1; n < 7; n += 1) if ((glance & (1 << (n - 1))) !== 0) keep(idOf(n));
        };
        world.store.subscribe(look);
        world.links.subscribe(look);
        topology.subscribe(keep);
        for (let n = 1; n < 7; n += 1) keep(idOf(n));
        await undergo(world, topology, changes);
        await world.clock.advance(10_000);
        for (let n = 1; n < 7; n += 1) {
          const id = idOf(n);
          const before = kept.get(id);
          expect(before?.hops).toBe(topology.hops(id));
          // What was seen may be almost a step beside what was told, and what is so now almost a step on the other side.
          if (before !== undefined) expect(Math.abs(4 * Math.log2(topology.cost(id)! / before.cost))).toBeLessThan(2);
        }
      }),
      { numRuns: 300 },
    );
  });
});
