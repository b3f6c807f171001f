import { Replication, isReplicaMessage, type Reachability, type RecordStore } from "@astranet/discovery";
import { type Session, UnreadBudget } from "@astranet/mux";
import { AstraError, Subscribers, systemClock, systemRandom, type Clock, type Connection, type TransportListener } from "@astranet/transport";
import { asAstraError } from "./as-astra-error.ts";
import { checkRouterOptions } from "./check-options.ts";
import type { CircuitEvent, CircuitStats } from "./circuit/circuit-types.ts";
import type { RouteTrace } from "./circuit/trace.ts";
import type { RouterEvent } from "./events.ts";
import { Follower } from "./follower.ts";
import { maxAddresses } from "./graph/node-record.ts";
import type { Route as RouteInfo } from "./graph/topology.ts";
import { DialSlots } from "./link/dial-slots.ts";
import type { Link } from "./link/link-types.ts";
import { sameBytes } from "./link/hello.ts";
import { Links } from "./link/links.ts";
import type { NodeLink } from "./link/node-link.ts";
import { RecordExchange } from "./link/record-exchange.ts";
import { LoopSession } from "./loop-session.ts";
import type { JoinOptions, Membership } from "./membership.ts";
import { Memberships } from "./memberships.ts";
import { Mesh } from "./mesh.ts";
import { parseNodeId, type NodeId } from "./node-id.ts";
import type { Conn } from "./ports/conn.ts";
import { checkConnect, openConn } from "./ports/open-conn.ts";
import { PortTable } from "./ports/port-table.ts";
import type { BindInit, ConnectOptions, Listener } from "./ports/port-types.ts";
import { defaultLimits, type NodeRole, type RouterLimits, type RouterOptions } from "./router-options.ts";
import { Security } from "./security.ts";
import { isEverywhere } from "./wire-address.ts";
import { Wires } from "./wires.ts";
import { withDefaults } from "./with-defaults.ts";

/** What all streams of a node together may hold unread, unless its owner says otherwise: 256 MiB. */
const defaultUnreadBytes = 268_435_456;

