import type { NodeRole } from "./router-options.ts";
import type { NodeId } from "./node-id.ts";
import { verdictOf, type Verdict } from "./verdict.ts";

/**
 * What another node wants of this one. `key` is the static public key that it has proven to have; undefined on a link in clear, where an id is only a claim: under `insecure`, and
 * where the wire stays on this machine (memory, a MessagePort, stdio, a connection attached with `trust: "local"`).
 */
export type AuthorizeRequest =
  /** To be a neighbour. */
  | { readonly action: "link"; readonly peer: NodeId; readonly key: Uint8Array | undefined; readonly role: NodeRole; readonly remoteAddress: string }
  /** To be connected with a listener: at `port` (0: any of that name), or of a service. */
  | { readonly action: "dial"; readonly peer: NodeId; readonly port: number; readonly service: string | undefined; readonly env: string }
  /** To be carried: a circuit from `from` to `to`, which came over the link with `previous` and goes on to `next`. */
  | { readonly action: "relay"; readonly from: NodeId; readonly to: NodeId; readonly previous: NodeId; readonly next: NodeId };

/**
 * Says yes or no, at once. Only `true` is a yes: a Promise, or any other value, is a no, and the refusal names it. What is refused fails with EACCES at the other end, and for a link
 * here too (event `linkerror`). What it throws is an uncaught exception, and a refusal.
 */
export type Authorize = (request: AuthorizeRequest) => boolean;

const yes: Verdict = { isAllowed: true, mistake: "" };

/** Asks, and takes a mistake for a no. */
export function ask(authorize: Authorize | undefined, request: AuthorizeRequest): Verdict {
  return authorize === undefined ? yes : verdictOf("authorize", () => authorize(request));
}
