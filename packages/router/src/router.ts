import { Replication, isReplicaMessage, type Reachability, type RecordStore } from "@astranet/discovery";
import { AstraError, systemClock, systemRandom, type Clock, type Connection, type TransportListener } from "@astranet/transport";
import type { RouterEvent } from "./events.ts";
import { DialSlots } from "./link/dial-slots.ts";
import type { Link } from "./link/link-types.ts";
import { sameBytes } from "./link/hello.ts";
import { Links } from "./link/links.ts";
import type { NodeLink } from "./link/node-link.ts";
import { RecordExchange } from "./link/record-exchange.ts";
import { LoopSession } from "./loop-session.ts";
import type { JoinOptions, Membership } from "./membership.ts";
import { Memberships } from "./memberships.ts";
import { parseNodeId, type NodeId } from "./node-id.ts";
import type { Conn } from "./ports/conn.ts";
import { checkConnect, openConn } from "./ports/open-conn.ts";
import { PortTable } from "./ports/port-table.ts";
import type { BindInit, ConnectOptions, Listener } from "./ports/port-types.ts";
import { defaultLimits, type NodeRole, type RouterLimits, type RouterOptions } from "./router-options.ts";
import { Security } from "./security.ts";
import { Wires } from "./wires.ts";

/** How a node is reached. */
export interface RouteInfo {
  readonly id: NodeId;
  /** Nodes on the way, without the ends; empty for a direct link. */
  readonly via: readonly NodeId[];
  readonly hops: number;
  /** In milliseconds of round trip. */
  readonly cost: number;
  readonly rttMs: number;
}

/** A node's links, ports and listeners. */
export class Router implements AsyncDisposable {
  readonly id: NodeId;
  readonly role: NodeRole;
  readonly store: RecordStore;
  /** Resolves when `close` is through. */
  readonly closed: Promise<void>;
  readonly #wires: Wires;
  readonly #limits: RouterLimits;
  readonly #clock: Clock;
  readonly #security: Security | undefined;
  readonly #links: Links;
  readonly #exchanges = new Map<NodeLink, RecordExchange>();
  readonly #replication: Replication;
  readonly #ports: PortTable;
  readonly #loop: LoopSession;
  readonly #memberships: Memberships;
  readonly #listeners = new Set<TransportListener>();
  readonly #callbacks = new Set<(event: RouterEvent) => void>();
  #closing: Promise<void> | undefined;
  #resolveClosed: () => void = () => undefined;

