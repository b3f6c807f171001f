import type { Duplex } from "node:stream";
import multiplex from "multiplex";
import { DuplexStream } from "./duplex-stream.ts";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  listen: (onstream) =>
    listenLoopback((socket) => {
      const plex = multiplex({ halfOpen: true }, (stream: Duplex) => {
        onstream(new DuplexStream(stream));
      });
      socket.pipe(plex).pipe(socket);
    }),
  async dial(port) {
    const socket = await dialLoopback(port);
    const plex = multiplex({ halfOpen: true });
    socket.pipe(plex).pipe(socket);
    return { open: () => new DuplexStream(plex.createStream()) };
  },
};
