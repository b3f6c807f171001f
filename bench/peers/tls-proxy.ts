import { DuplexStream } from "./duplex-stream.ts";
import type { Peer } from "./peer.ts";
import { pipeBoth } from "./proxy.ts";
import { acceptInside, dialInside, dialTls, listenTls } from "./tls-sockets.ts";

/** TLS from end to end inside TLS on each hop, through a proxy that ends the outer one on both sides and carries the inner one. */
export const peer: Peer = {
  listen: (onstream) =>
    listenTls((socket) => {
      onstream(new DuplexStream(acceptInside(socket)));
    }),
  dial: (port) => Promise.resolve({ open: async () => new DuplexStream(await dialInside(await dialTls(port))) }),
  relay: (target) =>
    listenTls((socket) => {
      void dialTls(target).then((onward) => {
        pipeBoth(socket, onward);
      });
    }),
};
