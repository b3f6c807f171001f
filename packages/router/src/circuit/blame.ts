import { AstraError } from "@astranet/transport";
import type { CircuitFailure } from "./circuit-failure.ts";
import type { CircuitEdge } from "./circuit-types.ts";
import type { NodeId } from "../node-id.ts";

/** The edges that a next try should go around, after a path failed. Empty where another path would meet the same end. */
export function edgesToAvoid(path: readonly NodeId[], failure: CircuitFailure | undefined): CircuitEdge[] {
  const last = path.length - 1;
  const edge = (i: number): CircuitEdge => ({ from: path[i]!, to: path[i + 1]! });
  // Somebody on the way is to blame, and nobody says who: not our own link, whose silence we would have noticed.
  if (failure === undefined || (failure.atIndex === last && failure.retryable && isSuspicious(failure))) return path.slice(1, -1).map((_, i) => edge(i + 1));
  const { reason, atIndex } = failure;
  if (!failure.retryable || atIndex > last) return [];
  if (reason === "no-link" || reason === "link-lost") return [edge(Math.min(atIndex, last - 1))];
  // The target itself: whichever way we come.
  if (atIndex === last || atIndex === 0) return [];
  return [edge(atIndex - 1), edge(atIndex)];
}

/**
 * The edges of those that carried the target's own word, which is final: nothing proves that it was the target's, so it is asked once more around them.
 * Empty where this node itself gave up.
 */
export function edgesOfMessengers(path: readonly NodeId[], failure: CircuitFailure | undefined): CircuitEdge[] {
  return failure?.atIndex === 0 ? [] : edgesToAvoid(path, undefined);
}

/** The edges that others had better go around, after a circuit ended that had stood. */
export function edgesToDoubt(path: readonly NodeId[], failure: CircuitFailure | undefined, error: unknown): CircuitEdge[] {
  // A clean end, or one that this node made.
  if (error === undefined || (failure === undefined && AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED"))) return [];
  // What this node knows of its own links, everybody will hear of.
  if (failure?.atIndex === 0) return [];
  return edgesToAvoid(path, failure && { ...failure, retryable: failure.reason !== "closed" });
}

/** What the target met, or waited for in vain, may be what a relay made of it. */
function isSuspicious({ reason }: CircuitFailure): boolean {
  return reason === "handshake" || reason === "protocol" || reason === "timed-out";
}
