import { Session, type SessionOptions, type Stream } from "@astranet/mux";
import type { Conn } from "@astranet/router";
import { memoryPair, type Clock, type Connection, type MemoryOptions } from "@astranet/transport";
import type { CircuitEdge, CircuitEvent, CircuitPath, CircuitsOptions } from "../../src/circuit/circuit-types.ts";
import { Circuits } from "../../src/circuit/circuits.ts";
import type { NodeId } from "../../src/node-id.ts";
import { openConn } from "../../src/ports/open-conn.ts";
import { PortTable } from "../../src/ports/port-table.ts";
import { streamTypes } from "../../src/stream-types.ts";
import { during, idOf, seededRandom } from "./network.ts";
import { VirtualClock } from "./virtual-clock.ts";

type NodeOptions = Partial<CircuitsOptions>;

/** A link of a {@link CircuitNode}: one end of a real session over memory. */
export interface TestLink {
  readonly session: Session;
  readonly connection: Connection;
}

/** A node with links, circuits and ports, and no more. */
export class CircuitNode<C extends Clock = VirtualClock> {
  readonly id: NodeId;
  readonly circuits: Circuits;
  readonly ports: PortTable;
  readonly links = new Map<NodeId, TestLink>();
  readonly events: CircuitEvent[] = [];
  /** Edges that circuits failed over, as told to the paths. */
  readonly failed: string[] = [];
  /** What streams of circuits that came were worth to their link: errors that end it. */
  readonly linkErrors: unknown[] = [];
  readonly #network: CircuitNetwork<C>;

  constructor(network: CircuitNetwork<C>, n: number, options: NodeOptions) {
    this.#network = network;
    this.id = idOf(n);
    const { clock } = network;
    const random = seededRandom(n);
    this.ports = new PortTable({ id: this.id, random, backlog: 200_000, maxListeners: 10 });
    this.circuits = new Circuits({
      self: this.id,
      clock,
      random,
      relays: () => true,
      overloaded: () => false,
      link: (id) => this.links.get(id),
      paths: {
        choose: (to, avoid) => network.shortest(this.id, to, [...avoid, ...network.failures]),
        failed: ({ from, to }) => this.failed.push(`${nameOf(from)}-${nameOf(to)}`),
      },
      secure: (connection) => Promise.resolve(connection),
      dial: (stream, peer) => this.ports.incoming(stream, peer),
      emit: (event) => this.events.push(event),
      ...options,
    });
  }

  /** What a link's session does with a stream. */
  incoming(stream: Stream, from: NodeId, session: () => Session): void {
    try {
      if (stream.type === streamTypes.circuit) this.circuits.incoming(stream, from);
      else if (stream.type === streamTypes.dial) this.ports.incoming(stream, from);
      else stream.refuse("not known");
    } catch (error) {
      this.linkErrors.push(error);
      session().abort(error);
    }
  }

  /** Dials a port of a node that only a circuit leads to. */
  async dial(to: { readonly id: NodeId }, port: number, timeoutMs = 10_000): Promise<Conn> {
    const session = await this.circuits.session(to.id, { timeoutMs });
    return openConn(session, { id: this.id, port: this.ports.takeEphemeral() }, { id: to.id, port }, { timeoutMs }, this.#network.clock);
  }
}

/** How a link is made. */
interface LinkInit {
  readonly memory?: Omit<MemoryOptions, "clock">;
  readonly session?: Partial<SessionOptions>;
  /** Wraps the first node's end. */
  readonly tap?: (connection: Connection) => Connection;
}

/** A network in virtual time. */
export function virtualNetwork(memory: Omit<MemoryOptions, "clock"> = { latencyMs: 5 }): CircuitNetwork {
  return new CircuitNetwork(new VirtualClock(), memory);
}

/** So many nodes, in their order. */
type Row<C extends Clock, N extends number, R extends CircuitNode<C>[] = []> = R["length"] extends N ? R : Row<C, N, [...R, CircuitNode<C>]>;

/** Nodes in virtual time, linked as a test says, with shortest paths that know all links. */
export class CircuitNetwork<C extends Clock = VirtualClock> {
  readonly clock: C;
  readonly nodes: CircuitNode<C>[] = [];
  /** Edges that paths use although there is no link: the lies of relays. */
  readonly lies: CircuitEdge[] = [];
  /** Edges that no path uses, as far as a test wants the paths to remember failures. */
  readonly failures: CircuitEdge[] = [];
  readonly #memory: Omit<MemoryOptions, "clock">;

