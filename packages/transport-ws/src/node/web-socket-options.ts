import { CLOSE_TIMEOUT_MS, MESSAGE_BYTES } from "../limits.ts";
import type { Settings } from "../settings.ts";

/** What both ends tell `ws`. Compression is left off: what links send is encrypted, and a window for each connection is memory. */
export function webSocketOptions({ maxMessageBytes }: Settings): { maxPayload: number; maxFragments: number; maxBufferedChunks: number; closeTimeout: number } {
  return {
    maxPayload: maxMessageBytes,
    // A peer's fragments and trickled packets cost more memory than their bytes; a message of ours is whole below that even if it comes byte by byte.
    maxFragments: 4_096,
    maxBufferedChunks: MESSAGE_BYTES + 64,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
}
