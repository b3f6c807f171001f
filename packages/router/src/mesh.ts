import type { RecordStore } from "@astranet/discovery";
import type { Session, SessionOptions, Stream } from "@astranet/mux";
import { AstraError, type Clock, type Connection, type RandomSource, type Timer } from "@astranet/transport";
import { ask, type Authorize } from "./authorize.ts";
import type { CircuitEdge, CircuitEvent, CircuitLimits, CircuitPath, CircuitStats, SecureCircuitInit } from "./circuit/circuit-types.ts";
import { Circuits } from "./circuit/circuits.ts";
import type { RouteTrace } from "./circuit/trace.ts";
import { Adjacency } from "./graph/adjacency.ts";
import { NegativeCache } from "./graph/negative-cache.ts";
import { decodeNode, encodeNode, nodeSlot } from "./graph/node-record.ts";
import { Topology } from "./graph/topology.ts";
import { sameBytes } from "./link/hello.ts";
import type { PeerTable } from "./link/peer-table.ts";
import type { NodeId } from "./node-id.ts";
import type { NodeRole } from "./router-options.ts";
import { nodeIdOfKey, type Security } from "./security.ts";

/** How often the links are looked at. */
const sampleEveryMs = 5000;

/** A link with more than that to send, at three such looks in a row, is congested. */
const highWaterBytes = 131_072;

/** What a Mesh is made with. */
export interface MeshInit {
  readonly self: NodeId;
  readonly role: NodeRole;
  readonly store: RecordStore;
  /** The links that are up. */
  readonly peers: PeerTable;
  readonly security: Security | undefined;
  readonly authorize: Authorize | undefined;
  /** Whether this node carries circuits of others, by its role and by what it is. */
  readonly relays: () => boolean;
  /** Where others may dial this node, each as "network address". */
  readonly addresses: () => readonly string[];
  readonly session: Omit<SessionOptions, "role" | "wire" | "onstream" | "manualAccept" | "clock">;
  readonly limits: Partial<CircuitLimits>;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** A dial came over a circuit. */
  readonly dial: (stream: Stream, peer: NodeId) => void;
  readonly emit: (event: CircuitEvent) => void;
}

/** The network beyond the neighbours: what this node says of itself and its links, which paths there are, and the circuits that take them. */
export class Mesh {
  readonly topology: Topology;
  readonly #init: MeshInit;
  readonly #adjacency: Adjacency;
  readonly #failures: NegativeCache;
  readonly #circuits: Circuits;
  readonly #unsubscribe: () => void;
  #sampling: Timer | undefined;
  #overloaded = false;
  #leaving = false;

