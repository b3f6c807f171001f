import { type Choice, type CustomSelect, parseBindAddress, parseDialAddress, parseDialNetwork, parseEnv, type Registry, type SelectPolicy, type ServiceInfo } from "@astranet/discovery";
import { type Conn, isNodeId, type JoinOptions, type Link, type Listener, type Membership, type NodeId, type NodeRole, type RouteInfo } from "@astranet/router";
import { AstraError, type Pipe, toConnection, type TransportListener } from "@astranet/transport";
import { closedError, Core } from "./core.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { AstraNetEventType, AstraNetListener, AstraNetListenerOptions } from "./events.ts";
import { type AstraNetOptions, checkOptions } from "./options.ts";
import { type Trace, whyOf } from "./trace.ts";

interface Abortable {
  readonly signal?: AbortSignal;
}

/** How a view is told its node. */
const viewOf: unique symbol = Symbol("view of");

interface ViewOptions extends AstraNetOptions {
  readonly [viewOf]?: Core;
}

/** What `bind` takes besides the address. */
export interface BindOptions {
  /** Dials that may wait for `accept`. Default 1,024; beyond it they are refused, and another provider is tried. */
  readonly backlog?: number;
  /** 1 … 255 (with 0 it is offered to nobody): how much of the load this provider is to get where dials choose by weight. Default 100. */
  readonly weight?: number;
  /** Seen by whoever lists services. At most 16, and 512 bytes together. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Dialled by those who know the name, and not listed. Default false. */
  readonly hidden?: boolean;
  /**
   * Of all exclusive providers of the name that can be reached, only the one that was bound first is dialled, the same one everywhere. In each part of a
   * network that fell apart there is one: it is no lock. Default false.
   */
  readonly exclusive?: boolean;
  /** Another exclusive provider goes before this one, which nobody dials by name meanwhile; undefined: not any more. */
  readonly onconflict?: (winner: ServiceInfo | undefined) => void;
  /** Whether the service is well, asked again and again: while it is not (false, throws, or no answer until the next time) nobody dials it by name. Default: not asked. */
  readonly check?: () => boolean | Promise<boolean>;
  /** Between two checks. Default 5,000. */
  readonly checkIntervalMs?: number;
}

/** What `dial` takes besides the address. */
export interface DialOptions extends Abortable {
  /** For everything together: waiting for a provider, choosing, connecting. Default 10,000. Under Infinity a provider that does not accept is waited for. */
  readonly timeoutMs?: number;
  /** How to choose among the providers of a name. Default 'nearest'. */
  readonly select?: SelectPolicy | CustomSelect;
  /** The same provider for the same key, as long as it is there; goes before `select`. */
  readonly affinity?: string;
  /** 0 first … 7 last. Default 3. */
  readonly urgency?: number;
  /** W3C trace context, handed to the listener's side; at most 512 characters. */
  readonly trace?: string;
  /** The public key, 32 bytes, that the other node must have: another fails with EACCES before anything is sent. An id alone is 8 bytes of its hash. */
  readonly peerKey?: Uint8Array;
}

/** What `trace` takes besides the target. */
export interface TraceOptions extends Abortable, Pick<DialOptions, "select" | "affinity"> {
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

/**
 * A node of the network, or a view of one in another namespace (see `withEnv`).
 * It begins with `listenAndServe`, `join` or `attach`, and ends with `close`.
 */
export class AstraNet implements AsyncDisposable {
  /** The namespace of the names it binds and dials; '' is the one without a name. */
  readonly env: string;
  readonly #core: Core;
  /** What a view opened and closes; the node itself closes everything. */
  readonly #listeners: Set<Listener> | undefined;
  /** Which services are listed: undefined for those of every namespace. */
  readonly #shows: string | undefined;
  #closing: Promise<void> | undefined;

  /** Throws EINVAL that names the option which is wrong, and its value; ERR_ASTRANET_INSECURE for one that this version cannot honour. */
  constructor(options: AstraNetOptions = {}) {
    checkOptions(options);
    const core = (options as ViewOptions)[viewOf];
    this.env = envOf(options.env);
    this.#core = core ?? new Core(options);
    this.#listeners = core === undefined ? undefined : new Set();
    this.#shows = core === undefined && this.env === "" ? undefined : this.env;
  }

  /** 16 lower-case hexadecimal digits, of which one at least is a letter. Drawn anew for each node. */
  get id(): NodeId {
    return this.#core.router.id;
  }

  /** The public key that the id is of, 32 bytes; undefined under `insecure`. For `peerKey` of those who dial this node. */
  get publicKey(): Uint8Array | undefined {
    return this.#core.router.publicKey;
  }

