/** A node as the search sees it. */
export interface Vertex {
  readonly id: string;
  /** Whether paths may lead through it. */
  readonly relay: boolean;
  /** Its links, and what each costs: positive, and the same from both ends. */
  readonly edges: ReadonlyMap<Vertex, number>;
  /** Where the graph that was built last keeps it. Only CompactGraph touches it. */
  index: number;
}

/**
 * The part of the network that paths lead through, as it was at one moment: the node itself, and all that relay. Nodes that do not relay are
 * looked up at their links when somebody asks for them, so that leaves coming and going change nothing here.
 * Compressed sparse rows: the links of vertex i are `targets` and `costs` from `offsets[i]` to `offsets[i + 1]`.
 */
export class CompactGraph {
  readonly vertices: readonly Vertex[];
  readonly offsets: Int32Array;
  readonly targets: Int32Array;
  readonly costs: Float64Array;

  /** `self` is vertex 0. `unused` are neighbours of `self` whose links are left out. */
  constructor(self: Vertex, all: Iterable<Vertex>, unused: ReadonlySet<string> = new Set()) {
    const vertices = [self];
    for (const vertex of all) if (vertex.relay && vertex !== self) vertices.push(vertex);
    this.vertices = vertices;
    let links = 0;
    for (const [index, vertex] of vertices.entries()) {
      vertex.index = index;
      links += vertex.edges.size;
    }
    this.offsets = new Int32Array(vertices.length + 1);
    this.targets = new Int32Array(links);
    this.costs = new Float64Array(links);
    let at = 0;
    for (const [index, vertex] of vertices.entries()) {
      for (const [other, cost] of vertex.edges) {
        // Nothing leads back to `self`.
        if (!other.relay || other === self || (index === 0 && unused.has(other.id))) continue;
        this.targets[at] = other.index;
        this.costs[at] = cost;
        at += 1;
      }
      this.offsets[index + 1] = at;
    }
  }

  get size(): number {
    return this.vertices.length;
  }

  /** Where `vertex` is, -1 when it is not among those that relay. */
  indexOf(vertex: Vertex): number {
    return this.vertices[vertex.index] === vertex ? vertex.index : -1;
  }
}