/** A node's links, ports and listeners, and its ways to the nodes beyond its neighbours. */
export class Router implements AsyncDisposable {
  readonly id: NodeId;
  readonly role: NodeRole;
  readonly store: RecordStore;
  /** Resolves when `close` is through. */
  readonly closed: Promise<void>;
  readonly #wires: Wires;
  readonly #limits: RouterLimits;
  readonly #clock: Clock;
  readonly #links: Links;
  readonly #mesh: Mesh;
  readonly #exchanges = new Map<NodeLink, RecordExchange>();
  readonly #replication: Replication;
  readonly #ports: PortTable;
  readonly #loop: LoopSession;
  readonly #memberships: Memberships;
  /** By listener, its network. */
  readonly #listeners = new Map<TransportListener, string>();
  readonly #advertise: readonly string[] | undefined;
  readonly #follower: Follower | undefined;
  readonly #callbacks = new Subscribers<[event: RouterEvent]>((error) => {
    // A subscriber's mistake is its own: it surfaces as an uncaught exception, and the node goes on.
    queueMicrotask(() => {
      throw error;
    });
  });
  #closing: Promise<void> | undefined;
  #resolveClosed: () => void = () => undefined;

  /** Throws EINVAL that names the option which is wrong, and for a store whose `self` is no node id. */
  constructor(options: RouterOptions) {
    checkRouterOptions(options);
    const { store, role = "auto", insecure = false, transports = [], clock = systemClock, random = systemRandom } = options;
    this.store = store;
    this.id = parseNodeId(store.self);
    this.role = role;
    this.#clock = clock;
    if (insecure && options.security !== undefined) throw new AstraError("EINVAL", "a router is given security, or is insecure, not both");
    const security = options.security === undefined ? undefined : new Security(this.id, options.security, clock, random);
    const { authorize } = options;
    const { key = security?.identity.publicKey ?? random(16), idleTimeoutMs = 15_000 } = options;
    const { maxUnreadBytes = defaultUnreadBytes, ...more } = options.session ?? {};
    // One budget for all sessions of the node: neighbours and circuits come and go, its memory does not grow with them.
    const session = { ...more, maxUnreadBytes: typeof maxUnreadBytes === "number" ? new UnreadBudget(maxUnreadBytes) : maxUnreadBytes };
    this.#wires = new Wires(transports, { insecure, encrypts: security !== undefined, guarded: security?.guarded === true || authorize !== undefined });
    this.#limits = withDefaults(defaultLimits, options.limits);
    this.#advertise = options.advertise;
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
      linkFactor: options.linkFactor,
      limits: this.#limits,
      idleTimeoutMs,
      session,
      clock,
      random,
      incarnation: () => store.incarnation,
      listens: () => [...this.#listeners.keys()].map(({ address }) => address),
      up: (link) => this.#up(link),
      leaving: (link) => this.#exchanges.get(link)?.end(),
      closed: (link) => void this.#exchanges.delete(link),
      message: (link, message) => (isReplicaMessage(message.t) ? this.#exchanges.get(link)?.take(message) : "unknown"),
      dial: (stream, peer) => this.#ports.incoming(stream, peer),
      circuit: (stream, peer) => this.#mesh.incoming(stream, peer),
      emit: (event) => this.#emit(event),
    });
    this.#mesh = new Mesh({
      self: this.id,
      role,
      store,
      peers: this.#links.peers,
      security,
      authorize,
      relays: () => this.#relays,
      addresses: () => this.#addresses,
      session,
      limits: options.circuitLimits ?? {},
      clock,
      random,
      dial: (stream, peer) => this.#ports.incoming(stream, peer),
      emit: (event) => this.#circuitEvent(event),
    });
    const { follow } = options;
    // A server is dialled, and dials nobody.
    if (follow !== undefined && role !== "server") {
      this.#follower = new Follower({
        clock,
        filter: follow,
        maxLinks: this.#limits.maxFollowedLinks,
        addresses: (id) => this.#mesh.topology.node(id)?.addresses ?? [],
        hasLink: (id) => this.#links.peers.best(id) !== undefined,
        linkCount: () => this.#links.all.length,
        dial: (network, address) => {
          this.#wires.checkDial(network, address);
          return this.#links.dial(this.#wires.find(network), network, address);
        },
      });
    }
    this.#memberships = new Memberships({
      clock,
      random,
      maxMemberships,
      slots: new DialSlots(maxDials),
      dial: (network, address) => this.#links.dial(this.#wires.find(network), network, address),
      gone: (hello, signal) => this.#links.peers.gone(hello, signal),
      best: (peer) => this.#links.peers.best(peer),
      failed: ({ network, address }, error, retryInMs) => this.#emit({ type: "joinerror", network, address, error: asAstraError(error), retryInMs }),
    });
    const { recordsPerSecond, forgetAfterMs } = this.#limits;
    this.#replication = new Replication({
      store,
      reachability: this.reachability,
      forwards: () => this.#relays,
      recordsPerSecond,
      forgetAfterMs,
      clock,
      random,
    });
    this.#mesh.topology.subscribe((id) => this.#emit({ type: "reachability", id, cost: this.reachability.cost(id) }));
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /** Which nodes can be reached, over links and relays, and at what cost: about the round trip, in milliseconds. */
  get reachability(): Reachability {
    return this.#mesh.topology;
  }

  /** The public key that this node's id is of; undefined without security. */
  get publicKey(): Uint8Array | undefined {
    return this.keyOf(this.id);
  }

  /** Whether this node takes no new circuits of others for now. Everybody is told; it can be reached all the same. Default false. */
  get overloaded(): boolean {
    return this.#mesh.overloaded;
  }

  set overloaded(overloaded: boolean) {
    this.#mesh.overloaded = overloaded;
  }

  /** Every link that is not closed. */
  get links(): readonly Link[] {
    return this.#links.all;
  }

  /** One entry for each node that can be reached. */
  routes(): RouteInfo[] {
    return this.#mesh.topology.routes().map((route) => this.#measured(route));
  }

  /** How one node can be reached; undefined where it cannot, and for this one. */
  route(id: NodeId): RouteInfo | undefined {
    const route = this.#mesh.topology.route(id);
    return route === undefined ? undefined : this.#measured(route);
  }

  /** The public key that a node proves to have wherever it is met; undefined for one that is not known, and without security. */
  keyOf(id: NodeId): Uint8Array | undefined {
    return this.#mesh.keyOf(id);
  }

  /** Circuits that end here or lead through here. */
  get circuits(): CircuitStats {
    return this.#mesh.stats();
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
    this.#listeners.set(listener, network);
    this.#listening();
    void listener.closed.then(() => {
      this.#listeners.delete(listener);
      this.#listening();
    });
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
   * Opens a Conn to a port of a node (this one too). Resolves when the listener's side accepted. Over a link where there is one, else over
   * a circuit through relays. Rejects with EHOSTUNREACH where there is no way, ECONNREFUSED (retryable) where nobody is bound or the backlog is full, ETIMEDOUT, ECONNRESET when the way breaks meanwhile,
   * EACCES where the other node, or a relay, does not allow it, EINVAL, and with `signal.reason` after an abort; then the other side, if it accepted already, sees a reset.
   */
  async connect(id: NodeId, port: number, options: ConnectOptions = {}): Promise<Conn> {
    this.#checkOpen();
    parseNodeId(id);
    checkConnect(port, options);
    const { signal, timeoutMs = 10_000, peerKey } = options;
    signal?.throwIfAborted();
    const startedAt = this.#clock.now();
    const attempt = async (): Promise<Conn> => {
      const session = await this.#session(id, { timeoutMs, ...(signal === undefined ? {} : { signal }) });
      signal?.throwIfAborted();
      this.#checkOpen();
      if (peerKey !== undefined) this.#checkKey(id, peerKey);
      const from = { id: this.id, port: this.#ports.takeEphemeral() };
      const left = Math.max(timeoutMs - (this.#clock.now() - startedAt), 0);
      return openConn(session, from, { id, port }, { ...options, timeoutMs: left }, this.#clock);
    };
    try {
      return await attempt();
    } catch (error) {
      // The dial has crossed the farewell of the session that it took, an idle circuit's for instance; nobody has seen it.
      const crossed = AstraError.is(error) && error.retryable && (error.code === "ERR_ASTRANET_SESSION_CLOSED" || error.code === "ERR_ASTRANET_SESSION_DRAINING");
      if (!crossed || signal?.aborted === true) throw error;
      return attempt();
    }
  }

  /** Measures the round trip to a node, in milliseconds. Rejects with EHOSTUNREACH where there is no way. */
  async ping(id: NodeId, options: { signal?: AbortSignal } = {}): Promise<number> {
    this.#checkOpen();
    const session = await this.#session(parseNodeId(id), options);
    return session.ping(options);
  }

  /**
   * Measures every hop of the path that a new circuit to a node takes. A neighbour is one hop. Rejects with EHOSTUNREACH where there is no way,
   * ETIMEDOUT after `timeoutMs` (default 10,000), and with `signal.reason` after an abort.
   */
  async trace(id: NodeId, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<RouteTrace> {
    this.#checkOpen();
    if (parseNodeId(id) === this.id) return { path: [id], hops: [], rttMs: 0 };
    return this.#mesh.trace(id, options);
  }

  /** See {@link Replication.waiting}. @internal */
  waitingRecords(origin?: NodeId): ReturnType<Replication["waiting"]> {
    return this.#replication.waiting(origin);
  }

  /** Calls `callback` with each event, synchronously. Returns what ends it. What it throws becomes an uncaught exception. */
  subscribe(callback: (event: RouterEvent) => void): () => void {
    return this.#callbacks.add(callback);
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
    this.#mesh.leave();
    this.#follower?.close();
    const listeners = [...this.#listeners.keys()].map((listener) => listener.close());
    await this.#ports.close();
    await this.#mesh.close();
    await Promise.all([this.#memberships.close(), this.#links.close(), this.#loop.close(), ...listeners]);
    this.#replication.close();
    this.#resolveClosed();
  }

  /** The key that an id is of is proven wherever there is encryption. */
  #checkKey(id: NodeId, wanted: Uint8Array): void {
    if (this.publicKey === undefined) throw new AstraError("ERR_ASTRANET_INSECURE", "peerKey cannot be checked: links are in clear, and nobody proves a key");
    const key = this.keyOf(id);
    if (key === undefined || !sameBytes(key, wanted)) throw new AstraError("EACCES", `node ${id} has another key than peerKey`, { via: [id] });
  }

  /** What a link measures is newer than what is advertised of it. */
  #measured(route: RouteInfo): RouteInfo {
    return route.hops > 1 ? route : { ...route, rttMs: this.#links.peers.cost(route.id) ?? route.rttMs };
  }

  /** A link's, a circuit's, or this node's own. */
  #session(id: NodeId, options: { signal?: AbortSignal; timeoutMs?: number }): Session | Promise<Session> {
    return id === this.id ? this.#loop.session : this.#mesh.session(id, options);
  }

  /** Whether this node listens decides whether others count on it. */
  #listening(): void {
    if (this.#closing !== undefined) return;
    this.#mesh.announce();
    this.#replication.announce();
  }

  /** Whether this node carries what others say, and their circuits. (Where strangers could come to its listeners, it has a secret, or asks somebody.) */
  get #relays(): boolean {
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

  /** Where others may dial this node: as its owner says, or where it listens, unless that is everywhere. */
  get #addresses(): readonly string[] {
    const all = this.#advertise ?? [...this.#listeners].filter(([{ address }]) => !isEverywhere(address)).map(([{ address }, network]) => `${network} ${address}`);
    return all.slice(0, maxAddresses);
  }

  #circuitEvent(event: CircuitEvent): void {
    if (event.type !== "relayrefused" && event.initiator) {
      if (event.type === "circuitup") this.#follower?.circuitUp(event.peer);
      else this.#follower?.circuitDown(event.peer);
    }
    this.#emit(event);
  }

  #emit(event: RouterEvent): void {
    this.#callbacks.tell(event);
  }
}
