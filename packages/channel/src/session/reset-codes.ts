import { AstraError } from "@astranet/transport";
import { utf8 } from "../message/utf8.ts";

/** What a stream is reset with, so that the peer knows why. */
export const resetCodes = { abandoned: 256, malformed: 257, tooLong: 258, unclaimed: 259, backlog: 260, overload: 261 } as const;

/** For an error of ours. */
export function resetCodeOf(error: unknown): number {
  if (AstraError.is(error, "EMSGSIZE")) return resetCodes.tooLong;
  if (AstraError.is(error, "ERR_ASTRANET_PROTOCOL")) return resetCodes.malformed;
  return AstraError.is(error, "ERR_ASTRANET_OVERLOAD") ? resetCodes.overload : resetCodes.abandoned;
}

const maxReasonBytes = 244;

/** What the peer may read of a reason: its text, cut to what a reset can carry. */
export function reasonText(reason: unknown): string {
  const text = reason instanceof Error ? reason.message : typeof reason === "string" ? reason : "";
  const bytes = utf8.encode(text);
  // A character that is cut in two is left out.
  return bytes.length <= maxReasonBytes ? text : new TextDecoder().decode(bytes.subarray(0, maxReasonBytes)).replace(/\uFFFD$/, "");
}
