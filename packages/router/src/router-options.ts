import type { RecordStore } from "@astranet/discovery";
import type { SessionOptions } from "@astranet/mux";
import type { Clock, RandomSource, Transport } from "@astranet/transport";
import type { CircuitLimits } from "./circuit/circuit-types.ts";
import type { Authorize } from "./authorize.ts";
import type { FollowFilter } from "./follower.ts";
import type { LinkFactor } from "./link/link-factor.ts";
import type { SecurityOptions } from "./security.ts";

/** What a node does for others. */
export type NodeRole = (typeof nodeRoles)[number];

export const nodeRoles = ["auto", "peer", "client", "server", "router"] as const;

/** What a Router is made with. */
export interface RouterOptions {
  /** The replicated records. Its `self` is the node's id, its `incarnation` the node's. */
  readonly store: RecordStore;
  /** Default 'auto'. */
  readonly role?: NodeRole;
  /**
   * Encrypts every link that leaves this process, and every way through relays. Default: none; then links are in clear, and `insecure` says how far
   * they may go. EINVAL together with `insecure`.
   */
  readonly security?: SecurityOptions;
  /** Asked about each link, each dial that comes, each circuit that is to be carried. Default: all may, who know the secret if there is one. */
  readonly authorize?: Authorize;
  /** What the cost of each link is multiplied by, asked once the other end has said who it is. Default 1. Where it throws, or gives no number from 0.01 to 100 (EINVAL), the link is refused. */
  readonly linkFactor?: LinkFactor;
  /** What tells two nodes that claim one id apart: at most 64 bytes, the same for as long as the id is. Default: the identity's public key, or 16 random bytes. */
  readonly key?: Uint8Array;
  /** Default: none; then there is only `attach`. */
  readonly transports?: readonly Transport[];
  /** Allows links in clear whose far end is beyond loopback. Default false: they fail with ERR_ASTRANET_INSECURE. */
  readonly insecure?: boolean;
  /**
   * Where others may dial this node, each as "network address", at most 8: what is told to those that would have a direct link instead of a relayed way.
   * Default: where it listens, unless that is on every interface, where only the owner knows how it is called from outside.
   */
  readonly advertise?: readonly string[];
  /**
   * Dial the nodes that are reached through relays, at the addresses that they give, where this says yes: at most once a minute, two at once. Default: never,
   * as addresses that others give may lead into one's own network.
   */
  readonly follow?: FollowFilter;
  /** A link is declared dead when nothing came for so long; the smaller of both sides' counts. Default 15,000. */
  readonly idleTimeoutMs?: number;
  /** More for the session of each link and circuit, its limits for instance. `maxUnreadBytes` (default 256 MiB) is for all of them together. */
  readonly session?: Omit<SessionOptions, "role" | "wire" | "onstream" | "manualAccept" | "clock">;
  readonly limits?: Partial<RouterLimits>;
  readonly circuitLimits?: Partial<CircuitLimits>;
  /** Default: the real ones. */
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/** Every limit of a router; beyond each there is a typed error. */
export interface RouterLimits {
  /** A dial of a membership that is not answered by then fails with ETIMEDOUT. Default 10,000. */
  readonly dialTimeoutMs: number;
  /** A connection that is not a link by then fails with ERR_ASTRANET_HANDSHAKE. Default 5,000. */
  readonly handshakeTimeoutMs: number;
  /** Connections accepted a second in the long run; more are turned away (event `refused`, ERR_ASTRANET_OVERLOAD). Default 50. */
  readonly handshakesPerSecond: number;
  /** … and at once. Default 100. */
  readonly handshakeBurst: number;
  /** Accepted connections whose handshake is not done; beyond it the one that has taken longest fails with ERR_ASTRANET_OVERLOAD (event `linkerror`). Default 128. */
  readonly maxPendingHandshakes: number;
  /** … from one host. Default 10. */
  readonly maxPendingPerHost: number;
  /** Dials of memberships under way at once; more wait. Default 4 (and 1 an address). */
  readonly maxDials: number;
  /** Addresses joined at once; more are refused with ERR_ASTRANET_OVERLOAD. Default 1,024. */
  readonly maxMemberships: number;
  /** Links, of any state; more are refused with ERR_ASTRANET_OVERLOAD. Default 4,096. */
  readonly maxLinks: number;
  /** Links above this number are enough: `follow` makes no more. Default 32. */
  readonly maxFollowedLinks: number;
  /** Dials that may wait for a Listener's `accept`; more are refused with a retryable ECONNREFUSED. Default 1,024. */
  readonly listenerBacklog: number;
  /** Listeners of this node; more are refused with ERR_ASTRANET_OVERLOAD. Default 65,536. */
  readonly maxListeners: number;
  /** Records that a neighbour may send a second before its control stream is read more slowly. Default 1,000. */
  readonly recordsPerSecond: number;
  /** What is known of a node that cannot be reached is forgotten after so long. Default 90,000. */
  readonly forgetAfterMs: number;
}

export const defaultLimits: RouterLimits = {
  dialTimeoutMs: 10_000,
  handshakeTimeoutMs: 5000,
  handshakesPerSecond: 50,
  handshakeBurst: 100,
  maxPendingHandshakes: 128,
  maxPendingPerHost: 10,
  maxDials: 4,
  maxMemberships: 1024,
  maxLinks: 4096,
  maxFollowedLinks: 32,
  listenerBacklog: 1024,
  maxListeners: 65_536,
  recordsPerSecond: 1000,
  forgetAfterMs: 90_000,
};
