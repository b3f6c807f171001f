import type { CircuitFailure } from "./circuit-failure.ts";
import type { CircuitEdge } from "./circuit-types.ts";
import type { NodeId } from "../node-id.ts";

/** The edges that a next try should go around, after a path failed. Empty where another path would meet the same end. */
export function edgesToAvoid(path: readonly NodeId[], failure: CircuitFailure | undefined): CircuitEdge[] {
  const last = path.length - 1;
  const edge = (i: number): CircuitEdge => ({ from: path[i]!, to: path[i + 1]! });
  // Nobody said where: any of them, but not the link of our own, whose silence we would have noticed.
  if (failure === undefined) return path.slice(1, -1).map((_, i) => edge(i + 1));
  const { reason, atIndex } = failure;
  if (!failure.retryable || atIndex > last) return [];
  if (reason === "no-link" || reason === "link-lost") return [edge(Math.min(atIndex, last - 1))];
  // The target itself: whichever way we come.
  if (atIndex === last || atIndex === 0) return [];
  return [edge(atIndex - 1), edge(atIndex)];
}
