import type { LocalPeer } from "./local-peer.ts";
import { pipeLoops } from "./pipe-loops.ts";

/** Up to 64 messages wait. */
export const peer: LocalPeer = pipeLoops({ capacity: 64 });
