import { describe, expect, it } from "vitest";
import { SteadyGraph } from "../src/invariants/steady-links.ts";
import type { Life } from "../src/node/life.ts";

/** To the graph a life is a name. */
function lives<Names extends string>(...names: readonly Names[]): Record<Names, Life> {
  return Object.fromEntries(names.map((name) => [name, { name } as unknown as Life])) as Record<Names, Life>;
}

const { a, b, c, d } = lives("a", "b", "c", "d");

/** a - b - c - d, and a dearer way from a to c. */
const graph = new SteadyGraph(
  new Map([
    [a, [{ to: b, ms: 10 }, { to: c, ms: 50 }]],
    [b, [{ to: a, ms: 10 }, { to: c, ms: 10 }]],
    [c, [{ to: a, ms: 50 }, { to: b, ms: 10 }, { to: d, ms: 10 }]],
    [d, [{ to: c, ms: 10 }]],
  ]),
  new Set([b, c]),
);

describe("word of a change", () => {
  it("reaches everybody on the quickest way", () => {
    expect(graph.reach(a)).toEqual(new Map([[b, 10], [c, 20], [d, 30]]));
  });

  it("is not passed on by who does not forward, but told by who wrote it", () => {
    expect(graph.reach(d)).toEqual(new Map([[c, 10], [b, 20], [a, 30]]));
  });

  it("does not reach who is deaf to it, nor lead through it: a dearer way counts, and behind the last one nobody hears", () => {
    expect(graph.reach(a, new Set([b]))).toEqual(new Map([[c, 50], [d, 60]]));
    expect(graph.reach(a, new Set([c]))).toEqual(new Map([[b, 10]]));
  });
});
