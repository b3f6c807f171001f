import type { Duplex } from "node:stream";
import { BPMux } from "bpmux";
import { DuplexStream } from "./duplex-stream.ts";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { Peer } from "./peer.ts";

/** Bytes a stream may have unread: with bpmux' default of 16 KiB no 64 KiB write would ever be on its way as a whole. */
const WINDOW = 256 * 1024;
const options = { peer_multiplex_options: { highWaterMark: WINDOW } };

export const peer: Peer = {
  listen: (onstream) =>
    listenLoopback((socket) => {
      new BPMux(socket, options).on("peer_multiplex", (duplex: Duplex) => {
        onstream(new DuplexStream(duplex));
      });
    }),
  async dial(port) {
    const mux = new BPMux(await dialLoopback(port), options);
    return { open: () => new DuplexStream(mux.multiplex({ highWaterMark: WINDOW })) };
  },
};
