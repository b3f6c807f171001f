import type { NodeRole, RouterLimits } from "@astranet/router";
import { AstraError, type Clock, type RandomSource, type Transport } from "@astranet/transport";

/** What an AstraNet is made with. All optional. */
export interface AstraNetOptions {
  /** What the node does for others. Default 'auto'. A 'client' offers no services: it binds ports only. */
  readonly role?: NodeRole;
  /** The namespace of the names it binds and dials: 'prod', or 'prod.eu', or its parts. Default: the one without a name. */
  readonly env?: string | readonly string[];
  /** Allows links in clear beyond this machine, for wires that are trusted, and tests. Default false. */
  readonly insecure?: boolean;
  /** How other nodes are reached, instead of the default: memory, and TCP with its relatives ('tcp', 'tcp4', 'tcp6', 'tls', 'unix'). */
  readonly transports?: readonly Transport[];
  /** Go's link to itself. A node reaches its own services without it; it is taken so that programs may say it. */
  readonly loopback?: boolean;
  /** A link on which nothing came for so long is dead; the smaller of both sides' counts. Default 15,000. */
  readonly idleTimeoutMs?: number;
  readonly limits?: Partial<RouterLimits>;
  /** Default: the real ones. */
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Needs encryption, which this version does not have: throws ERR_ASTRANET_INSECURE. */
  readonly secret?: unknown;
  /** Needs encryption, which this version does not have: throws ERR_ASTRANET_INSECURE. */
  readonly token?: unknown;
  /** Needs encryption, which this version does not have: throws ERR_ASTRANET_INSECURE. */
  readonly identity?: unknown;
  /** Needs encryption, which this version does not have: throws ERR_ASTRANET_INSECURE. */
  readonly authorize?: unknown;
}

const roles: readonly unknown[] = ["auto", "peer", "client", "server", "router"] satisfies NodeRole[];

/** Throws EINVAL for what is wrong, and ERR_ASTRANET_INSECURE for what promises a safety that there is not. */
export function checkOptions(options: AstraNetOptions): void {
  const role: unknown = options.role ?? "auto";
  if (!roles.includes(role)) throw new AstraError("EINVAL", `role is one of ${roles.join(", ")}, not ${String(role)}`);
  for (const name of ["secret", "token", "identity", "authorize"] as const) refuseUnsafe(name, options[name]);
}

/** Throws ERR_ASTRANET_INSECURE where an option was given that only encryption could honour. */
export function refuseUnsafe(name: string, value: unknown): void {
  if (value === undefined) return;
  const ways = "leave it out and stay on loopback, or pass insecure: true where you trust the wire";
  throw new AstraError("ERR_ASTRANET_INSECURE", `${name} needs encrypted links, which this version does not have yet: ${ways}`);
}
