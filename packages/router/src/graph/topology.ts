import type { Reachability, RecordStore } from "@astranet/discovery";
import { Subscribers, type Clock, type Timer } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import { Alternatives } from "./alternatives.ts";
import { CompactGraph } from "./compact-graph.ts";
import type { GraphNode } from "./graph-node.ts";
import { LinkState } from "./link-state.ts";
import type { Neighbours } from "./neighbours.ts";
import type { NodeRecord } from "./node-record.ts";
import { relayCost, type AvoidList, type Path } from "./path.ts";
import { PathSearch, type Arrival } from "./path-search.ts";
import { SpfBackoff, defaultSpfDelays, type SpfDelays } from "./spf-backoff.ts";

/** What a Topology is made with. */
export interface TopologyOptions {
  /** The records of everybody. */
  readonly store: RecordStore;
  /** This node. */
  readonly self: NodeId;
  readonly clock: Clock;
  /** This node's own links. */
  readonly neighbours: Neighbours;
  /** Local policy: whether paths may lead through a node that offers to relay. Default: through all of them. */
  readonly relays?: (id: NodeId) => boolean;
  readonly delays?: Partial<SpfDelays>;
}

/** How a node can be reached. */
export interface Route {
  readonly id: NodeId;
  /** Nodes on the way, without the ends; empty for a direct link. */
  readonly via: readonly NodeId[];
  /** Links on the way. */
  readonly hops: number;
  /** In milliseconds of round trip, with 2 for each relay. */
  readonly cost: number;
  /** The links' round trips together, as their ends advertise them. */
  readonly rttMs: number;
}

/** What a Topology has done. */
export interface TopologyStats {
  /** Nodes of which something is known. */
  readonly nodes: number;
  /** How often the paths were computed. */
  readonly computations: number;
}

/** A cost that differs by this much from the one told before is told: a step of `LinkCost`, 19 %. */
const toldSteps = 1;

/**
 * Which nodes can be reached, and on which paths, out of the records of all and this node's own links.
 *
 * `path`, `alternatives`, `choose` and `routes` answer with what is known at the moment. `cost` and `hops`, which are asked for thousands of nodes
 * at a time, follow changes among routers at the pace of RFC 8405's back-off; the loss of an own link, and what leaves say, show at once.
 */
export class Topology implements Reachability {
  readonly self: NodeId;
  readonly #clock: Clock;
  readonly #neighbours: Neighbours;
  readonly #state: LinkState;
  readonly #backoff: SpfBackoff;
  readonly #alternatives = new Alternatives();
  readonly #callbacks = new Subscribers<[id: NodeId]>();
  readonly #linkCallbacks = new Subscribers<[a: NodeId, b: NodeId]>();
  readonly #ends: (() => void)[];
  /** Links of this node that paths to others do not lead over for now. */
  readonly #unsteady = new Set<NodeId>();
  #search: PathSearch;
  #computations = 0;
  /** Grows with each change of what this says: equal versions mean equal answers. */
  #version = 0;
  #isStale = false;
  /** A link that paths lead over is gone: not even `cost` may answer with them. */
  #isWrong = false;
  #timer: Timer | undefined;
  /** Whom to tell about when this tick is over: `all` after a computation. */
  readonly #touched = new Set<GraphNode>();
  #touchedAll = false;
  /** Of whom somebody who asked got an answer other than was told: it knows no better until it is told, even if all is as it was by then. */
  readonly #askedAhead = new Set<GraphNode>();
  #willTell = false;
  #isFollowing = false;

