import type { Identity } from "@astranet/noise";
import { type Authorize, checkRouterOptions, type CircuitLimits, type FollowFilter, type LinkFactor, type NodeRole, type RouterLimits } from "@astranet/router";
import type { Secret } from "./security.ts";
import { AstraError, type Clock, type RandomSource, type Transport } from "@astranet/transport";

/** What an AstraNet is made with. All optional. */
export interface AstraNetOptions {
  /** What the node does for others. Default 'auto'. A 'client' offers no services: it binds ports only. */
  readonly role?: NodeRole;
  /** The namespace of the names it binds and dials: 'prod', or 'prod.eu', or its parts. Default: the one without a name. */
  readonly env?: string | readonly string[];
  /**
   * What every node of the network knows, and nobody else: who does not know it cannot link. Of at least 16 bytes (a text counts as its UTF-8), random, and no
   * password: `openssl rand -base64 32`. A list is for rotation: the first is used, all are accepted, so [old], [new, old], [new] lose no link. Default: none; then
   * links are encrypted all the same, and anybody may link, so the node listens on this machine only, unless there is `authorize`.
   */
  readonly secret?: Secret | readonly Secret[];
  /** Who this node is, when it is to be the same after a restart (`generateIdentity`, `identityFrom`). Its id is that of its key. Default: a new one for each node. */
  readonly identity?: Identity;
  /** Asked about each link, each dial that comes from elsewhere, each circuit that is to be relayed. It answers at once: only `true` is a yes, a Promise is a no. Default: all may, who know the secret if there is one. */
  readonly authorize?: Authorize;
  /** What a link's cost, its round trip, is multiplied by: 2 for one that is paid for by the byte, say. Default 1. Where it gives no number from 0.01 to 100 the link is refused (EINVAL). */
  readonly linkFactor?: LinkFactor;
  /**
   * Links are in clear, and ids only claims, for wires that are trusted, and tests. Default false: what leaves the process is encrypted.
   * Nodes that are insecure and nodes that are not do not link with each other.
   */
  readonly insecure?: boolean;
  /** How other nodes are reached, instead of the default: memory, WebSockets ('ws', 'wss'), and in Node TCP with its relatives ('tcp', 'tcp4', 'tcp6', 'tls', 'unix'). */
  readonly transports?: readonly Transport[];
  /** Go's link to itself. A node reaches its own services without it; it is taken so that programs may say it. */
  readonly loopback?: boolean;
  /**
   * Where others may dial this node, each as "network address" ("tcp 203.0.113.7:10000"), at most 8: what is told to those that would have a direct link
   * instead of a relayed way. Default: where it listens, unless that is on every interface.
   */
  readonly advertise?: readonly string[];
  /**
   * Dial the nodes that are reached through relays, at the addresses that they give, where this says yes; new streams take the link then. At most once a
   * minute, two at once, 32 links (`limits.maxFollowedLinks`). Default: never, as an address that another node gives may lead into one's own network.
   */
  readonly follow?: FollowFilter;
  /** A link on which nothing came for so long is dead; the smaller of both sides' counts. Default 15,000. */
  readonly idleTimeoutMs?: number;
  readonly limits?: Partial<RouterLimits>;
  /** What it carries for others, and opens itself, through relays. */
  readonly circuitLimits?: Partial<CircuitLimits>;
  /** Default: the real ones. */
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Membership tokens do not exist yet: throws ERR_ASTRANET_INSECURE, so that nobody relies on one. */
  readonly token?: unknown;
}

/** Throws EINVAL that names the option which is wrong, and ERR_ASTRANET_INSECURE for what promises a safety that there is not. */
export function checkOptions(options: AstraNetOptions): void {
  const given: unknown = options;
  if (typeof given !== "object" || given === null) throw new AstraError("EINVAL", `options must be an object, not ${given === null ? "null" : typeof given}`);
  checkRouterOptions(options);
  const loopback: unknown = options.loopback ?? false;
  if (typeof loopback !== "boolean") throw new AstraError("EINVAL", `loopback must be true or false, not ${JSON.stringify(loopback)}`);
  if (options.token !== undefined) throw new AstraError("ERR_ASTRANET_INSECURE", "token: there are no membership tokens yet; pass a secret, or authorize");
}
