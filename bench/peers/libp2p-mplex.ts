import { mplex } from "@libp2p/mplex";
import { AbstractStreamMuxer } from "@libp2p/utils";
import { libp2pPeer } from "./libp2p-stream-muxer.ts";
import type { Peer } from "./peer.ts";

/** By default it gives up after five new streams in a second; that limit is lifted. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- a peer to compare with, not something to build on
const factory = mplex({ disconnectThreshold: Number.MAX_SAFE_INTEGER })();

export const peer: Peer = libp2pPeer((connection) => {
  const muxer: unknown = factory.createStreamMuxer(connection);
  if (!(muxer instanceof AbstractStreamMuxer)) throw new Error("mplex and @libp2p/utils do not share a copy of the muxer class");
  return muxer;
});