  constructor(clock: C, memory: Omit<MemoryOptions, "clock"> = { latencyMs: 5 }) {
    this.clock = clock;
    this.#memory = memory;
  }

  node(options: NodeOptions = {}): CircuitNode<C> {
    const node = new CircuitNode(this, this.nodes.length + 1, options);
    this.nodes.push(node);
    return node;
  }

  /** Nodes in a row, each linked with the next. */
  row<N extends number>(count: N, options: (i: number) => NodeOptions = () => ({})): Row<C, N> {
    const nodes = Array.from({ length: count }, (_, i) => this.node(options(i)));
    for (let i = 1; i < count; i += 1) this.link(nodes[i - 1]!, nodes[i]!);
    return nodes as Row<C, N>;
  }

  link(a: CircuitNode<C>, b: CircuitNode<C>, init: LinkInit = {}): void {
    const { clock } = this;
    const { memory = this.#memory, session, tap = (connection: Connection) => connection } = init;
    const [left, right] = memoryPair({ ...memory, clock });
    const join = (node: CircuitNode<C>, peer: CircuitNode<C>, connection: Connection, role: "client" | "server"): void => {
      const made: Session = new Session(connection, { ...session, role, clock, manualAccept: true, onstream: (stream) => node.incoming(stream, peer.id, () => made) });
      node.links.set(peer.id, { session: made, connection });
      const over = (): void => {
        if (node.links.get(peer.id)?.session !== made) return;
        node.links.delete(peer.id);
        node.circuits.linkDown(peer.id);
      };
      made.closed.then(over, over);
    };
    join(a, b, tap(left), "client");
    join(b, a, right, "server");
  }

  /** All its links break at once, as those of a process that was killed. */
  kill(node: CircuitNode<C>): void {
    for (const { connection } of node.links.values()) connection.abort();
  }

  /** Fewest hops, lowest ids first; never through `avoid`. */
  shortest(from: NodeId, to: NodeId, avoid: readonly CircuitEdge[]): CircuitPath | undefined {
    const edges = new Map<NodeId, NodeId[]>();
    for (const node of this.nodes) edges.set(node.id, [...node.links.keys()]);
    for (const claim of this.lies) edges.set(claim.from, [...(edges.get(claim.from) ?? []), claim.to]);
    let paths: NodeId[][] = [[from]];
    const seen = new Set<NodeId>([from]);
    while (paths.length > 0) {
      const next: NodeId[][] = [];
      for (const path of paths) {
        const last = path.at(-1)!;
        if (last === to) return { ids: path, cost: 10 * (path.length - 1) };
        for (const id of (edges.get(last) ?? []).sort()) {
          if (seen.has(id) || avoid.some((edge) => edge.from === last && edge.to === id)) continue;
          next.push([...path, id]);
        }
      }
      for (const path of next) seen.add(path.at(-1)!);
      paths = next;
    }
    return undefined;
  }
}

/** The number of a node made by {@link CircuitNetwork.node}. */
export function nameOf(id: NodeId): number {
  return Number.parseInt(id.slice(1), 16);
}

/** All that comes until the end. */
export async function drainOf(conn: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of conn) chunks.push(chunk);
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Sends back what comes, on every Conn. */
export async function echo(listener: AsyncIterable<Conn>): Promise<void> {
  for await (const conn of listener) {
    void (async () => {
      for await (const chunk of conn) await conn.write(chunk);
      await conn.end();
    })().catch(() => undefined);
  }
}

/** What `promise` is rejected with, within `ms` of virtual time. */
export async function failure(clock: VirtualClock, promise: Promise<unknown>, ms: number): Promise<unknown> {
  return during(clock, promise, ms).then(
    () => "resolved",
    (error: unknown) => error,
  );
}
