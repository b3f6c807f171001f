import type { AstraError } from "@astranet/transport";
import { RecordStore, Replication, type Reachability, type RecordStoreLimits, type ReplicaLink, type ReplicaMessage } from "@astranet/discovery";
import { HandClock, idOf, seededRandom } from "./world.ts";

/** Messages under way in one direction; beyond it the sender waits, as it would for a stream. */
const inFlight = 4;

/** What happens to a message: true loses it. */
export type Loss = (message: ReplicaMessage, from: ReplicaNode, to: ReplicaNode) => boolean;

export interface ReplicaNodeInit {
  readonly forwards?: boolean;
  readonly incarnation?: bigint;
  readonly limits?: Partial<RecordStoreLimits>;
  readonly recordsPerSecond?: number;
}

/** A store with its replication, and what it did. */
export class ReplicaNode {
  readonly id: string;
  readonly store: RecordStore;
  readonly replication: Replication;
  readonly reachability = new ToldReachability();
  readonly wires = new Map<ReplicaNode, Wire>();
  readonly refused: AstraError[] = [];
  readonly superseded: AstraError[] = [];
  forwards: boolean;
  /** What this node sent. */
  readonly sent: ReplicaMessage[] = [];

  constructor(clock: HandClock, n: number, seed: number, init: ReplicaNodeInit) {
    const { forwards = true, incarnation = 1n, limits, recordsPerSecond } = init;
    this.id = idOf(n);
    this.forwards = forwards;
    this.store = new RecordStore({
      self: this.id,
      incarnation,
      clock,
      onsuperseded: (error) => this.superseded.push(error),
      ...(limits === undefined ? {} : { limits }),
    });
    this.replication = new Replication({
      store: this.store,
      reachability: this.reachability,
      clock,
      random: seededRandom(seed),
      forwards: () => this.forwards,
      ...(recordsPerSecond === undefined ? {} : { recordsPerSecond }),
    });
  }

  /** Whether it holds of `other` what that one says, byte for byte. */
  agreesOn(other: ReplicaNode): boolean {
    const [here, there] = [[...this.store.cells(other.id)], [...other.store.cells(other.id)]];
    return here.length === there.length && there.every(({ record, wire }) => sameBytes(this.store.cell(other.id, record.slot)?.wire, wire));
  }

  sentOf(kind: ReplicaMessage["t"]): ReplicaMessage[] {
    return this.sent.filter(({ t }) => t === kind);
  }
}

/** Which nodes can be reached, as the network tells it. */
class ToldReachability implements Reachability {
  #ids: ReadonlySet<string> = new Set();
  readonly #callbacks = new Set<(id: string) => void>();

  cost(id: string): number | undefined {
    return this.#ids.has(id) ? 1 : undefined;
  }

