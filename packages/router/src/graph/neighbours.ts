import type { NodeId } from "../node-id.ts";

/** This node's own links, as paths see them. */
export interface Neighbours {
  /** What the link to `id` costs, in milliseconds of round trip; undefined when none is up. */
  cost(id: NodeId): number | undefined;
  /** Those with a link that is up. */
  ids(): Iterable<NodeId>;
  /** Calls `callback` with each id whose link came up, went down, costs something else, or became steady. Returns what ends it. */
  subscribe(callback: (id: NodeId) => void): () => void;
  /** Whether paths to others should lead over the link; to `id` itself they do all the same. Left out, every link is steady. */
  isSteady?(id: NodeId): boolean;
}
