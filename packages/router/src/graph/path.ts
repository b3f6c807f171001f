import type { NodeId } from "../node-id.ts";

/** A way from this node to another, hop by hop. */
export interface Path {
  /** This node first, the one it leads to last: 2 to 16, none twice. */
  readonly ids: readonly NodeId[];
  /** In milliseconds of round trip: the links on it, and 2 for each relay. */
  readonly cost: number;
}

/** What a path must not use, for instance because it failed a moment ago. */
export interface AvoidList {
  /** Links, in either direction. */
  readonly links: Iterable<readonly [NodeId, NodeId]>;
  /** Nodes that are not to relay; they may still be the end of a path. */
  readonly relays?: Iterable<NodeId>;
}

/** A path holds at most so many nodes: what fits into the header of a circuit. */
export const maxPathNodes = 16;

/** Every relay on a path costs as much as so many milliseconds of round trip. */
export const relayCost = 2;
