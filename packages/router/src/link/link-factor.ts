import { AstraError } from "@astranet/transport";
import { asAstraError } from "../as-astra-error.ts";
import type { NodeId } from "../node-id.ts";

/** What the owner of a node may look at to say what a link costs. */
export interface LinkFactorRequest {
  readonly peer: NodeId;
  readonly remoteAddress: string;
  /** Of a connection that was dialled or accepted; undefined for one that was attached. */
  readonly network: string | undefined;
  /** Whether this side dialled. */
  readonly initiator: boolean;
}

/**
 * Says what the cost of a link, its round trip, is multiplied by: 2 for one that is paid for by the byte, say. A path counts the dearer of what both ends of each link say, so
 * one end can make a link dearer, and both together cheaper. From 0.01 to 100.
 */
export type LinkFactor = (link: LinkFactorRequest) => number;

/** Throws EINVAL for what is no factor, and where the owner's function throws: the link is refused. */
export function factorOf(linkFactor: LinkFactor | undefined, request: LinkFactorRequest): number {
  let factor: number;
  try {
    factor = linkFactor?.(request) ?? 1;
  } catch (error) {
    throw asAstraError(error, "EINVAL", "linkFactor threw");
  }
  if (!(factor >= 0.01 && factor <= 100)) throw new AstraError("EINVAL", `linkFactor must give a number from 0.01 to 100, not ${String(factor)}`);
  return factor;
}
