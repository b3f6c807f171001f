import { describe, expect, it } from "vitest";
import { SeededRandom } from "@astranet/sim";
import { drawLayout } from "./scaling/layout.ts";
import { measureScaling } from "./scaling/measure.ts";

describe("a drawn mesh", () => {
  it.each([10, 31, 100])("of %d nodes joins every node, and has routers with two to four links among them", (nodes) => {
    const { routers, leaves, links } = drawLayout(nodes, new SeededRandom(7));
    expect(routers + leaves).toBe(nodes);
    expect(routers).toBe(Math.round(nodes * 0.3));
    const linksOf = (node: number): number[] => links.flatMap(([from, to]) => (from === node ? [to] : to === node ? [from] : []));
    const reached = new Set([0]);
    for (const node of reached) for (const other of linksOf(node)) reached.add(other);
    expect(reached.size).toBe(nodes);
    for (let node = 0; node < nodes; node += 1) {
      const toRouters = linksOf(node).filter((other) => other < routers).length;
      expect(toRouters).toBeGreaterThanOrEqual(node < routers ? 2 : 1);
      expect(toRouters).toBeLessThanOrEqual(node < routers ? 4 : 2);
    }
  });
});

describe("what a mesh costs", () => {
  it("is measured from the start to the death of a router, and the same each time", async () => {
    const { heldBytes, ...figures } = await measureScaling({ nodes: 10, seed: 1 });
    expect(heldBytes).toBeGreaterThan(0);
    const { coldStart, settling, idle, changes, changeMs, death, forgetting, store, links } = figures;
    // What a node is, its links, its services.
    expect(store.records).toBe(30);
    // Both ends say HELLO; the end that dialled says that it is ready.
    expect(coldStart.kinds).toMatchObject({ hello: 2 * links, ready: links });
    for (const phase of [coldStart, settling, changes, death]) expect(phase.kinds["records"]).toBeGreaterThan(0);
    for (const phase of [idle, forgetting]) {
      expect(Object.keys(phase.kinds)).toEqual(["digest"]);
      expect(phase.copies.max).toBe(0);
      expect(phase.wireBytes.mean).toBeGreaterThan(phase.bytes.mean);
    }
    // Three links at most, of 5 ms, and batches of 20 ms.
    expect(changeMs.max).toBeLessThan(3 * 25);
    expect(death.ms).toBeLessThan(1000);
    // Nine of ten learn of each change, and nobody is told more often than it has links.
    expect(changes.copies.mean - changes.redundant.mean).toBeCloseTo(0.9 * 5);
    const { heldBytes: _, ...again } = await measureScaling({ nodes: 10, seed: 1 });
    expect(again).toEqual(figures);
  });
});
