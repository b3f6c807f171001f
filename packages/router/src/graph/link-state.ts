import { recordKinds, type RecordStore, type StoredRecord } from "@astranet/discovery";
import { isNodeId, type NodeId } from "../node-id.ts";
import { decodeAdjacency, maxFragments } from "./adjacency-record.ts";
import { GraphNode, type Fragment } from "./graph-node.ts";
import { decodeNode, nodeSlot, type NodeRecord } from "./node-record.ts";

/** What a LinkState is made with, and tells. */
export interface LinkStateInit {
  readonly self: NodeId;
  /** Local policy: whether paths may lead through a node that offers it. */
  readonly relays: (id: NodeId) => boolean;
  /** A link appeared (`before` undefined), is gone (`after` undefined), or costs something else. */
  readonly linkChanged: (a: GraphNode, b: GraphNode, before: number | undefined, after: number | undefined) => void;
  /** A node began or ceased to relay. */
  readonly relayChanged: (node: GraphNode) => void;
}

/**
 * The graph that the records and this node's own links say. Between others a link holds when both its ends list it, both have a NODE record of
 * the same life as that list, and neither is leaving: one end alone may be wrong, or gone. This node's own links are facts, and what the records
 * say of them is only a cost. Reads what changed, and nothing else.
 */
export class LinkState {
  readonly self: GraphNode;
  readonly nodes: Map<NodeId, GraphNode> = new Map();
  readonly #init: LinkStateInit;
  readonly #own = new Map<NodeId, number>();

  constructor(init: LinkStateInit) {
    this.#init = init;
    this.self = this.#nodeOf(init.self);
  }

  /** Takes in one record that is new. */
  read(record: StoredRecord): void {
    const { origin, slot, payload, incarnation } = record;
    if (slot === nodeSlot) this.#readNode(origin, decodeNode(payload), incarnation);
    else if (slot >> 8 === recordKinds.adjacency) this.#readFragment(record);
  }

  /** Reads all that is stored of an origin, which has a new life or was dropped. */
  readAll(store: RecordStore, origin: NodeId): void {
    const node = this.nodes.get(origin);
    const before = new Set(node?.claimed());
    node?.fragments.clear();
    if (node !== undefined) this.#setNode(node, undefined, undefined);
    for (const id of before) this.#refresh(node!, id);
    for (const record of store.records(origin)) this.read(record);
  }

  /** Whether this node's own link to `id` is up. */
  hasOwn(id: NodeId): boolean {
    return this.#own.has(id);
  }

  /** This node's own link to `id` is up and costs `cost`, or is gone. */
  setOwn(id: NodeId, cost: number | undefined): void {
    if (id === this.self.id) return;
    if (cost === undefined) this.#own.delete(id);
    // A link that costs nothing, or less, would let paths go in circles.
    else this.#own.set(id, cost >= 1 ? cost : 1);
    this.#refreshLink(this.self, this.#nodeOf(id));
  }

  /** Forgets a node of which nothing is known any more. */
  prune(node: GraphNode): void {
    if (node.isBlank) this.nodes.delete(node.id);
  }

  #nodeOf(id: NodeId): GraphNode {
    const known = this.nodes.get(id);
    if (known !== undefined) return known;
    const node = new GraphNode(id);
    this.nodes.set(id, node);
    return node;
  }

  #readNode(origin: NodeId, record: NodeRecord | undefined, incarnation: bigint): void {
    if (!isNodeId(origin)) return;
    this.#setNode(this.#nodeOf(origin), record, record === undefined ? undefined : incarnation);
  }

  #setNode(node: GraphNode, record: NodeRecord | undefined, incarnation: bigint | undefined): void {
    const before = { relay: node.relay, incarnation: node.incarnation, leaving: node.record?.leaving };
    node.record = record;
    node.incarnation = incarnation;
    node.relay = record !== undefined && record.relays && !record.overloaded && !record.leaving && this.#init.relays(node.id);
    if (node.relay !== before.relay) this.#init.relayChanged(node);
    if (before.incarnation === incarnation && before.leaving === record?.leaving) return;
    for (const id of new Set(node.claimed())) this.#refresh(node, id);
  }

  #readFragment({ origin, slot, payload, incarnation }: StoredRecord): void {
    // What this node once said of its own links is no news to it, and may be out of date.
    if (origin === this.self.id || !isNodeId(origin) || (slot & 0xff) >= maxFragments) return;
    const node = this.#nodeOf(origin);
    const before = node.fragments.get(slot);
    const after: Fragment = { incarnation, costs: costsOf(payload) };
    node.fragments.set(slot, after);
    const changed = new Set<NodeId>();
    for (const [id, cost] of after.costs) if (before?.costs.get(id) !== cost || before.incarnation !== incarnation) changed.add(id);
    for (const id of before?.costs.keys() ?? []) if (!after.costs.has(id)) changed.add(id);
    for (const id of changed) this.#refresh(node, id);
  }

  #refresh(node: GraphNode, id: NodeId): void {
    const other = this.nodes.get(id);
    if (other !== undefined && other !== node) this.#refreshLink(node, other);
  }

  #refreshLink(a: GraphNode, b: GraphNode): void {
    const before = a.edges.get(b);
    const after = a === this.self ? this.#ownCost(b) : b === this.self ? this.#ownCost(a) : costBetween(a, b);
    if (before === after) return;
    if (after === undefined) {
      a.edges.delete(b);
      b.edges.delete(a);
    } else {
      a.edges.set(b, after);
      b.edges.set(a, after);
    }
    this.#init.linkChanged(a, b, before, after);
  }

  #ownCost(neighbour: GraphNode): number | undefined {
    const cost = this.#own.get(neighbour.id);
    return cost === undefined ? undefined : Math.max(cost, neighbour.claim(this.self.id) ?? 0);
  }
}

/** What a link between two others costs: as much as the end says that says more, so that both directions count the same. */
function costBetween(a: GraphNode, b: GraphNode): number | undefined {
  if (a.record === undefined || b.record === undefined || a.record.leaving || b.record.leaving) return undefined;
  const there = a.claim(b.id);
  const back = b.claim(a.id);
  return there === undefined || back === undefined ? undefined : Math.max(there, back);
}

function costsOf(payload: Uint8Array): Map<NodeId, number> {
  const costs = new Map<NodeId, number>();
  for (const { id, cost } of decodeAdjacency(payload)) costs.set(id, Math.max(cost, costs.get(id) ?? 0));
  return costs;
}
