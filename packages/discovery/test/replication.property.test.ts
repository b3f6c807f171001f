import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { ReplicaNetwork, type ReplicaNode } from "./support/replica-network.ts";

/** A connected graph: each node but the first has a link to an earlier one that forwards, and some have more. */
interface Graph {
  readonly forwards: readonly boolean[];
  readonly parents: readonly number[];
  readonly more: readonly (readonly [number, number])[];
}

const graph = (max: number): fc.Arbitrary<Graph> =>
  fc.integer({ min: 3, max }).chain((count) =>
    fc.record({
      forwards: fc.array(fc.boolean(), { minLength: count, maxLength: count }).map((flags) => flags.map((flag, i) => i === 0 || flag)),
      parents: fc.array(fc.nat(), { minLength: count, maxLength: count }),
      more: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: count }),
    }),
  );

function build(network: ReplicaNetwork, { forwards, parents, more }: Graph): [ReplicaNode, ReplicaNode][] {
  const nodes = forwards.map((flag) => network.node({ forwards: flag }));
  const links: [ReplicaNode, ReplicaNode][] = [];
  for (const [i, node] of nodes.entries()) {
    const earlier = nodes.slice(0, i).filter((other) => other.forwards);
    if (i > 0) links.push([node, earlier[parents[i]! % earlier.length]!]);
  }
  for (const [a, b] of more) links.push([nodes[a]!, nodes[b]!]);
  for (const [a, b] of links) network.link(a, b);
  return links;
}

type Step =
  | { readonly kind: "put"; readonly node: number; readonly slot: number; readonly value: number }
  | { readonly kind: "cut" | "mend"; readonly link: number }
  | { readonly kind: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant("put" as const), node: fc.nat(), slot: fc.integer({ min: 0x0200, max: 0x0203 }), value: fc.nat(255) }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constantFrom("cut" as const, "mend" as const), link: fc.nat() }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.oneof(fc.nat(100), fc.nat(120_000)) }), weight: 3 },
);

function take(network: ReplicaNetwork, links: readonly (readonly [ReplicaNode, ReplicaNode])[], each: Step): void {
  if (each.kind === "wait") network.clock.advance(each.ms);
  else if (each.kind === "put") network.nodes[each.node % network.nodes.length]!.store.put(each.slot, Uint8Array.of(each.value));
  else {
    const [a, b] = links[each.link % links.length]!;
    if (each.kind === "cut") network.cut(a, b);
    else network.link(a, b);
  }
}

const seed = fc.nat(1000);

describe("replicas in any connected graph", () => {
  it("agree soon after the last link came up, whatever was written, cut and mended before", () => {
    fc.assert(
      fc.property(graph(9), fc.array(step, { maxLength: 30 }), seed, fc.nat(3000), (shape, steps, random, noticeMs) => {
        const network = new ReplicaNetwork({ seed: random, noticeMs });
        const links = build(network, shape);
        for (const each of steps) take(network, links, each);
        for (const [a, b] of links) network.link(a, b);
        // No change for twice half a minute.
        network.clock.advance(2 * 36_000);
        expect(network.agrees()).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("agree in the end even where links lose messages, once they lose none any more", () => {
    fc.assert(
      fc.property(graph(7), fc.array(step, { maxLength: 20 }), seed, fc.infiniteStream(fc.nat(9)), (shape, steps, random, dice) => {
        const network = new ReplicaNetwork({ seed: random });
        network.loses = () => dice.next().value! < 3;
        const links = build(network, shape);
        for (const each of steps) take(network, links, each);
        network.loses = () => false;
        for (const [a, b] of links) network.link(a, b);
        // The time that a node waits after sixteen pulls that were lost.
        expect(network.settle(20 * 36_000, 1000)).toBeLessThan(Infinity);
      }),
      { numRuns: 60 },
    );
  });

  it("never take a version back, and never speak for another", () => {
    fc.assert(
      fc.property(graph(6), fc.array(step, { maxLength: 30 }), seed, (shape, steps, random) => {
        const network = new ReplicaNetwork({ seed: random });
        const links = build(network, shape);
        for (const node of network.nodes) {
          const newest = new Map<string, number>();
          node.store.subscribe((origin, record) => {
            // A dropped origin may come back; every life of these nodes is the first.
            if (record === undefined) for (const key of [...newest.keys()]) if (key.startsWith(origin)) newest.delete(key);
            if (record === undefined) return;
            const owner = network.nodes.find(({ id }) => id === origin)!;
            expect(record.seq).toBeLessThanOrEqual(owner.store.get(origin, record.slot)!.seq);
            expect(record.seq).toBeGreaterThan(newest.get(`${origin}/${record.slot}`) ?? 0);
            newest.set(`${origin}/${record.slot}`, record.seq);
          });
        }
        for (const each of steps) take(network, links, each);
        network.clock.advance(1000);
      }),
      { numRuns: 100 },
    );
  });
});

describe("an origin that died", () => {
  it("is forgotten by everybody, and is not brought back by who still remembers it, however the links come and go", () => {
    fc.assert(
      fc.property(graph(8), fc.array(fc.tuple(fc.nat(), fc.boolean(), fc.nat(25_000)), { minLength: 5, maxLength: 40 }), seed, fc.nat(2000), (shape, cuts, random, noticeMs) => {
        const network = new ReplicaNetwork({ seed: random, noticeMs });
        const links = build(network, shape);
        const dead = network.node({ n: 500, forwards: false });
        dead.store.put(0x0200, Uint8Array.of(1));
        network.link(dead, network.nodes[0]!);
        network.clock.advance(5000);
        network.kill(dead);
        const began = network.clock.now();
        for (const [link, cut, ms] of cuts) {
          take(network, links, { kind: cut ? "cut" : "mend", link });
          network.clock.advance(ms);
          const gone = network.clock.now() - began;
          // Told for 30 s by who could reach it, then kept for 90 s by who heard of it last.
          if (gone > 30_000 + 90_000 + 10_000) for (const { store } of network.nodes) expect(store.incarnationOf(dead.id)).toBeUndefined();
        }
        for (const [a, b] of links) network.link(a, b);
        network.clock.advance(Math.max(130_000 - (network.clock.now() - began), 0));
        for (const { store } of network.nodes) expect(store.incarnationOf(dead.id)).toBeUndefined();
        network.clock.advance(200_000);
        expect(network.agrees()).toBe(true);
        for (const { store } of network.nodes) expect(store.incarnationOf(dead.id)).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });
});
