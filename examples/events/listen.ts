import { Channels, type Receiver } from "@astranet/channel";
import { WsTransport } from "@astranet/transport-ws";
import type { Join } from "./messages.ts";
import { Room } from "./room.ts";

/** What one event may have: it may wait many times, for each who hears it. */
const maxMessageBytes = 16_384;

/** A room for whoever connects. */
export async function listen(address: string): Promise<{ readonly address: string; close(): Promise<void> }> {
  const room = new Room();
  return new WsTransport().listen("ws", address, {
    onconnection: (connection) => void welcome(room, new Channels(connection, { role: "server", maxMessageBytes })),
  });
}

async function welcome(room: Room, channels: Channels): Promise<void> {
  try {
    for await (const joins of channels) for await (const join of joins as Receiver<Join>) void room.join(join);
  } catch {
    // The connection is gone, and so are its members.
  }
}
