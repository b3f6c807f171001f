import { once } from "node:events";
import { DuplexStream } from "./duplex-stream.ts";
import type { BenchLink, Peer } from "./peer.ts";
import { dialTls, listenTls } from "./tls-sockets.ts";

/** A link that is one socket. */
async function link(port: number): Promise<BenchLink> {
  const socket = await dialTls(port);
  return {
    open: () => new DuplexStream(socket),
    async close() {
      const closed = once(socket, "close");
      socket.end();
      await closed;
    },
  };
}

/** `node:tls`: every stream is a socket of its own, with a handshake of its own. */
export const peer: Peer = {
  listen: (onstream) =>
    listenTls((socket) => {
      onstream(new DuplexStream(socket));
    }),
  dial: (port) => Promise.resolve({ open: async () => new DuplexStream(await dialTls(port)) }),
  dialler: () => Promise.resolve(link),
};
