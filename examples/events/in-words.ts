import type { RoomEvent } from "./messages.ts";

export function inWords(event: RoomEvent): string {
  switch (event.kind) {
    case "joined":
      return `${event.name} has joined`;
    case "said":
      return `${event.name}: ${event.line}`;
    case "left":
      return event.why === undefined ? `${event.name} has left` : `${event.name} has left (${event.why})`;
  }
}
