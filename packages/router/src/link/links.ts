import type { SessionOptions, Stream } from "@astranet/mux";
import { AstraError, type Clock, type Connection, type RandomSource, type Transport } from "@astranet/transport";
import { asAstraError } from "../as-astra-error.ts";
import { ask, type Authorize } from "../authorize.ts";
import type { RouterEvent } from "../events.ts";
import type { NodeId } from "../node-id.ts";
import type { NodeRole, RouterLimits } from "../router-options.ts";
import type { Security } from "../security.ts";
import { acceptedIsBeyond, attachedIsBeyond, dialledIsBeyond, type Wires } from "../wires.ts";
import { AcceptGate } from "./accept-gate.ts";
import { idConflict } from "./admission.ts";
import { factorOf, type LinkFactor } from "./link-factor.ts";
import type { ControlMessage } from "./control-codec.ts";
import { selfLinkError } from "./dialler.ts";
import { sameBytes, type Hello } from "./hello.ts";
import type { Link } from "./link-types.ts";
import { NodeLink, type LinkHost, type LinkInit } from "./node-link.ts";
import { PeerTable } from "./peer-table.ts";
import { protocolVersion } from "./preamble.ts";

/** What Links need of their node. */
export interface LinksInit {
  readonly id: NodeId;
  readonly role: NodeRole;
  /** See {@link Hello.key}. */
  readonly key: Uint8Array;
  readonly wires: Wires;
  readonly security: Security | undefined;
  readonly authorize: Authorize | undefined;
  readonly linkFactor: LinkFactor | undefined;
  readonly limits: RouterLimits;
  readonly idleTimeoutMs: number;
  readonly session: Partial<SessionOptions>;
  readonly clock: Clock;
  readonly random: RandomSource;
  incarnation(): bigint;
  /** Where this node listens. */
  listens(): readonly string[];
  /** A link is up, and serves from now on. */
  up(link: NodeLink): void;
  /** It is up no more. Comes once, and only after `up`. */
  leaving(link: NodeLink): void;
  /** It is over, whether it was up or not. */
  closed(link: NodeLink): void;
  message(link: NodeLink, message: ControlMessage): Promise<void> | undefined | "unknown";
  dial(stream: Stream, peer: NodeId): void;
  circuit(stream: Stream, peer: NodeId): void;
  emit(event: RouterEvent): void;
}

/** The links of a node, of any state: made of connections that were attached, dialled or accepted. */
export class Links {
  /** Those that are up, by neighbour. */
  readonly peers: PeerTable;
  readonly #init: LinksInit;
  readonly #host: LinkHost;
  readonly #instance: Uint8Array;
  readonly #gate: AcceptGate;
  readonly #links = new Set<NodeLink>();
  /** Last words of links that were never up. */
  readonly #parting = new Set<Promise<void>>();
  #closing = false;

  constructor(init: LinksInit) {
    this.#init = init;
    this.#instance = init.random(8);
    this.peers = new PeerTable(init.id, init.clock);
    this.#gate = new AcceptGate(init.clock, init.limits);
    this.#host = this.#makeHost();
  }

