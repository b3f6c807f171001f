import { randomBytes } from "node:crypto";
import { MeshNode } from "./mesh-node.ts";
import type { NodeSetup } from "./node/messages.ts";

/** Nodes in processes of their own, on one network; the processes end with it. */
export class Mesh implements AsyncDisposable {
  readonly #common: NodeSetup;
  readonly #nodes = new Set<MeshNode>();

  /** `common`: what all nodes are made with. Without `insecure` that is a secret, drawn anew for each network. */
  constructor(common: NodeSetup = {}) {
    this.#common = common.insecure === true ? common : { secret: randomBytes(32).toString("base64"), ...common };
  }

  async node(setup: NodeSetup = {}): Promise<MeshNode> {
    const node = new MeshNode({ ...this.#common, ...setup });
    this.#nodes.add(node);
    await node.ready;
    return node;
  }

  /** A node that only carries what others say to each other. */
  relay(setup: NodeSetup = {}): Promise<MeshNode> {
    return this.node({ role: "router", listens: true, ...setup });
  }

  /** Two ends that know nobody but their relay, and `relays` relays in a row between them. */
  async row(relays: number, setup: NodeSetup = {}): Promise<Row> {
    const [a, c, ...between] = await Promise.all([this.node(), this.node(), ...Array.from({ length: relays }, () => this.relay(setup))]);
    await Promise.all(between.slice(1).map((relay, i) => relay.call("join", between[i]!.address)));
    await Promise.all([a.call("join", between[0]!.address), c.call("join", between.at(-1)!.address)]);
    return { a, c, relays: between };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => node[Symbol.asyncDispose]()));
  }
}

/** See {@link Mesh.row}. */
export interface Row {
  readonly a: MeshNode;
  readonly c: MeshNode;
  readonly relays: readonly MeshNode[];
}
