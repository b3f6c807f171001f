import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { ignore } from "../promises.ts";

/** What a stream is reset with, so that the peer knows why. */
export const resetCodes = { abandoned: 256, malformed: 257, tooLong: 258, unclaimed: 259, backlog: 260, overload: 261 } as const;

/** With these a stream is reset of which nothing was read, by who was to read it. */
const unread: readonly (number | undefined)[] = [resetCodes.abandoned, resetCodes.unclaimed, resetCodes.backlog];

/** Whether the peer broke a stream before it read anything of it. */
export function isUnread(error: unknown): boolean {
  return AstraError.is(error) && unread.includes(error.remoteCode);
}

function resetCodeOf(error: unknown, otherwise: number): number {
  if (AstraError.is(error, "EMSGSIZE")) return resetCodes.tooLong;
  if (AstraError.is(error, "ERR_ASTRANET_PROTOCOL")) return resetCodes.malformed;
  return AstraError.is(error, "ERR_ASTRANET_OVERLOAD") ? resetCodes.overload : otherwise;
}

/**
 * Breaks a stream that was opened here once the peer has taken it: a reset overtakes what was written, and a message would wait for a stream that nobody knows to be its own.
 */
export function whenTaken(stream: Stream, breaks: () => void): void {
  stream.opened.then(breaks, ignore);
}

/** Breaks a stream, and says why: with a code of its own for errors of ours, and `otherwise` for others. */
export function resetFor(stream: Stream, reason: unknown, otherwise: number = resetCodes.abandoned): void {
  stream.reset(resetCodeOf(reason, otherwise), reasonText(reason));
}

/** A stream that came when nothing is accepted any more. */
export function turnAway(stream: Stream): void {
  stream.reset(resetCodes.abandoned, "nobody accepts channels any more");
}

/** What the peer may read of a reason: its text, of which the session sends what fits. */
export function reasonText(reason: unknown): string {
  return reason instanceof Error ? reason.message : typeof reason === "string" ? reason : "";
}
