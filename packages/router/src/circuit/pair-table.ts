import type { NodeId } from "../node-id.ts";
import type { EndCircuit } from "./end-circuit.ts";

/** The circuits that end at this node, by the node at their other end. */
export class PairTable {
  readonly #self: NodeId;
  readonly #pairs = new Map<NodeId, EndCircuit[]>();

  constructor(self: NodeId) {
    this.#self = self;
  }

  *values(): IterableIterator<EndCircuit> {
    for (const circuits of [...this.#pairs.values()]) yield* circuits;
  }

  of(peer: NodeId): readonly EndCircuit[] {
    return this.#pairs.get(peer) ?? [];
  }

  add(circuit: EndCircuit): void {
    this.#pairs.set(circuit.peer, [...this.of(circuit.peer), circuit]);
  }

  delete(circuit: EndCircuit): void {
    const rest = this.of(circuit.peer).filter((other) => other !== circuit);
    if (rest.length === 0) this.#pairs.delete(circuit.peer);
    else this.#pairs.set(circuit.peer, rest);
  }

  /**
   * The circuit that new streams take. Where both nodes opened one at the same time, both choose that of the lower id; of several that
   * one of them opened, the newest.
   */
  best(peer: NodeId): EndCircuit | undefined {
    const usable = this.of(peer).filter(({ leaving }) => !leaving);
    const lower = this.#self < peer;
    return usable.filter(({ initiator }) => initiator === lower).at(-1) ?? usable.at(-1);
  }
}