  subscribe(callback: (id: string) => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  set(ids: ReadonlySet<string>): void {
    const before = this.#ids;
    this.#ids = ids;
    for (const id of [...before, ...ids]) if (before.has(id) !== ids.has(id)) for (const callback of this.#callbacks) callback(id);
  }
}

/** One end of a link: carries one node's messages to the other, in order, after a latency. */
class Wire {
  readonly link: ReplicaLink;
  readonly #network: ReplicaNetwork;
  readonly #from: ReplicaNode;
  readonly #to: ReplicaNode;
  #underWay = 0;
  #pumping = false;
  /** The receiver reads nothing before. */
  #busyUntil = 0;
  open = true;

  constructor(network: ReplicaNetwork, from: ReplicaNode, to: ReplicaNode) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
    this.link = from.replication.connect({ id: to.id, wake: () => this.#pump(), refused: (error) => from.refused.push(error) });
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.open && this.#underWay < inFlight) {
      const message = this.link.next();
      if (message === undefined) break;
      this.#from.sent.push(message);
      this.#underWay += 1;
      const arriveAt = this.#network.clock.now() + this.#network.latencyMs;
      this.#deliver(message, arriveAt);
    }
    this.#pumping = false;
  }

  #deliver(message: ReplicaMessage, at: number): void {
    const { clock } = this.#network;
    clock.setTimer(Math.max(at, this.#busyUntil) - clock.now(), () => {
      if (!this.open) return;
      if (clock.now() < this.#busyUntil) {
        this.#deliver(message, this.#busyUntil);
        return;
      }
      this.#underWay -= 1;
      if (!this.#network.loses(message, this.#from, this.#to)) {
        const pauseMs = this.#to.wires.get(this.#from)!.link.receive(message);
        this.#busyUntil = clock.now() + pauseMs;
      }
      clock.defer(() => this.#pump());
    });
  }

  close(): void {
    this.open = false;
    this.link.close();
  }
}

/** Replicas with links between them, in virtual time; no sockets, no router. What can be reached is what the links lead to, over nodes that forward. */
export class ReplicaNetwork {
  readonly clock = new HandClock();
  readonly latencyMs: number;
  readonly nodes: ReplicaNode[] = [];
  /** How long nodes take to notice what can be reached, at most; each takes its own time. */
  readonly noticeMs: number;
  loses: Loss = () => false;
  readonly #seed: number;
  #noticing = false;

  constructor(options: { seed?: number; latencyMs?: number; noticeMs?: number } = {}) {
    this.#seed = options.seed ?? 1;
    this.latencyMs = options.latencyMs ?? 10;
    this.noticeMs = options.noticeMs ?? 0;
  }

  node(init: ReplicaNodeInit & { readonly n?: number } = {}): ReplicaNode {
    const made = new ReplicaNode(this.clock, init.n ?? this.nodes.length + 1, this.#seed * 1000 + this.nodes.length, init);
    this.nodes.push(made);
    return made;
  }

  link(a: ReplicaNode, b: ReplicaNode): void {
    if (a === b || a.wires.has(b)) return;
    a.wires.set(b, new Wire(this, a, b));
    b.wires.set(a, new Wire(this, b, a));
    this.#notice();
  }

  cut(a: ReplicaNode, b: ReplicaNode): void {
    a.wires.get(b)?.close();
    b.wires.get(a)?.close();
    a.wires.delete(b);
    b.wires.delete(a);
    this.#notice();
  }

  /** Dies without a word. */
  kill(node: ReplicaNode): void {
    for (const other of [...node.wires.keys()]) this.cut(node, other);
    node.replication.close();
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** Who is there for `from`, over nodes that forward. */
  reached(from: ReplicaNode): Set<ReplicaNode> {
    const reached = new Set([from]);
    for (const node of reached) if (node === from || node.forwards) for (const next of node.wires.keys()) reached.add(next);
    return reached;
  }

  /** Whether all nodes hold of all that they can reach what those say of themselves. */
  agrees(): boolean {
    return this.nodes.every((node) => {
      for (const other of this.reached(node)) if (!node.agreesOn(other)) return false;
      return true;
    });
  }

  /** Lets time pass until all agree; how long it took. Infinity when they do not within `withinMs`. */
  settle(withinMs: number, stepMs = 10): number {
    const begin = this.clock.now();
    for (let waited = 0; waited <= withinMs; waited += stepMs) {
      if (this.agrees()) return this.clock.now() - begin;
      this.clock.advance(stepMs);
    }
    return Infinity;
  }

  #notice(): void {
    if (this.#noticing) return;
    this.#noticing = true;
    this.clock.defer(() => {
      this.#noticing = false;
      const random = seededRandom(this.#seed + this.clock.now());
      for (const node of this.nodes) {
        const delayMs = this.noticeMs === 0 ? 0 : (random(1)[0]! / 255) * this.noticeMs;
        const look = (): void => node.reachability.set(new Set([...this.reached(node)].map(({ id }) => id)));
        if (delayMs === 0) look();
        else this.clock.setTimer(delayMs, look);
      }
    });
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
