import { yamux } from "@libp2p/yamux";
import { libp2pPeer } from "./libp2p-stream-muxer.ts";
import type { Peer } from "./peer.ts";

/** Limits on the number of streams are lifted; windows are its own. */
const factory = yamux({ maxInboundStreams: 10_000_000, maxOutboundStreams: 10_000_000, maxEarlyStreams: 1_000_000 })();

export const peer: Peer = libp2pPeer((connection) => factory.createStreamMuxer(connection));
