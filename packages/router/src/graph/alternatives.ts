import type { NodeId } from "../node-id.ts";
import type { Vertex } from "./compact-graph.ts";
import { pathHash } from "./path-hash.ts";
import { maxPathNodes, relayCost, type AvoidList, type Path } from "./path.ts";
import { PathSearch, linkKey, type FoundPath } from "./path-search.ts";

/** Paths that cost more than this times the best are no alternatives. */
const alternativeFactor = 1.5;
/** … and new circuits take only those within this times the best. */
const choiceFactor = 1.1;
/** Of so many destinations the paths are kept until something changes. */
const maxKept = 4096;

/** Several paths to one node: the best ones without loops, by Yen's algorithm (1971) in the form of Lawler. */
export class Alternatives {
  /** By how many were asked for, and the destination. */
  readonly #kept = new Map<string, readonly Path[]>();
  #keptVersion = -1;

  /** Up to `count` paths to `to`, best first, out of the graph that `search` was made with. */
  find(
    search: PathSearch,
    to: Vertex,
    version: number,
    count: number,
    avoid: AvoidList | undefined,
    vertexOf: (id: NodeId) => Vertex | undefined,
  ): readonly Path[] {
    if (avoid !== undefined) return this.#yen(search, to, count, limits(search, to, avoid, vertexOf)).map(toPath);
    if (count === 1) {
      const best = search.path(to);
      return best === undefined ? [] : [toPath(best)];
    }
    if (version !== this.#keptVersion || this.#kept.size >= maxKept) {
      this.#kept.clear();
      this.#keptVersion = version;
    }
    const key = `${count} ${to.id}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const paths = this.#yen(search, to, count, { cut: new Set(), blocked: new Set() }).map(toPath);
    this.#kept.set(key, paths);
    return paths;
  }

  /** The one of `paths` (best first) that this pair of nodes takes. */
  choose(paths: readonly Path[]): Path | undefined {
    let chosen: Path | undefined;
    let highest = -1;
    for (const path of paths) {
      if (path.cost > paths[0]!.cost * choiceFactor) continue;
      const hash = pathHash(path.ids);
      if (hash <= highest) continue;
      highest = hash;
      chosen = path;
    }
    return chosen;
  }

  #yen({ graph }: PathSearch, to: Vertex, count: number, { cut, blocked }: Limits): FoundPath[] {
    const first = new PathSearch(graph, { cut, blocked }).path(to);
    if (first === undefined) return [];
    const found = [first];
    const candidates: FoundPath[] = [];
    const maxCost = first.cost * alternativeFactor;
    while (found.length < count) {
      const { vertices } = found[found.length - 1]!;
      const root = new Set(blocked);
      let rootCost = 0;
      for (let at = 0; at < vertices.length - 1; at += 1) {
        const spur = vertices[at]!;
        const spurCut = new Set(cut);
        for (const { vertices: other } of found) {
          if (vertices.slice(0, at + 1).every((vertex, i) => vertex === other[i])) spurCut.add(linkKey(graph, spur, other[at + 1]!));
        }
        const soFar = rootCost + (at === 0 ? 0 : relayCost);
        const rest = new PathSearch(graph, {
          source: graph.indexOf(spur),
          maxHops: maxPathNodes - 1 - at,
          maxCost: maxCost - soFar,
          cut: spurCut,
          blocked: root,
        }).path(to);
        if (rest !== undefined) addCandidate(candidates, { vertices: [...vertices.slice(0, at), ...rest.vertices], cost: soFar + rest.cost });
        root.add(graph.indexOf(spur));
        rootCost = soFar + spur.edges.get(vertices[at + 1]!)!;
      }
      candidates.sort(comparePaths);
      const next = candidates.shift();
      if (next === undefined) break;
      found.push(next);
    }
    return found;
  }
}

interface Limits {
  readonly cut: ReadonlySet<number>;
  readonly blocked: ReadonlySet<number>;
}

function limits({ graph }: PathSearch, to: Vertex, avoid: AvoidList, vertexOf: (id: NodeId) => Vertex | undefined): Limits {
  const cut = new Set<number>();
  const blocked = new Set<number>();
  for (const [a, b] of avoid.links) {
    const [left, right] = [vertexOf(a), vertexOf(b)];
    if (left === undefined || right === undefined) continue;
    // Links of other nodes that do not relay are on no path to this one.
    if (right === to || graph.indexOf(right) >= 0) cut.add(linkKey(graph, left, right));
    if (left === to || graph.indexOf(left) >= 0) cut.add(linkKey(graph, right, left));
  }
  for (const id of avoid.relays ?? []) {
    const vertex = vertexOf(id);
    if (vertex !== undefined) blocked.add(graph.indexOf(vertex));
  }
  return { cut, blocked };
}

function addCandidate(candidates: FoundPath[], path: FoundPath): void {
  const { vertices } = path;
  if (candidates.some((other) => other.vertices.every((vertex, i) => vertex === vertices[i]))) return;
  candidates.push(path);
}

function comparePaths(a: FoundPath, b: FoundPath): number {
  if (a.cost !== b.cost) return a.cost - b.cost;
  if (a.vertices.length !== b.vertices.length) return a.vertices.length - b.vertices.length;
  for (const [i, { id }] of a.vertices.entries()) if (id !== b.vertices[i]!.id) return id < b.vertices[i]!.id ? -1 : 1;
  return 0;
}

function toPath({ vertices, cost }: FoundPath): Path {
  return { ids: vertices.map(({ id }) => id), cost };
}