  constructor(options: TopologyOptions) {
    const { store, self, clock, neighbours, relays = () => true, delays } = options;
    this.self = self;
    this.#clock = clock;
    this.#neighbours = neighbours;
    this.#backoff = new SpfBackoff({ ...defaultSpfDelays, ...delays });
    this.#state = new LinkState({
      self,
      relays,
      linkChanged: (a, b, _before, after) => this.#linkChanged(a, b, after),
      relayChanged: (node) => {
        if (node.edges.size > 0) this.#outOfDate();
      },
    });
    // What is known already is nobody's news.
    for (const origin of store.origins()) this.#state.readAll(store, origin);
    for (const id of neighbours.ids()) this.#readNeighbour(id);
    this.#search = this.#compute();
    for (const node of this.#state.nodes.values()) this.#noteTold(node);
    this.#isFollowing = true;
    this.#ends = [
      store.subscribe((origin, record) => {
        if (record === undefined) this.#readOrigin(store, origin);
        else this.#state.read(record);
      }),
      neighbours.subscribe((id) => this.#readNeighbour(id)),
    ];
  }

  /** What the best path to `id` costs, in milliseconds of round trip; undefined when there is none. 0 for this node itself. */
  cost(id: NodeId): number | undefined {
    return this.#ask(id)?.cost;
  }

  /** Links on the best path to `id`; undefined when there is none. */
  hops(id: NodeId): number | undefined {
    return this.#ask(id)?.hops;
  }

  /**
   * Calls `callback` with each id that became reachable or unreachable, whose cost changed by a step (19 %) or more since the last time, or whose
   * number of hops changed: once a change, after the tick that brought it for own links and leaves, at the back-off's pace for the rest. A change
   * that lasted for a moment only is told where `cost` or `hops` was asked in that moment. Returns what ends it.
   */
  subscribe(callback: (id: NodeId) => void): () => void {
    return this.#callbacks.add(callback);
  }

  /** Calls `callback`, synchronously, with the ends of each link that appeared, is gone, or costs something else. Returns what ends it. */
  subscribeLinks(callback: (a: NodeId, b: NodeId) => void): () => void {
    return this.#linkCallbacks.add(callback);
  }

  /** The best path to `to` now, without what is to be avoided: cheapest first, then fewest hops, then by order of ids. */
  path(to: NodeId, options: { avoid?: AvoidList | undefined } = {}): Path | undefined {
    return this.#find(to, options.avoid, 1)[0];
  }

  /** Up to 3 paths to `to`, best first, none more than half as dear again as the best. */
  alternatives(to: NodeId, options: { avoid?: AvoidList | undefined } = {}): readonly Path[] {
    return this.#find(to, options.avoid, 3);
  }

  /**
   * The path that a new circuit to `to` should take: one of the alternatives that are within a tenth of the best, always the same for a pair of
   * nodes while there are the same ones (rendezvous hashing), so that equal relays share the pairs between them.
   */
  choose(to: NodeId, options: { avoid?: AvoidList | undefined } = {}): Path | undefined {
    return this.#alternatives.choose(this.alternatives(to, options));
  }

  /** Every node that can be reached, this one left out. */
  routes(): Route[] {
    return [...this.#state.nodes.keys()].map((id) => this.route(id)).filter((route) => route !== undefined);
  }

  /** How one node can be reached; undefined where it cannot, and for this one. */
  route(id: NodeId): Route | undefined {
    const node = this.#state.nodes.get(id);
    const found = node === undefined || node === this.#state.self ? undefined : this.#fresh().path(node);
    if (found === undefined) return undefined;
    const via = found.vertices.slice(1, -1).map((vertex) => vertex.id);
    return { id, via, hops: via.length + 1, cost: found.cost, rttMs: found.cost - via.length * relayCost };
  }

  /** What a node says about itself; undefined when that is not known. */
  node(id: NodeId): NodeRecord | undefined {
    return this.#state.nodes.get(id)?.record;
  }

  stats(): TopologyStats {
    return { nodes: this.#state.nodes.size, computations: this.#computations };
  }

  /** Follows records and links no more, and calls nobody back. Answers stay as they are. */
  close(): void {
    this.#isFollowing = false;
    for (const end of this.#ends.splice(0)) end();
    this.#timer?.cancel();
    this.#callbacks.clear();
    this.#linkCallbacks.clear();
  }

  #readOrigin(store: RecordStore, origin: NodeId): void {
    this.#state.readAll(store, origin);
    const node = this.#state.nodes.get(origin);
    if (node !== undefined) this.#tellSoon(node);
  }

  #readNeighbour(id: NodeId): void {
    const cost = this.#neighbours.cost(id);
    const hadLink = this.#state.hasOwn(id);
    const wasUnsteady = this.#unsteady.has(id);
    const isUnsteady = cost === undefined ? wasUnsteady : this.#neighbours.isSteady?.(id) === false;
    if (isUnsteady) this.#unsteady.add(id);
    else this.#unsteady.delete(id);
    this.#state.setOwn(id, cost);
    if (cost === undefined) this.#unsteady.delete(id);
    else if (hadLink && wasUnsteady !== isUnsteady && this.#state.nodes.get(id)?.relay === true) this.#outOfDate();
  }

  #linkChanged(a: GraphNode, b: GraphNode, after: number | undefined): void {
    this.#version += 1;
    this.#linkCallbacks.tell(a.id, b.id);
    if (!this.#isFollowing) return;
    const { self } = this.#state;
    if (a === self || b === self) this.#ownLinkChanged(a === self ? b : a, after);
    else if (a.relay && b.relay) this.#outOfDate();
    // A node that computed paths do not lead through is found over its links at any time.
    if (this.#search.graph.indexOf(a) < 0) this.#tellSoon(a);
    if (this.#search.graph.indexOf(b) < 0) this.#tellSoon(b);
  }

  #ownLinkChanged(neighbour: GraphNode, after: number | undefined): void {
    this.#tellSoon(neighbour);
    if (after === undefined && this.#search.hasFirstHop(neighbour)) this.#isWrong = true;
    if (neighbour.relay && !this.#unsteady.has(neighbour.id)) this.#outOfDate();
  }

  #outOfDate(): void {
    this.#version += 1;
    this.#isStale = true;
    const delayMs = this.#backoff.changed(this.#clock.now());
    this.#timer ??= this.#clock.setTimer(delayMs, () => void this.#fresh());
  }

  #ask(id: NodeId): Arrival | undefined {
    const node = this.#state.nodes.get(id);
    if (node === undefined) return undefined;
    const now = this.#usable().arrival(node);
    if (isNews(node, now)) this.#askedAhead.add(node);
    return now;
  }

  /** The paths as last computed, unless they are known to be wrong. */
  #usable(): PathSearch {
    return this.#isWrong ? this.#fresh() : this.#search;
  }

  /** The paths of what is known now. */
  #fresh(): PathSearch {
    if (!this.#isStale && !this.#isWrong) return this.#search;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#search = this.#compute();
    this.#touchedAll = true;
    this.#tellSoon();
    return this.#search;
  }

  #compute(): PathSearch {
    this.#isStale = false;
    this.#isWrong = false;
    this.#computations += 1;
    this.#version += 1;
    return new PathSearch(new CompactGraph(this.#state.self, this.#state.nodes.values(), this.#unsteady));
  }

  #find(to: NodeId, avoid: AvoidList | undefined, count: number): readonly Path[] {
    const node = this.#state.nodes.get(to);
    if (node === undefined || to === this.self) return [];
    const search = this.#fresh();
    return this.#alternatives.find(search, node, this.#version, count, avoid, (id) => this.#state.nodes.get(id));
  }

  #tellSoon(node?: GraphNode): void {
    if (node !== undefined) this.#touched.add(node);
    if (this.#willTell) return;
    this.#willTell = true;
    this.#clock.defer(() => {
      this.#willTell = false;
      this.#tell();
    });
  }

  #tell(): void {
    if (!this.#isFollowing) return;
    this.#usable();
    const candidates = this.#touchedAll ? [...this.#state.nodes.values()] : [...this.#touched];
    this.#touchedAll = false;
    this.#touched.clear();
    const changed = candidates.filter((node) => this.#noteTold(node) || this.#askedAhead.has(node));
    this.#askedAhead.clear();
    for (const node of candidates) this.#state.prune(node);
    for (const { id } of changed) this.#callbacks.tell(id);
  }

  /** Whether something is to be told about a node that was not told before. */
  #noteTold(node: GraphNode): boolean {
    const now = this.#search.arrival(node);
    if (!isNews(node, now)) return false;
    node.toldCost = now?.cost;
    node.toldHops = now?.hops;
    return true;
  }
}

/** Whether an answer differs from what was told of a node by so much that it is told. */
function isNews({ toldCost, toldHops }: GraphNode, now: Arrival | undefined): boolean {
  if (now?.cost === toldCost && now?.hops === toldHops) return false;
  return now === undefined || toldCost === undefined || now.hops !== toldHops || Math.abs(4 * Math.log2(now.cost / toldCost)) >= toldSteps;
}
