import { isEnd, kindOf, type End } from "./message/kinds.ts";
import { toMove } from "./message/moved-ends.ts";

/**
 * Closes the channels and byte streams in a message that nobody wants. Whoever has the other end of a channel hears ECONNRESET, "the message that it travelled in was dropped": its Receiver where a Sender was in the message,
 * its Sender where a Receiver was. Byte streams are cancelled and aborted with that error. Those that are somebody else's already are left alone, and so is what is in objects of classes.
 */
export function discard(message: unknown): void {
  discardAll(message, new Set());
}

function discardAll(value: unknown, seen: Set<unknown>): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  const kind = kindOf(value);
  if (kind === "array" || kind === "set") for (const each of value as Iterable<unknown>) discardAll(each, seen);
  else if (kind === "map") {
    for (const [key, each] of value as Map<unknown, unknown>) {
      discardAll(key, seen);
      discardAll(each, seen);
    }
  } else if (kind === "object") for (const each of Object.values(value)) discardAll(each, seen);
  else if (isEnd(kind)) {
    try {
      const moved = toMove(value as End, kind);
      moved.move();
      moved.discard();
    } catch {
      // It is somebody else's.
    }
  }
}
