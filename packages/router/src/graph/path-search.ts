import type { CompactGraph, Vertex } from "./compact-graph.ts";
import { maxPathNodes, relayCost } from "./path.ts";

/** What narrows a search. */
export interface SearchOptions {
  /** Where paths begin; default `self`, which is vertex 0. */
  readonly source?: number;
  /** Default 15, so that a path has 16 nodes. */
  readonly maxHops?: number;
  /** Paths that cost more are not looked for. Default: any. */
  readonly maxCost?: number;
  /** Vertices that paths do not lead through; they may still be the end of one. */
  readonly blocked?: ReadonlySet<number>;
  /** Links that are not there, each as `linkKey` writes it. */
  readonly cut?: ReadonlySet<number>;
}

/** The end of a path, and what is known of it. `vertices` begins at the source. */
export interface FoundPath {
  readonly vertices: readonly Vertex[];
  readonly cost: number;
}

/** How the best path to a vertex arrives. */
export interface Arrival {
  readonly cost: number;
  /** Links on it. */
  readonly hops: number;
  /** The index of the vertex before it, which is reached in one link less. */
  readonly via: number;
}

/**
 * The best paths from one vertex to all others, of at most `maxHops` links. Of equally cheap ones the one with fewer links is best, then the one
 * whose ids come first in order: the same on every node, in whatever order its records came.
 *
 * Bellman and Ford's algorithm in rounds, where round h looks only at what round h - 1 has improved. Dijkstra's would keep one way to each vertex,
 * the cheapest, and so miss a dearer one that is short enough; here each round keeps its own.
 */
export class PathSearch {
  readonly graph: CompactGraph;
  readonly #source: number;
  readonly #blocked: ReadonlySet<number> | undefined;
  readonly #cut: ReadonlySet<number> | undefined;
  readonly #maxHops: number;
  readonly #maxCost: number;
  /** At h × size + v: what the cheapest way of exactly h links to v costs, where it is cheaper than all shorter ones, and the vertex before v. */
  readonly #costs: Float64Array[] = [];
  readonly #before: Int32Array[] = [];
  readonly #bestCost: Float64Array;
  readonly #bestHops: Uint8Array;

  constructor(graph: CompactGraph, options: SearchOptions = {}) {
    this.graph = graph;
    this.#source = options.source ?? 0;
    this.#blocked = options.blocked;
    this.#cut = options.cut;
    this.#maxHops = options.maxHops ?? maxPathNodes - 1;
    this.#maxCost = options.maxCost ?? Infinity;
    this.#bestCost = new Float64Array(graph.size).fill(Infinity);
    this.#bestHops = new Uint8Array(graph.size);
    this.#search();
  }

