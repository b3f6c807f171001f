import { DuplexStream } from "./duplex-stream.ts";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { Peer } from "./peer.ts";

/** Plain `node:net`: every stream is a socket of its own. */
export const peer: Peer = {
  listen: (onstream) =>
    listenLoopback((socket) => {
      onstream(new DuplexStream(socket));
    }),
  dial: (port) => Promise.resolve({ open: async () => new DuplexStream(await dialLoopback(port)) }),
};