  /** Throws EINVAL for a store whose `self` is no node id, or a key that is too long. */
  constructor(options: RouterOptions) {
    const { store, role = "auto", insecure = false, transports = [], clock = systemClock, random = systemRandom } = options;
    this.store = store;
    this.id = parseNodeId(store.self);
    this.role = role;
    this.#clock = clock;
    if (insecure && options.security !== undefined) throw new AstraError("EINVAL", "a router is given security, or is insecure, not both");
    const security = options.security === undefined ? undefined : new Security(this.id, options.security, clock, random);
    this.#security = security;
    const { authorize } = options;
    const { key = security?.identity.publicKey ?? random(16), idleTimeoutMs = 15_000, session = {} } = options;
    if (key.length > 64) throw new AstraError("EINVAL", `a key of ${key.length} bytes is longer than 64`);
    this.#wires = new Wires(transports, { insecure, encrypts: security !== undefined, guarded: security?.guarded === true || authorize !== undefined });
    this.#limits = { ...defaultLimits, ...options.limits };
    const { maxDials, listenerBacklog, maxListeners, maxMemberships } = this.#limits;
    this.#ports = new PortTable({ id: this.id, random, authorize, backlog: listenerBacklog, maxListeners });
    this.#loop = new LoopSession(clock, random, (stream) => this.#ports.incoming(stream, this.id));
    this.#links = new Links({
      id: this.id,
      role,
      key,
      wires: this.#wires,
      security,
      authorize,
      limits: this.#limits,
      idleTimeoutMs,
      session,
      clock,
      random,
      incarnation: () => store.incarnation,
      listens: () => [...this.#listeners].map(({ address }) => address),
      up: (link) => this.#up(link),
      leaving: (link) => this.#exchanges.get(link)?.end(),
      closed: (link) => void this.#exchanges.delete(link),
      message: (link, message) => (isReplicaMessage(message.t) ? this.#exchanges.get(link)?.take(message) : "unknown"),
      dial: (stream, peer) => this.#ports.incoming(stream, peer),
      emit: (event) => this.#emit(event),
    });
    this.#memberships = new Memberships({
      clock,
      random,
      maxMemberships,
      slots: new DialSlots(maxDials),
      dial: (network, address) => this.#links.dial(this.#wires.find(network), network, address),
      gone: (peer, signal) => this.#links.peers.gone(peer, signal),
      best: (peer) => this.#links.peers.best(peer),
      failed: ({ network, address }, error, retryInMs) => this.#emit({ type: "joinerror", network, address, error, retryInMs }),
    });
    const { recordsPerSecond, forgetAfterMs } = this.#limits;
    this.#replication = new Replication({
      store,
      reachability: this.reachability,
      forwards: () => this.#forwards,
      recordsPerSecond,
      forgetAfterMs,
      clock,
      random,
    });
    this.reachability.subscribe((id) => this.#emit({ type: "reachability", id, cost: this.reachability.cost(id) }));
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /** Which nodes can be reached, and at what cost: an UP link's round trip, in milliseconds. */
  get reachability(): Reachability {
    return this.#links.peers;
  }

  /** The public key that this node's id is of; undefined without security. */
  get publicKey(): Uint8Array | undefined {
    return this.#security?.identity.publicKey;
  }

  /** Every link that is not closed. */
  get links(): readonly Link[] {
    return this.#links.all;
  }

  /** One entry for each node that can be reached. */
  routes(): RouteInfo[] {
    return this.#links.peers.ids().map((id) => {
      const rttMs = this.#links.peers.cost(id) ?? 0;
      return { id, via: [], hops: 1, cost: rttMs, rttMs };
    });
  }

  /**
   * Accepts links at `address`. Rejects with ERR_ASTRANET_INSECURE beyond loopback without `insecure`, ERR_ASTRANET_NO_TRANSPORT for an unknown
   * network, with what the transport says otherwise, and with `signal.reason` after an abort, when nothing listens.
   */
  async listen(network: string, address: string, options: { signal?: AbortSignal } = {}): Promise<TransportListener> {
    this.#checkOpen();
    const transport = this.#wires.findListening(network, address);
    const { signal } = options;
    const listener = await transport.listen(network, address, {
      onconnection: (connection) => this.#links.accept(network, connection),
      ...(signal === undefined ? {} : { signal }),
    });
    if (this.#closing !== undefined) {
      await listener.close();
      this.#checkOpen();
    }
    this.#listeners.add(listener);
    this.#replication.announce();
    void listener.closed.then(() => this.#listeners.delete(listener));
    return listener;
  }

  /**
   * Links with whoever answers at `address`, and links again for ever when the link is lost. Resolves at the first link.
   * Rejects with a failure that cannot heal (another protocol, this node itself, ERR_ASTRANET_INSECURE, …), with any first failure under
   * `retry: false`, and with `signal.reason` after an abort; then no further dial is made.
   */
  async join(network: string, address: string, options: JoinOptions = {}): Promise<Membership> {
    this.#checkOpen();
    this.#wires.checkDial(network, address);
    return this.#memberships.join(network, address, options);
  }

  /**
   * Makes a link out of a connection, at once: nothing has to be awaited, and its two ends may be in one process.
   * `initiator`: whether this side is the one that dialled; left out, the two ends settle it. `trust: "local"`: the far end is on this
   * machine, whatever its address says.
   */
  attach(connection: Connection, options: { initiator?: boolean; trust?: "local" } = {}): Link {
    this.#checkOpen();
    const { initiator, trust } = options;
    return this.#links.attach(connection, initiator, trust === "local");
  }

  /** Listens on a virtual port. Throws EADDRINUSE, EINVAL for a port out of range, ERR_ASTRANET_OVERLOAD beyond the limit of listeners. */
  bind(init: BindInit): Listener {
    this.#checkOpen();
    return this.#ports.bind(init);
  }

  /**
   * Opens a Conn to a port of a node (this one too). Resolves when the listener's side accepted. Rejects with EHOSTUNREACH where there is no
   * link, ECONNREFUSED (retryable) where nobody is bound or the backlog is full, ETIMEDOUT, ECONNRESET when the link breaks meanwhile,
   * EINVAL, and with `signal.reason` after an abort; then the other side, if it accepted already, sees a reset.
   */
  async connect(id: NodeId, port: number, options: ConnectOptions = {}): Promise<Conn> {
    this.#checkOpen();
    parseNodeId(id);
    checkConnect(port, options);
    options.signal?.throwIfAborted();
    const session = id === this.id ? this.#loop.session : this.#links.peers.best(id)?.session;
    if (session === undefined) throw new AstraError("EHOSTUNREACH", `there is no way to node ${id}`, { via: [] });
    if (options.peerKey !== undefined) this.#checkKey(id, options.peerKey);
    const from = { id: this.id, port: this.#ports.takeEphemeral() };
    return openConn(session, from, { id, port }, options, this.#clock);
  }

  /** Measures the round trip to a node, in milliseconds. Rejects with EHOSTUNREACH where there is no link. */
  async ping(id: NodeId, options: { signal?: AbortSignal } = {}): Promise<number> {
    const session = parseNodeId(id) === this.id ? this.#loop.session : this.#links.peers.best(id)?.session;
    if (session === undefined) throw new AstraError("EHOSTUNREACH", `there is no way to node ${id}`);
    return session.ping(options);
  }

  /** Calls `callback` with each event, synchronously. Returns what ends it. What it throws becomes an uncaught exception. */
  subscribe(callback: (event: RouterEvent) => void): () => void {
    this.#callbacks.add(callback);
    return () => {
      this.#callbacks.delete(callback);
    };
  }

  /** No new links, dials or listeners; running streams finish, for 5 s at most; then the links go. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // The listeners first: what they say on their way out still needs the links.
    const listeners = [...this.#listeners].map((listener) => listener.close());
    await this.#ports.close();
    await Promise.all([this.#memberships.close(), this.#links.close(), this.#loop.close(), ...listeners]);
    this.#replication.close();
    this.#resolveClosed();
  }

  /** The key that an id is of is proven wherever there is encryption. */
  #checkKey(id: NodeId, wanted: Uint8Array): void {
    if (this.#security === undefined) throw new AstraError("ERR_ASTRANET_INSECURE", "peerKey cannot be checked: links are in clear, and nobody proves a key");
    const key = id === this.id ? this.#security.identity.publicKey : this.#links.peers.best(id)?.hello.key;
    if (key === undefined || !sameBytes(key, wanted)) throw new AstraError("EACCES", `node ${id} has another key than peerKey`, { via: [id] });
  }

  /** Whether this node hands on what it hears of others. */
  get #forwards(): boolean {
    return this.role === "router" || (this.role === "auto" && this.#listeners.size > 0);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the node is closed");
  }

  #up(link: NodeLink): void {
    const { id: peer, role } = link.hello;
    this.#exchanges.set(
      link,
      new RecordExchange({
        replication: this.#replication,
        peer,
        forwards: () => role === "router" || role === "auto",
        clock: this.#clock,
        send: (message) => link.send(message),
        refused: (error) => this.#emit({ type: "recordrefused", peer, error }),
      }),
    );
  }

  #emit(event: RouterEvent): void {
    for (const callback of [...this.#callbacks]) {
      try {
        callback(event);
      } catch (error) {
        // A subscriber's mistake is its own: it surfaces as an uncaught exception, and the node goes on.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