  get role(): NodeRole {
    return this.#core.router.role;
  }

  /** Resolves when `close` of the node is through; never rejects. */
  get closed(): Promise<void> {
    return this.#core.router.closed;
  }

  /** Every link that is not closed, of any state. */
  get links(): readonly Link[] {
    return this.#core.router.links;
  }

  // ---- links ----

  /**
   * Accepts links: ('tcp4', ':10000'), ('unix', '/run/a.sock'), or one URL. The result's `address` has the real port, and `join` takes it unchanged.
   * Rejects with ERR_ASTRANET_INSECURE beyond loopback without `secret`, `authorize` or `insecure: true`, ERR_ASTRANET_NO_TRANSPORT for an unknown network,
   * EINVAL, EADDRINUSE, EACCES; after an abort with `signal.reason`, when nothing listens.
   */
  async listenAndServe(network: string, address: string, options?: Abortable): Promise<TransportListener>;
  async listenAndServe(url: string, options?: Abortable): Promise<TransportListener>;
  async listenAndServe(first: string, second?: string | Abortable, third?: Abortable): Promise<TransportListener> {
    const [text, options = {}] = typeof second === "object" ? [undefined, second] : [second, third];
    this.#checkOpen();
    const { network, address } = parseEndpoint(first, text, this.#core.transports);
    return this.#core.router.listen(network, address, options);
  }

  /**
   * Links with whoever answers at the address, and links again for ever when the link is lost. Resolves at the first link.
   * Each failure is a 'joinerror'; one that cannot heal (another protocol, this node itself) rejects, and so does the first of any kind with `retry: false`.
   * Rejects with `signal.reason` after an abort; then no further attempt is made.
   */
  async join(network: string, address: string, options?: JoinOptions): Promise<Membership>;
  async join(url: string, options?: JoinOptions): Promise<Membership>;
  async join(first: string, second?: string | JoinOptions, third?: JoinOptions): Promise<Membership> {
    const [text, options = {}] = typeof second === "object" ? [undefined, second] : [second, third];
    this.#checkOpen();
    const { network, address } = parseEndpoint(first, text, this.#core.transports);
    return this.#core.router.join(network, address, options);
  }

  /**
   * Makes a link out of a pipe, at once: a Connection, a pair of WHATWG streams, a WebSocket, a MessagePort (`toConnection` of
   * `astranet/node` makes one out of a Duplex). Both ends may be in one process. Without `initiator` the ends settle it themselves.
   * Throws EINVAL for what is no pipe.
   */
  attach(pipe: Pipe, options: { readonly initiator?: boolean } = {}): Link {
    this.#checkOpen();
    return this.#core.router.attach(toConnection(pipe), options);
  }

  // ---- ports and services ----

  /**
   * Listens: ':80', 'name' or 'name:80'; ':0' or no port takes a free one. The network is ''. Two binds of a name are two providers.
   * Throws EINVAL with the reason, EADDRINUSE for a port that is taken, EACCES for a name on a node of role 'client'.
   */
  bind(network: string, address: string, options?: BindOptions): Listener;
  bind(address: string, options?: BindOptions): Listener;
  bind(first: string, second?: string | BindOptions, third?: BindOptions): Listener {
    const [network, address, options = {}] = typeof second === "string" ? [first, second, third] : ["", first, second];
    this.#checkOpen();
    if (network !== "") throw new AstraError("EINVAL", `cannot bind network ${JSON.stringify(network)}: a bind's network is ""`);
    const { service, port } = parseBindAddress(address);
    const { backlog, ...entry } = options;
    const common = { port, ...(backlog === undefined ? {} : { backlog }) };
    if (service === undefined) return this.#keep(this.#core.router.bind(common));
    if (this.role === "client") throw new AstraError("EACCES", `a node of role "client" offers no services, so it cannot bind "${service}"; ":${String(port)}" it can`);
    const { env } = this;
    const listener = this.#core.router.bind({ ...common, service, env, ondrain: () => publication?.drain(), onclose: () => publication?.withdraw() });
    let publication: ReturnType<Core["directory"]["publish"]> | undefined;
    try {
      publication = this.#core.directory.publish({ ...entry, name: service, env, port: listener.port });
    } catch (error) {
      void listener.close();
      throw error;
    }
    return this.#keep(listener);
  }

  /**
   * Opens a Conn to a provider of 'name' (waiting for a first one), of 'name:80', or to 'id:80'. Resolves when the listener's side accepted; a
   * provider that refuses before that, or is lost, or has not accepted in half of the time that is left, is replaced by another, two times at most.
   * The network is '', or says as Go's did how to choose: 'registry://key', 'vport2registry'. Rejects with ENOTFOUND where there was no provider in time,
   * EHOSTUNREACH, ECONNREFUSED, ECONNRESET where the way to the last one broke, ETIMEDOUT, EACCES, EINVAL with the reason, and with `signal.reason` after an abort;
   * then nothing is left over.
   */
  async dial(network: string, address: string, options?: DialOptions): Promise<Conn>;
  async dial(address: string, options?: DialOptions): Promise<Conn>;
  async dial(first: string, second?: string | DialOptions, third?: DialOptions): Promise<Conn> {
    const [network, address, options = {}] = typeof second === "string" ? [first, second, third] : ["", first, second];
    this.#checkOpen();
    const way = parseDialNetwork(network);
    const target = parseDialAddress(address);
    const { signal, timeoutMs = 10_000, select, affinity = way.affinity, peerKey, ...connectOptions } = options;
    const pinned = peerKey === undefined ? {} : { peerKey };
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) throw new AstraError("EINVAL", `timeoutMs is a number of milliseconds, not ${String(timeoutMs)}`);
    const { router, resolver } = this.#core;
    return this.#core.pending(signal, async (either) => {
      if (target.kind === "node") return router.connect(target.id, target.port, { ...connectOptions, ...pinned, timeoutMs, signal: either });
      const { env } = this;
      const { name, port } = target;
      const hashed = way.portIsAffinity === true && port !== undefined ? String(port) : affinity;
      const query = {
        name,
        env,
        timeoutMs,
        signal: either,
        ...(port === undefined || way.portIsAffinity === true ? {} : { port }),
        ...(select === undefined ? {} : { select }),
        ...(hashed === undefined ? {} : { affinity: hashed }),
      };
      return resolver.resolve(query, (provider, left) => router.connect(provider.id, provider.port, { ...connectOptions, ...pinned, ...left, service: name, env }));
    });
  }