  get all(): readonly Link[] {
    return [...this.#links];
  }

  attach(connection: Connection, initiator: boolean | undefined, local: boolean): Link {
    return this.#add({ connection, initiator, dialled: "", network: local ? "pipe" : undefined, isBeyond: local ? () => false : attachedIsBeyond });
  }

  dial(transport: Transport, network: string, address: string): NodeLink {
    return this.#add({
      connection: (signal) => transport.dial(network, address, { signal }),
      initiator: true,
      dialled: `${network} ${address}`,
      network,
      isBeyond: (connection) => dialledIsBeyond(network, address, connection),
    });
  }

  /** Makes a link of a connection that a listener accepted, or turns it away (event `refused`). */
  accept(network: string, connection: Connection): void {
    const { remoteAddress } = connection;
    try {
      if (this.#closing) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the node is closed");
      this.#checkRoom();
      const leave = this.#gate.enter(remoteAddress, (error) => link.fail(error));
      const link = this.#add({ connection, initiator: false, dialled: "", network, isBeyond: (accepted) => acceptedIsBeyond(network, accepted) });
      link.ready.then(leave, leave);
    } catch (error) {
      connection.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
      connection.abort(error);
      this.#init.emit({ type: "refused", remoteAddress, error: asAstraError(error) });
    }
  }

  /** No connection is accepted from now on; the links drain, for 5 s at most. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#links].map((link) => link.close()));
    // Memberships may have ended links just before.
    await Promise.all(this.#parting);
  }

  #checkRoom(): void {
    const { maxLinks } = this.#init.limits;
    if (this.#links.size >= maxLinks) throw new AstraError("ERR_ASTRANET_OVERLOAD", `this node has ${maxLinks} links already`, { retryable: true });
  }

  #add(init: LinkInit): NodeLink {
    this.#checkRoom();
    const link = new NodeLink(this.#host, init);
    this.#links.add(link);
    return link;
  }

  #makeHost(): LinkHost {
    const init = this.#init;
    const { id, clock, random, limits, idleTimeoutMs, session, wires, security } = init;
    return {
      id,
      clock,
      random,
      dialTimeoutMs: limits.dialTimeoutMs,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      idleTimeoutMs,
      session,
      security,
      modeOf: (connection, link) => wires.modeOf(connection, link.init.network, link.init.isBeyond(connection)),
      hello: (link) => this.#hello(link),
      check: (link) => {
        this.#check(link);
        this.#authorize(link);
        this.#weigh(link);
      },
      up: (link) => this.#up(link),
      leaving: (link) => {
        init.leaving(link);
        this.peers.leaving(link);
      },
      closed: (link, error, wasUp) => this.#closed(link, error, wasUp),
      parting: (over) => {
        this.#parting.add(over);
        void over.then(() => this.#parting.delete(over));
      },
      message: (link, message) => init.message(link, message),
      dial: (stream, peer) => init.dial(stream, peer),
      circuit: (stream, peer) => init.circuit(stream, peer),
    };
  }

  #hello(link: NodeLink): Hello {
    const { id, key, role, idleTimeoutMs } = this.#init;
    return {
      protoMin: protocolVersion,
      protoMax: protocolVersion,
      id,
      key,
      instance: this.#instance,
      incarnation: this.#init.incarnation(),
      nonce: link.nonce,
      role,
      idleTimeoutMs,
      features: 0,
      listens: this.#init.listens(),
      observed: link.remoteAddress,
      dialled: link.init.dialled,
    };
  }

  #check(link: NodeLink): void {
    const { id, key, instance, nonce } = link.hello;
    if (id !== this.#init.id) {
      this.peers.check(link);
      return;
    }
    if (!sameBytes(key, this.#init.key) || !sameBytes(instance, this.#instance)) throw idConflict(id);
    const error = selfLinkError();
    // The other end is ours too, and whoever dialled it must learn why it failed.
    for (const other of this.#links) if (sameBytes(other.nonce, nonce)) other.fail(error);
    throw error;
  }

  #authorize(link: NodeLink): void {
    const { id: own, authorize } = this.#init;
    const { id: peer, role } = link.hello;
    const { isAllowed, mistake } = ask(authorize, { action: "link", peer, key: link.provenKey, role, remoteAddress: link.remoteAddress });
    if (!isAllowed) throw new AstraError("EACCES", `node ${own} does not allow node ${peer} to link${mistake}`);
  }

  #weigh(link: NodeLink): void {
    const { remoteAddress, initiator, hello, init } = link;
    link.factor = factorOf(this.#init.linkFactor, { peer: hello.id, remoteAddress, network: init.network, initiator: initiator === true });
  }

  #up(link: NodeLink): void {
    this.#check(link);
    const superseded = this.peers.up(link);
    this.#init.up(link);
    this.#init.emit({ type: "linkup", link, peer: link.hello.id });
    for (const old of superseded) old.supersede();
  }

  #closed(link: NodeLink, error: AstraError | undefined, wasUp: boolean): void {
    this.#links.delete(link);
    this.#init.closed(link);
    if (wasUp) this.#init.emit({ type: "linkdown", link, peer: link.hello.id, error });
    // What was never up did not end cleanly either.
    else this.#init.emit({ type: "linkerror", link, error: error ?? new AstraError("ECONNRESET", "the link was closed before it was up") });
  }
}
