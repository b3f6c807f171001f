import type { NodeId } from "../node-id.ts";
import { CompactGraph, type Vertex } from "./compact-graph.ts";
import type { Path } from "./path.ts";
import { PathSearch } from "./path-search.ts";

/** A network as plain data. */
export interface NetworkInit {
  readonly self: NodeId;
  readonly nodes: Iterable<{ readonly id: NodeId; readonly relays: boolean }>;
  /** Links that are up, each once, with positive costs. Those of nodes that are not listed are left out. */
  readonly links: Iterable<{ readonly a: NodeId; readonly b: NodeId; readonly cost: number }>;
}

/** The best path from `self` to every node that can be reached. Pure: what a Topology answers when it knows all of the network. */
export function computePaths({ self, nodes, links }: NetworkInit): Map<NodeId, Path> {
  const vertices = new Map<NodeId, Vertex & { readonly edges: Map<Vertex, number> }>();
  for (const { id, relays } of nodes) vertices.set(id, { id, relay: relays, edges: new Map(), index: -1 });
  for (const { a, b, cost } of links) {
    const [left, right] = [vertices.get(a), vertices.get(b)];
    if (left === undefined || right === undefined || left === right) continue;
    left.edges.set(right, cost);
    right.edges.set(left, cost);
  }
  const paths = new Map<NodeId, Path>();
  const from = vertices.get(self);
  if (from === undefined) return paths;
  const search = new PathSearch(new CompactGraph(from, vertices.values()));
  for (const vertex of vertices.values()) {
    const found = vertex === from ? undefined : search.path(vertex);
    if (found !== undefined) paths.set(vertex.id, { ids: found.vertices.map(({ id }) => id), cost: found.cost });
  }
  return paths;
}
