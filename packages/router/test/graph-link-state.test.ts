import { describe, expect, it } from "vitest";
import { adjacencySlot, encodeAdjacency } from "../src/graph/adjacency-record.ts";
import { LinkState } from "../src/graph/link-state.ts";
import { encodeNode, nodeSlot } from "../src/graph/node-record.ts";
import { relay } from "./support/graph-world.ts";
import { idOf } from "./support/network.ts";

interface Graph {
  readonly state: LinkState;
  /** Every change of a link: its ends, and its cost before and after. */
  readonly changes: string[];
  node(n: number, life: bigint): void;
  lists(n: number, other: number, life: bigint, cost?: number): void;
}

/** A graph read record by record, in any order of lives, as no store would give it. */
function graph(): Graph {
  const changes: string[] = [];
  const state = new LinkState({
    self: idOf(0),
    relays: () => true,
    linkChanged: (a, b, before, after) => {
      const ends = [a.id, b.id].sort().map((id) => Number.parseInt(id.slice(1), 16));
      changes.push(`${ends.join("-")}: ${String(before)} ${String(after)}`);
    },
    relayChanged: () => undefined,
  });
  const common = { seq: 1, flags: 0 };
  return {
    state,
    changes,
    node: (n, life) => state.read({ ...common, origin: idOf(n), incarnation: life, slot: nodeSlot, payload: encodeNode(relay) }),
    lists: (n, other, life, cost = 10) =>
      state.read({ ...common, origin: idOf(n), incarnation: life, slot: adjacencySlot(0), payload: encodeAdjacency([{ id: idOf(other), cost, kind: 0 }]) }),
  };
}

describe("a list of neighbours", () => {
  it("of another life than the node's own record says nothing, whichever came first", () => {
    const { changes, node, lists } = graph();
    node(1, 1n);
    lists(1, 2, 1n);
    node(2, 5n);
    lists(2, 1, 4n);
    expect(changes).toEqual([]);
    lists(2, 1, 5n);
    expect(changes).toEqual(["1-2: undefined 10"]);
    lists(2, 1, 6n);
    expect(changes).toEqual(["1-2: undefined 10", "1-2: 10 undefined"]);
    node(2, 6n);
    expect(changes[2]).toBe("1-2: undefined 10");
  });

  it("changes the links that it lists otherwise, and no others", () => {
    const { changes, node, lists } = graph();
    node(1, 1n);
    node(2, 1n);
    lists(1, 2, 1n);
    lists(2, 1, 1n);
    changes.length = 0;
    lists(2, 1, 1n);
    node(2, 1n);
    expect(changes).toEqual([]);
    lists(2, 1, 1n, 15);
    expect(changes).toEqual(["1-2: 10 15"]);
  });

  it("of this node is not read: its links are what they are", () => {
    const { state, changes, node, lists } = graph();
    node(0, 1n);
    node(1, 1n);
    lists(1, 0, 1n, 30);
    lists(0, 1, 1n, 9000);
    expect(changes).toEqual([]);
    expect(state.self.fragments.size).toBe(0);
    state.setOwn(idOf(1), 20);
    expect(changes).toEqual(["0-1: undefined 30"]);
    state.setOwn(idOf(1), undefined);
    expect(changes).toEqual(["0-1: undefined 30", "0-1: 30 undefined"]);
  });

  it("with the node itself in it, or in a slot beyond the fragments there are, says nothing", () => {
    const { state, changes, node, lists } = graph();
    node(1, 1n);
    lists(1, 1, 1n);
    const payload = encodeAdjacency([{ id: idOf(1), cost: 1, kind: 0 }]);
    node(2, 1n);
    state.read({ origin: idOf(2), incarnation: 1n, slot: 0x0140, seq: 1, flags: 0, payload });
    lists(1, 2, 1n);
    expect(changes).toEqual([]);
    state.setOwn(idOf(0), 5);
    expect(changes).toEqual([]);
  });

  it("is none in a slot of another kind, however much it looks like one", () => {
    const { state, changes, node, lists } = graph();
    for (const n of [1, 2]) node(n, 1n);
    lists(1, 2, 1n);
    const payload = encodeAdjacency([{ id: idOf(1), cost: 1, kind: 0 }]);
    for (const slot of [0x0001, 0x0200, 0x0300, 0xff00]) state.read({ origin: idOf(2), incarnation: 1n, slot, seq: 1, flags: 0, payload });
    expect(changes).toEqual([]);
  });

  it("that no longer lists a neighbour takes back the link, and that lists none takes back all", () => {
    const { state, changes, node, lists } = graph();
    for (const n of [1, 2, 3]) node(n, 1n);
    for (const n of [2, 3]) lists(n, 1, 1n);
    lists(1, 2, 1n);
    lists(1, 3, 1n);
    expect(changes).toEqual(["1-2: undefined 10", "1-3: undefined 10", "1-2: 10 undefined"]);
    state.read({ origin: idOf(1), incarnation: 1n, slot: adjacencySlot(0), seq: 2, flags: 0, payload: new Uint8Array() });
    expect(changes.at(-1)).toBe("1-3: 10 undefined");
  });
});

describe("a record", () => {
  it("of an origin that is no node says nothing", () => {
    const { state, changes } = graph();
    const origin = "1234567890123456";
    const payload = encodeAdjacency([{ id: idOf(0), cost: 1, kind: 0 }]);
    state.read({ origin, incarnation: 1n, slot: nodeSlot, seq: 1, flags: 0, payload: encodeNode(relay) });
    state.read({ origin, incarnation: 1n, slot: adjacencySlot(0), seq: 1, flags: 0, payload });
    expect([...state.nodes.keys()]).toEqual([idOf(0)]);
    expect(changes).toEqual([]);
  });

  it("that is not understood takes back what the node said before: its links with others, and what it said that this node's link with it costs", () => {
    const { state, changes, node, lists } = graph();
    for (const n of [1, 2]) node(n, 1n);
    lists(2, 1, 1n);
    const payload = encodeAdjacency([0, 2].map((n) => ({ id: idOf(n), cost: 30, kind: 0 })));
    state.read({ origin: idOf(1), incarnation: 1n, slot: adjacencySlot(0), seq: 1, flags: 0, payload });
    state.setOwn(idOf(1), 20);
    expect(changes).toEqual(["1-2: undefined 30", "0-1: undefined 30"]);
    state.read({ origin: idOf(1), incarnation: 1n, slot: nodeSlot, seq: 2, flags: 0, payload: Uint8Array.of(0xc0) });
    expect(changes.slice(2).sort()).toEqual(["0-1: 30 20", "1-2: 30 undefined"]);
    expect(state.nodes.get(idOf(1))!.relay).toBe(false);
  });
});