  /** What the best path to `vertex` costs, and how long it is; undefined when there is none. */
  arrival(vertex: Vertex): Arrival | undefined {
    const index = this.graph.indexOf(vertex);
    if (index < 0) return this.#overLinks(vertex, vertex.edges.keys());
    const source = this.graph.vertices[this.#source]!;
    const cost = this.#bestCost[index]!;
    // A link of the source's own that no path leads through may still be the way to its other end.
    const direct = vertex.edges.has(source) ? this.#overLinks(vertex, [source]) : undefined;
    if (direct !== undefined && direct.cost <= cost) return direct;
    if (cost === Infinity) return undefined;
    const hops = this.#bestHops[index]!;
    return { cost, hops, via: this.#before[hops]![index]! };
  }

  /** The best path to `vertex`. */
  path(vertex: Vertex): FoundPath | undefined {
    const arrival = this.arrival(vertex);
    if (arrival === undefined) return undefined;
    const vertices = [vertex];
    for (let { hops, via } = arrival; hops > 0; hops -= 1) {
      vertices.push(this.graph.vertices[via]!);
      via = this.#before[hops - 1]![via]!;
    }
    return { vertices: vertices.reverse(), cost: arrival.cost };
  }

  /** Whether the link from the source to `vertex` was there. */
  hasFirstHop(vertex: Vertex): boolean {
    return (this.#costs[1]![this.graph.indexOf(vertex)] ?? Infinity) < Infinity;
  }

  #search(): void {
    const { offsets, targets, costs: linkCosts, size } = this.graph;
    const bestCost = this.#bestCost;
    bestCost[this.#source] = 0;
    this.#costs.push(new Float64Array(size).fill(Infinity));
    this.#costs[0]![this.#source] = 0;
    this.#before.push(new Int32Array(size));
    let frontier = [this.#source];
    for (let hops = 1; hops <= this.#maxHops && frontier.length > 0; hops += 1) {
      const last = this.#costs[hops - 1]!;
      const costs = new Float64Array(size).fill(Infinity);
      const before = new Int32Array(size);
      const next: number[] = [];
      for (const from of frontier) {
        if (from !== this.#source && this.#blocked?.has(from) === true) continue;
        const soFar = last[from]! + (from === this.#source ? 0 : relayCost);
        for (let link = offsets[from]!; link < offsets[from + 1]!; link += 1) {
          const to = targets[link]!;
          const cost = soFar + linkCosts[link]!;
          if (cost >= bestCost[to]! || cost > costs[to]! || cost > this.#maxCost) continue;
          if (this.#cut?.has(from * (size + 1) + to) === true) continue;
          if (costs[to] === Infinity) next.push(to);
          else if (cost === costs[to] && !this.#isFirst(hops - 1, from, before[to]!)) continue;
          costs[to] = cost;
          before[to] = from;
        }
      }
      for (const to of next) {
        bestCost[to] = costs[to]!;
        this.#bestHops[to] = hops;
      }
      this.#costs.push(costs);
      this.#before.push(before);
      frontier = next;
    }
  }

  /** Whether, of two paths of `hops` links, the one to `a` comes first in the order of ids. */
  #isFirst(hops: number, a: number, b: number): boolean {
    let left = a;
    let right = b;
    for (let h = hops; h > 0; h -= 1) {
      const [leftBefore, rightBefore] = [this.#before[h]![left]!, this.#before[h]![right]!];
      // Paths that have met stay together, so where they part decides.
      if (leftBefore === rightBefore) break;
      left = leftBefore;
      right = rightBefore;
    }
    return this.graph.vertices[left]!.id < this.graph.vertices[right]!.id;
  }

  /** The best way to a vertex over its links to `others`. */
  #overLinks(vertex: Vertex, others: Iterable<Vertex>): Arrival | undefined {
    let best: Arrival | undefined;
    for (const other of others) {
      const via = this.graph.indexOf(other);
      const before = via < 0 ? undefined : this.#within(via, this.#maxHops - 1);
      if (before === undefined) continue;
      if (via !== this.#source && this.#blocked?.has(via) === true) continue;
      if (this.#cut?.has(linkKey(this.graph, other, vertex)) === true) continue;
      const cost = this.#costs[before]![via]! + (via === this.#source ? 0 : relayCost) + vertex.edges.get(other)!;
      const hops = before + 1;
      if (cost > this.#maxCost) continue;
      const order = best === undefined ? -1 : cost - best.cost || hops - best.hops;
      if (order < 0 || (order === 0 && this.#isFirst(before, via, best!.via))) best = { cost, hops, via };
    }
    return best;
  }

  /** The number of links of the cheapest way to a vertex that has at most `maxHops`. */
  #within(index: number, maxHops: number): number | undefined {
    for (let hops = Math.min(this.#bestHops[index]!, maxHops); hops >= 0; hops -= 1) if (this.#costs[hops]![index]! < Infinity) return hops;
    return undefined;
  }
}

/** How `cut` names the link to `to`. Vertices that do not relay share one name: a search with `cut` is for one of them only. */
export function linkKey(graph: CompactGraph, from: Vertex, to: Vertex): number {
  const index = graph.indexOf(to);
  return graph.indexOf(from) * (graph.size + 1) + (index < 0 ? graph.size : index);
}
