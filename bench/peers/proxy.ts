import type { Duplex } from "node:stream";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { Peer } from "./peer.ts";
import { peer as raw } from "./raw.ts";

/** Two sockets piped into each other, each direction by itself; what breaks one ends the other. */
export function pipeBoth(one: Duplex, other: Duplex): void {
  one.pipe(other).pipe(one);
  one.on("error", () => other.destroy());
  other.on("error", () => one.destroy());
}

/** Plain sockets, through a proxy that pipes one into another. */
export const peer: Peer = {
  ...raw,
  relay: (target) =>
    listenLoopback((socket) => {
      void dialLoopback(target).then((onward) => {
        pipeBoth(socket, onward);
      });
    }),
};
