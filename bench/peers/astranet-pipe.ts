import type { LocalPeer } from "./local-peer.ts";
import { pipeLoops } from "./pipe-loops.ts";

/** A rendezvous: `send` resolves when the message was taken. */
export const peer: LocalPeer = pipeLoops({});
