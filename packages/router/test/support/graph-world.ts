import { RecordStore, type StoredRecord } from "@astranet/discovery";
import { adjacencySlot, encodeAdjacency, fragmentOf } from "../../src/graph/adjacency-record.ts";
import type { Neighbours } from "../../src/graph/neighbours.ts";
import { encodeNode, nodeSlot, type NodeRecord } from "../../src/graph/node-record.ts";
import { Topology, type TopologyOptions } from "../../src/graph/topology.ts";
import type { NodeId } from "../../src/node-id.ts";
import { idOf } from "./network.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What a node that relays says of itself. */
export const relay: NodeRecord = {
  role: "router",
  relays: true,
  overloaded: false,
  leaving: false,
  key: new Uint8Array(),
  addresses: [],
  name: "",
  load: 0,
  features: 0,
};

export const leaf: NodeRecord = { ...relay, role: "peer", relays: false };

/** One link: two nodes by their numbers, and what it costs, as the first says and as the second says. */
export type LinkInit = readonly [a: number, b: number, cost?: number, costBack?: number];

/** Own links that a test moves as it likes. */
export class OwnLinks implements Neighbours {
  readonly #costs = new Map<NodeId, number>();
  readonly #unsteady = new Set<NodeId>();
  readonly #callbacks = new Set<(id: NodeId) => void>();

  cost(id: NodeId): number | undefined {
    return this.#costs.get(id);
  }

  ids(): Iterable<NodeId> {
    return this.#costs.keys();
  }

  isSteady(id: NodeId): boolean {
    return this.#costs.has(id) && !this.#unsteady.has(id);
  }

  subscribe(callback: (id: NodeId) => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  get subscribers(): number {
    return this.#callbacks.size;
  }

  set(n: number, cost: number | undefined): void {
    const id = idOf(n);
    if (cost === undefined) this.#costs.delete(id);
    else this.#costs.set(id, cost);
    for (const callback of this.#callbacks) callback(id);
  }

  /** Whether paths to others may lead over the link to `n`, now and when it comes up again. */
  steady(n: number, isSteady: boolean): void {
    if (isSteady) this.#unsteady.delete(idOf(n));
    else this.#unsteady.add(idOf(n));
    for (const callback of this.#callbacks) callback(idOf(n));
  }
}

/** The records of a network of numbered nodes, as one node's store holds them. */
export class GraphWorld {
  readonly clock = new VirtualClock();
  readonly store: RecordStore;
  readonly links = new OwnLinks();
  readonly #seqs = new Map<string, number>();
  readonly #neighbours = new Map<number, Map<number, number>>();
  readonly #self: number;

  constructor(self = 0) {
    this.#self = self;
    this.store = new RecordStore({ self: idOf(self), incarnation: 1n });
  }

  topology(options: Partial<TopologyOptions> = {}): Topology {
    return new Topology({ store: this.store, self: this.store.self, clock: this.clock, neighbours: this.links, ...options });
  }

  /** Nodes that relay, and nodes that do not. */
  nodes(relays: readonly number[], leaves: readonly number[] = []): void {
    for (const n of relays) this.node(n, relay);
    for (const n of leaves) this.node(n, leaf);
  }

  /** Node `n` says `record` of itself. */
  node(n: number, record: Partial<NodeRecord>, incarnation = 1n): void {
    this.#merge({ origin: idOf(n), slot: nodeSlot, incarnation, payload: encodeNode({ ...relay, ...record }) });
  }

  /** Links come up, or change their cost; those of `self` are facts, all others are told by both their ends. */
  link(...links: readonly LinkInit[]): void {
    for (const [a, b, cost = 10, costBack = cost] of links) {
      this.claim(a, b, cost);
      this.claim(b, a, costBack);
      if (a === this.#self) this.links.set(b, cost);
      if (b === this.#self) this.links.set(a, costBack);
    }
  }

  cut(...links: readonly (readonly [number, number])[]): void {
    for (const [a, b] of links) {
      if (a === this.#self) this.links.set(b, undefined);
      if (b === this.#self) this.links.set(a, undefined);
      this.claim(a, b, undefined);
      this.claim(b, a, undefined);
    }
  }

  /** Node `a` alone says that its link to `b` costs so much, or that there is none. */
  claim(a: number, b: number, cost: number | undefined, incarnation = 1n): void {
    const neighbours = this.#neighbours.get(a) ?? new Map<number, number>();
    this.#neighbours.set(a, neighbours);
    if (cost === undefined) neighbours.delete(b);
    else neighbours.set(b, cost);
    if (a !== this.#self) this.list(a, [...neighbours].map(([n, each]) => [n, each] as const), incarnation);
  }

  /** Node `n` lists these neighbours in one of its fragments. */
  list(n: number, neighbours: readonly (readonly [number, number])[], incarnation = 1n, fragments = 1): void {
    const entries = neighbours.map(([other, cost]) => ({ id: idOf(other), cost, kind: 0 }));
    for (let index = 0; index < fragments; index += 1) {
      const payload = encodeAdjacency(entries.filter(({ id }) => fragmentOf(id, fragments) === index));
      this.#merge({ origin: idOf(n), slot: adjacencySlot(index), incarnation, payload });
    }
  }

  #merge(record: Omit<StoredRecord, "seq" | "flags">): void {
    const key = `${record.origin}/${record.slot}`;
    const seq = (this.#seqs.get(key) ?? 0) + 1;
    this.#seqs.set(key, seq);
    if (record.origin === this.store.self) this.store.put(record.slot, record.payload);
    else this.store.merge({ ...record, seq, flags: 0 });
  }
}

/** The numbers of the nodes on a path. */
export function numbersOf(ids: readonly NodeId[] | undefined): number[] | undefined {
  return ids?.map((id) => Number.parseInt(id.slice(1), 16));
}
