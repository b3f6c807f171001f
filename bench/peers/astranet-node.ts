import { nodesPeer } from "./astranet-nodes.ts";
import type { Peer } from "./peer.ts";

/** All that leaves the process is encrypted: each link, and from end to end what goes through a relay. */
export const peer: Peer = nodesPeer({ secret: "the bench's secret, known to all" });