  /** As `dial`, within `timeoutMs`. */
  dialTimeout(network: string, address: string, timeoutMs: number): Promise<Conn> {
    return this.dial(network, address, { timeoutMs });
  }

  /** As `dial`, of what HTTP calls a host: HTTP's own port 80 stands for any port of a name, so `http://web/` is 'web' and `http://web:8080/` is 'web:8080'. */
  httpDial(network: string, host: string, options: DialOptions = {}): Promise<Conn> {
    const [, name] = /^([^:]*):80$/.exec(host) ?? [];
    return this.dial(network, name === undefined || isNodeId(name) ? host : name, options);
  }

  /** The services that can be dialled now, by name, nearest first: of this namespace, or of all where this is a node without one. None once `close` was called. */
  services(): ServiceInfo[] {
    return this.#isClosed ? [] : this.#core.directory.services(this.#shows);
  }

  /** The same by name, live. It ends with the node, and stays as it was then. */
  serviceMap(): Registry<ServiceInfo> {
    return this.#core.directory.registry(this.#shows);
  }

  /** One entry for each node that can be reached. None once `close` was called. */
  routes(): RouteInfo[] {
    return this.#isClosed ? [] : this.#core.router.routes();
  }

  /** The same by id, live. It ends with the node, and stays as it was then. */
  routesMap(): Registry<RouteInfo> {
    return this.#core.routes;
  }

  /** The nearest provider of a name, as soon as there is one. Rejects with `signal.reason` after an abort, and when the node closes. */
  async waitFor(name: string, options: Abortable = {}): Promise<ServiceInfo> {
    this.#checkOpen();
    const target = parseDialAddress(name);
    if (target.kind === "node") throw new AstraError("EINVAL", `cannot wait for ${JSON.stringify(name)}: it is the address of a node, not the name of a service`);
    const port = target.port === undefined ? {} : { port: target.port };
    return this.#core.pending(options.signal, (signal) => this.#core.directory.waitFor(target.name, this.env, { signal, ...port }));
  }

  /** The round trip, in milliseconds, to a node (its id, or 'id:port') or to the nearest provider of a name. Rejects with EHOSTUNREACH, ENOTFOUND. */
  async ping(target: string, options: Abortable = {}): Promise<number> {
    this.#checkOpen();
    const parsed = isNodeId(target) ? { kind: "node" as const, id: target } : parseDialAddress(target);
    const id = parsed.kind === "node" ? parsed.id : this.#core.directory.providers(parsed.name, this.env, parsed.port)[0]?.id;
    if (id === undefined) throw new AstraError("ENOTFOUND", `there is no provider of ${JSON.stringify(target)} now`);
    return this.#core.router.ping(id, options);
  }

