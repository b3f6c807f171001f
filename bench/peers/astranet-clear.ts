import { nodesPeer } from "./astranet-nodes.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = nodesPeer({ insecure: true });
