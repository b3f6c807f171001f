import type { RecordStore } from "@astranet/discovery";
import type { Clock, RandomSource, Transport } from "@astranet/transport";
import type { NodeId } from "./node-id.ts";

/** What a node does for others. */
export type NodeRole = "auto" | "peer" | "client" | "server" | "router";

/** What a Router is made with. */
export interface RouterOptions {
  /** The replicated records; made with the same `self` and `incarnation`. */
  readonly store: RecordStore;
  /** Default: the store's `self`. */
  readonly role?: NodeRole;
  /** What tells two nodes that claim one id apart: at most 64 bytes, the same for the node's whole life. Default: 16 random bytes. */
  readonly key?: Uint8Array;
  readonly transports?: readonly Transport[];
  /** Allows links in clear whose far end is beyond loopback. Default false: they fail with ERR_ASTRANET_INSECURE. */
  readonly insecure?: boolean;
  /** A link is declared dead when nothing came for so long; the smaller of both sides' counts. Default 15,000. */
  readonly idleTimeoutMs?: number;
  readonly limits?: Partial<RouterLimits>;
  /** Default: the real ones. */
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/** Every limit of a router; beyond each there is a typed error. */
export interface RouterLimits {
  /** A link that is not up by then fails with ERR_ASTRANET_HANDSHAKE. Default 5,000. */
  readonly handshakeTimeoutMs: number;
  /** Accepted connections a second in the long run. Default 50. */
  readonly handshakesPerSecond: number;
  /** … and at once. Default 100. */
  readonly handshakeBurst: number;
  /** Accepted connections whose handshake is not done. Default 128. */
  readonly maxPendingHandshakes: number;
  /** … from one host. Default 10. */
  readonly maxPendingPerHost: number;
  /** Dials of memberships under way at once. Default 4 (and 1 an address). */
  readonly maxDials: number;
  /** Links, of any state. Default 4,096. */
  readonly maxLinks: number;
  /** Dials that may wait for a Listener's `accept`. Default 1,024. */
  readonly listenerBacklog: number;
  /** Listeners of this node. Default 65,536. */
  readonly maxListeners: number;
  /** Records that a neighbour may send a second before its control stream is read more slowly. Default 1,000. */
  readonly recordsPerSecond: number;
}

export type { NodeId };
