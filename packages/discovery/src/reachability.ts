/** Which nodes can be reached from here. Discovery asks; whoever knows the links answers. */
export interface Reachability {
  /** What the way to `id` costs, in milliseconds of round trip; undefined when there is no way. 0 for this node itself. */
  cost(id: string): number | undefined;
  /** Calls `callback` with each id that became reachable, unreachable, or whose cost changed much. Returns what ends it. */
  subscribe(callback: (id: string) => void): () => void;
  /** Links on the way to `id`, 1 for a neighbour; undefined when there is no way. Left out, every other node counts as one link away. */
  hops?(id: string): number | undefined;
}