  /**
   * Measures the way to a node (its id, or 'id:port') or to the provider of a name that a dial would take now: each node on it, the round trip of each
   * link, and why this provider. Rejects with ENOTFOUND where there is no provider, EHOSTUNREACH where there is no way, ETIMEDOUT after `timeoutMs`
   * (default 10,000), and with `signal.reason` after an abort. A way that broke off is told as far as it went, with the `error`.
   */
  async trace(target: string, options: TraceOptions = {}): Promise<Trace> {
    this.#checkOpen();
    const { signal, timeoutMs = 10_000, select, affinity } = options;
    const parsed = isNodeId(target) ? { kind: "node" as const, id: target } : parseDialAddress(target);
    const { router, resolver } = this.#core;
    let choice: Choice | undefined;
    if (parsed.kind === "service") {
      const { name, port } = parsed;
      choice = resolver.explain({ name, env: this.env, ...(port === undefined ? {} : { port }), ...(select === undefined ? {} : { select }), ...(affinity === undefined ? {} : { affinity }) });
      if (choice === undefined) throw new AstraError("ENOTFOUND", `there is no provider of ${JSON.stringify(target)} now`);
    }
    const id = parsed.kind === "node" ? parsed.id : choice!.chosen.id;
    const route = await this.#core.pending(signal, (either) => router.trace(id, { signal: either, timeoutMs }));
    return { id, choice, why: whyOf(choice), ...route };
  }

  // ---- events ----

  /** 'linkup', 'linkdown', 'linkerror', 'joinerror', 'refused', 'reachability', …: see `AstraNetEventMap`. As of an EventTarget. */
  addEventListener<Type extends AstraNetEventType>(type: Type, listener: AstraNetListener<Type>, options?: AstraNetListenerOptions): void {
    this.#core.events.addEventListener(type, listener as EventListener, options);
  }

  removeEventListener<Type extends AstraNetEventType>(type: Type, listener: AstraNetListener<Type>): void {
    this.#core.events.removeEventListener(type, listener as EventListener);
  }

  // ---- other nodes, other views ----

  /**
   * A view of this node whose names live in the namespace that the parts name, instead of in this one: `withEnv("prod", "eu")`, or "prod.eu",
   * as a service's `env` has it. Throws EINVAL for a part that is wrong. `services` lists that namespace only;
   * addresses of nodes are the same in all. Closing it closes the listeners it bound, and nothing else.
   */
  withEnv(...env: readonly string[]): AstraNet {
    this.#checkOpen();
    const options: ViewOptions = { [viewOf]: this.#core, env };
    return new AstraNet(options);
  }

  /** A new node with this one's configuration, and an id of its own. */
  new(): AstraNet {
    return this.#copy({});
  }

  /** A new node with this one's configuration, of role 'client'. */
  client(): AstraNet {
    return this.#copy({ role: "client" });
  }

  /** A new node with this one's configuration, of role 'server'. */
  server(): AstraNet {
    return this.#copy({ role: "server" });
  }

  /** A new node with this one's configuration, of role 'router'. */
  router(): AstraNet {
    return this.#copy({ role: "router" });
  }

  /** A new node with this one's configuration and Go's link to itself: see `AstraNetOptions.loopback`. */
  withLoopBack(): AstraNet {
    return this.#copy({ loopback: true });
  }

  // ---- the end ----

  /** No new links, dials or listeners; running streams finish, for 5 s at most; then the links go. Of a view: see `withEnv`. */
  close(): Promise<void> {
    this.#closing ??= this.#listeners === undefined ? this.#core.close() : closeAll(this.#listeners);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #copy(changes: AstraNetOptions): AstraNet {
    // An identity is one node's; another one with it would be taken for its next life.
    const { identity: _own, ...options } = this.#core.options;
    return new AstraNet({ ...options, env: this.env, ...changes });
  }

  #keep(listener: Listener): Listener {
    const listeners = this.#listeners;
    listeners?.add(listener);
    void listener.closed.then(() => listeners?.delete(listener));
    return listener;
  }

  get #isClosed(): boolean {
    return this.#closing !== undefined || this.#core.isClosed;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}

async function closeAll(listeners: Iterable<Listener>): Promise<void> {
  await Promise.all([...listeners].map((listener) => listener.close()));
}

function envOf(env: AstraNetOptions["env"] = ""): string {
  if (env === "") return "";
  const parts: readonly unknown[] = Array.isArray(env) ? env : [env];
  return parseEnv(...parts.flatMap((part) => (typeof part === "string" ? part.split(".") : [part as string])));
}
