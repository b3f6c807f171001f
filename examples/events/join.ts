import { pipe, type Channels, type Receiver, type Sender } from "@astranet/channel";
import type { Join, RoomEvent } from "./messages.ts";

/** Joins the room at the other end. Closing `say` leaves it, and then `events` ends. */
export async function join(channels: Channels, name: string): Promise<{ readonly say: Sender<string>; readonly events: Receiver<RoomEvent> }> {
  const { sender: say, receiver: said } = pipe<string>();
  const { sender: everybody, receiver: events } = pipe<RoomEvent>();
  await using joins = channels.open<Join>();
  await joins.send({ name, said, everybody });
  return { say, events };
}
