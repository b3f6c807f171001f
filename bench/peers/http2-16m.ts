import { http2Peer } from "./http2-sessions.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = http2Peer(16 * 1024 * 1024);
