import type { Choice } from "@astranet/discovery";
import type { NodeId, RouteTrace } from "@astranet/router";

/** What `trace` found: the nodes on the way with the round trip of each link, and for a name why it leads to this provider. */
export interface Trace extends RouteTrace {
  /** The node at the end. */
  readonly id: NodeId;
  /** For a name: the provider that a dial would take now, how it is chosen, and among whom. Undefined for the address of a node. */
  readonly choice: Choice | undefined;
  /** The same in words. */
  readonly why: string;
}

/** Why a dial goes where it goes, in a sentence. */
export function whyOf(choice: Choice | undefined): string {
  if (choice === undefined) return "the address is that of a node";
  const { policy, chosen, candidates } = choice;
  if (candidates.length === 1) return `the only provider of "${chosen.name}"`;
  const { streams = 0 } = candidates.find(({ service }) => service === chosen) ?? {};
  const ejected = candidates.filter(({ ejectedForMs }) => ejectedForMs > 0).length;
  const without = ejected === 0 ? "" : `, ${ejected} of which failed lately and ${ejected === 1 ? "is" : "are"} left out`;
  return `${policy} of ${candidates.length} providers of "${chosen.name}"${without}: cost ${chosen.cost} ms, weight ${chosen.weight}, ${streams} streams open`;
}
