import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { utf8 } from "../message/utf8.ts";

/** What a stream is reset with, so that the peer knows why. */
export const resetCodes = { abandoned: 256, malformed: 257, tooLong: 258, unclaimed: 259, backlog: 260, overload: 261 } as const;

/** For an error of ours. */
function resetCodeOf(error: unknown): number {
  if (AstraError.is(error, "EMSGSIZE")) return resetCodes.tooLong;
  if (AstraError.is(error, "ERR_ASTRANET_PROTOCOL")) return resetCodes.malformed;
  return AstraError.is(error, "ERR_ASTRANET_OVERLOAD") ? resetCodes.overload : resetCodes.abandoned;
}

/**
 * Breaks a stream that was opened here, once the peer has taken it: a reset overtakes what was written, and a message would wait for a stream that nobody knows to be its own.
 */
export function giveUp(stream: Stream, reason: unknown, before?: () => void): void {
  stream.opened.then(
    () => {
      before?.();
      resetFor(stream, reason);
    },
    () => undefined,
  );
}

/** Breaks a stream, and says why. */
export function resetFor(stream: Stream, reason: unknown): void {
  stream.reset(resetCodeOf(reason), reasonText(reason));
}

/** A stream that came when nothing is accepted any more. */
export function turnAway(stream: Stream): void {
  stream.reset(resetCodes.abandoned, "nobody accepts channels any more");
}

const maxReasonBytes = 244;

/** What the peer may read of a reason: its text, cut to what a reset can carry. */
export function reasonText(reason: unknown): string {
  const text = reason instanceof Error ? reason.message : typeof reason === "string" ? reason : "";
  const bytes = utf8.encode(text);
  // A character that is cut in two is left out.
  return bytes.length <= maxReasonBytes ? text : new TextDecoder().decode(bytes.subarray(0, maxReasonBytes)).replace(/\uFFFD$/, "");
}
