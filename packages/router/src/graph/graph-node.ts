import type { NodeId } from "../node-id.ts";
import type { Vertex } from "./compact-graph.ts";
import type { NodeRecord } from "./node-record.ts";

/** Everything that is known of one node, and the links that follow from it. LinkState writes it. */
export class GraphNode implements Vertex {
  readonly id: NodeId;
  /** What it says about itself, in which of its lives. */
  record: NodeRecord | undefined;
  incarnation: bigint | undefined;
  /** The neighbours that it lists, fragment by fragment. */
  readonly fragments: Map<number, Fragment> = new Map();
  /** The links that hold. */
  readonly edges: Map<GraphNode, number> = new Map();
  /** Whether paths may lead through it. */
  relay = false;
  index = -1;
  /** What subscribers were told last: undefined for unreachable. */
  toldCost: number | undefined;
  toldHops: number | undefined;

  constructor(id: NodeId) {
    this.id = id;
  }

  /** What it says that its link to `id` costs; undefined when it lists none. */
  claim(id: NodeId): number | undefined {
    let dearest: number | undefined;
    for (const { incarnation, costs } of this.fragments.values()) {
      const cost = incarnation === this.incarnation ? costs.get(id) : undefined;
      // In two fragments only while it is on its way from one to the other.
      if (cost !== undefined && (dearest === undefined || cost > dearest)) dearest = cost;
    }
    return dearest;
  }

  /** Every id that it lists. */
  *claimed(): IterableIterator<NodeId> {
    for (const { costs } of this.fragments.values()) yield* costs.keys();
  }

  /** Whether nothing would be lost by forgetting it. */
  get isBlank(): boolean {
    return this.record === undefined && this.fragments.size === 0 && this.edges.size === 0 && this.toldCost === undefined;
  }
}

/** One ADJ record, read. */
export interface Fragment {
  readonly incarnation: bigint;
  readonly costs: ReadonlyMap<NodeId, number>;
}
