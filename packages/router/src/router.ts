import type { Reachability, RecordStore } from "@astranet/discovery";
import type { Connection, TransportListener } from "@astranet/transport";
import type { RouterEvent } from "./events.ts";
import type { Link } from "./link/link-types.ts";
import type { JoinOptions, Membership } from "./membership.ts";
import type { NodeId } from "./node-id.ts";
import type { BindInit, Conn, ConnectOptions, Listener } from "./ports/port-types.ts";
import type { NodeRole, RouterOptions } from "./router-options.ts";

/** How a node is reached. */
export interface RouteInfo {
  readonly id: NodeId;
  /** Nodes on the way, without the ends; empty for a direct link. */
  readonly via: readonly NodeId[];
  readonly hops: number;
  readonly cost: number;
  readonly rttMs: number;
}

/** A node's links, ports and listeners. */
export declare class Router implements AsyncDisposable {
  constructor(options: RouterOptions);
  readonly id: NodeId;
  readonly role: NodeRole;
  readonly store: RecordStore;
  /** Which nodes can be reached, and at what cost (milliseconds of round trip). */
  readonly reachability: Reachability;
  /** Resolves when `close` is through. */
  readonly closed: Promise<void>;
  get links(): readonly Link[];
  routes(): RouteInfo[];

  /** Accepts links at `address`. Throws ERR_ASTRANET_INSECURE beyond loopback without `insecure`, ERR_ASTRANET_NO_TRANSPORT for an unknown network. */
  listen(network: string, address: string, options?: { signal?: AbortSignal }): Promise<TransportListener>;
  /** Links with whoever answers at `address`, and does so again for ever. Resolves at the first link. */
  join(network: string, address: string, options?: JoinOptions): Promise<Membership>;
  /** Makes a link out of a connection, at once. `trust: "local"`: the far end is on this machine, whatever its address says. */
  attach(connection: Connection, options?: { initiator?: boolean; trust?: "local" }): Link;

  /** Listens on a virtual port. Throws EADDRINUSE, or EINVAL for a port out of range. */
  bind(init: BindInit): Listener;
  /** Opens a Conn to a port of a node (this one too). Resolves when the listener's side accepted. */
  connect(id: NodeId, port: number, options?: ConnectOptions): Promise<Conn>;
  /** Round trip to a reachable node, in milliseconds. */
  ping(id: NodeId, options?: { signal?: AbortSignal }): Promise<number>;

  /** Calls `callback` with each event, synchronously. Returns what ends it. */
  subscribe(callback: (event: RouterEvent) => void): () => void;
  /** No new links, dials or streams; running streams finish, for 5 s at most; then the links go. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
