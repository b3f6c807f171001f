import type { Receiver, Sender } from "@astranet/channel";

/** What a client sends to be in a room: a channel for each way. */
export interface Join {
  readonly name: string;
  /** The client's own events: what it says, line by line. */
  readonly said: Receiver<string>;
  /** Where it wants everybody's, its own among them; it keeps the Receiver. */
  readonly everybody: Sender<RoomEvent>;
}

export type RoomEvent =
  | { readonly kind: "joined"; readonly name: string }
  | { readonly kind: "said"; readonly name: string; readonly line: string }
  /** `why`: the room has dropped it. */
  | { readonly kind: "left"; readonly name: string; readonly why?: string };