  constructor(init: MeshInit) {
    const { self, store, peers, clock, random } = init;
    this.#init = init;
    this.#adjacency = new Adjacency({ store, clock });
    this.topology = new Topology({ store, self, clock, neighbours: this.#adjacency });
    this.#failures = new NegativeCache(clock, this.topology);
    this.#circuits = new Circuits({
      self,
      clock,
      random,
      relays: init.relays,
      overloaded: () => this.#overloaded,
      link: (id) => {
        const session = peers.best(id)?.session;
        return session === undefined ? undefined : { session };
      },
      paths: { choose: (to, avoid) => this.#choose(to, avoid), failed: ({ from, to }) => this.#failures.fail(from, to) },
      secure: (connection, how) => this.#secure(connection, how),
      dial: init.dial,
      authorizeRelay: (request) => ask(init.authorize, { action: "relay", ...request }).isAllowed,
      session: init.session,
      limits: init.limits,
      emit: init.emit,
    });
    const ends = [
      peers.subscribe((id) => this.#linkChanged(id)),
      store.subscribe((origin, record) => {
        // Whoever is about to go says so to all, not only to its neighbours.
        if (record?.slot === nodeSlot && origin !== self && decodeNode(record.payload)?.leaving === true) this.#circuits.drain(origin);
      }),
    ];
    this.#unsubscribe = () => ends.forEach((end) => end());
    this.announce();
  }

  /** Takes no new circuits of others while it is set. It can be reached all the same. */
  get overloaded(): boolean {
    return this.#overloaded;
  }

  set overloaded(overloaded: boolean) {
    this.#overloaded = overloaded;
    this.announce();
  }

  /** Writes down what this node is now. */
  announce(): void {
    const { store, role, security, relays, addresses } = this.#init;
    const key = security?.identity.publicKey ?? new Uint8Array(0);
    const payload = encodeNode({ role, relays: relays(), overloaded: this.#overloaded, leaving: this.#leaving, key, addresses: addresses(), name: "", load: 0, features: 0 });
    store.put(nodeSlot, payload);
  }

  /** The session that new streams to a node take: of the link, where there is one, or of a circuit. Rejects as {@link Circuits.session} does. */
  session(to: NodeId, options: { readonly signal?: AbortSignal; readonly timeoutMs?: number }): Session | Promise<Session> {
    return this.#init.peers.best(to)?.session ?? this.#circuits.session(to, options);
  }

  /** The key that the node proves to have wherever it is met; undefined for an unknown node, and without security. */
  keyOf(id: NodeId): Uint8Array | undefined {
    const { self, peers, security } = this.#init;
    if (security === undefined) return undefined;
    return id === self ? security.identity.publicKey : (peers.best(id)?.hello.key ?? this.#recordedKey(id));
  }

  trace(to: NodeId, options: { readonly signal?: AbortSignal; readonly timeoutMs?: number }): Promise<RouteTrace> {
    return this.#circuits.trace(to, options);
  }

  /** A stream of type `circuit` came over a link. Throws ERR_ASTRANET_PROTOCOL for one that no honest neighbour opens. */
  incoming(stream: Stream, from: NodeId): void {
    this.#circuits.incoming(stream, from);
  }

  stats(): CircuitStats {
    return this.#circuits.stats();
  }

  /** Tells everybody that this node is about to go: no path leads through it any more. */
  leave(): void {
    this.#leaving = true;
    this.announce();
  }

  /** Circuits of this node drain, and nothing is followed any more. The links are left alone. */
  async close(): Promise<void> {
    await this.#circuits.close();
    this.#unsubscribe();
    this.#sampling?.cancel();
    this.#adjacency.close();
    this.#failures.close();
    this.topology.close();
  }

  #linkChanged(id: NodeId): void {
    const rttMs = this.#init.peers.cost(id);
    if (rttMs === undefined) {
      this.#adjacency.down(id);
      this.#circuits.linkDown(id);
    } else {
      this.#adjacency.up(id, { rttMs, factor: this.#init.peers.best(id)!.factor });
      this.#sampleLater();
    }
  }

  #sampleLater(): void {
    this.#sampling ??= this.#init.clock.setTimer(sampleEveryMs, () => {
      this.#sampling = undefined;
      const { peers } = this.#init;
      const ids = peers.ids();
      for (const id of ids) {
        const { rttMs, factor, session } = peers.best(id)!;
        this.#adjacency.sample(id, rttMs!, factor);
        this.#adjacency.congested(id, session!.sendQueueBytes > highWaterBytes);
      }
      if (ids.length > 0) this.#sampleLater();
    });
  }

  #choose(to: NodeId, avoid: readonly CircuitEdge[]): CircuitPath | undefined {
    const edges = avoid.map(({ from, to: end }) => [from, end] as const);
    const { links = [], relays = [] } = this.#failures.avoid ?? {};
    // What failed for others a moment ago is better than nothing.
    return this.topology.choose(to, { avoid: { links: [...edges, ...links], relays } }) ?? this.topology.choose(to, { avoid: { links: edges, relays: [] } });
  }

  async #secure(connection: Connection, { initiator, peer, prologue }: SecureCircuitInit): Promise<Connection> {
    const { security } = this.#init;
    if (security === undefined) return connection;
    const remoteKey = initiator ? this.#recordedKey(peer) : undefined;
    if (initiator && remoteKey === undefined) throw new AstraError("EACCES", `node ${peer} has not said which key its id is of, so nothing can be encrypted to it`, { via: [peer] });
    return security.endToEnd(connection, {
      initiator,
      prologue,
      remoteKey,
      verify: (key) => {
        if (nodeIdOfKey(key) !== peer || (remoteKey !== undefined && !sameBytes(key, remoteKey))) throw new AstraError("EACCES", `the other end of the circuit is not node ${peer}`, { via: [peer] });
      },
    });
  }

  /** Records are only claims, but a key's hash is the id: nobody can claim another's. */
  #recordedKey(id: NodeId): Uint8Array | undefined {
    const key = this.topology.node(id)?.key;
    return key?.length === 32 && nodeIdOfKey(key) === id ? key : undefined;
  }
}
