// A room, and three who are in it, each over a WebSocket of its own. Prints what one of them hears.
import { Channels } from "@astranet/channel";
import { WsTransport } from "@astranet/transport-ws";
import { inWords } from "./in-words.ts";
import { join } from "./join.ts";
import { listen } from "./listen.ts";

const room = await listen("127.0.0.1:0/room");

async function connect(): Promise<Channels> {
  return new Channels(await new WsTransport().dial("ws", room.address), { role: "client" });
}

const [first, second, third] = [await connect(), await connect(), await connect()];
const anna = await join(first, "Anna");
const heard = async (): Promise<void> => console.log(inWords(await anna.events.receive()));

await heard();
const ben = await join(second, "Ben");
await heard();
const clara = await join(third, "Clara");
await heard();

await ben.say.send("hello, everybody");
await heard();
await anna.say.send("hello, Ben");
await heard();
await ben.say.close();
await heard();
await clara.say.close();
await heard();
await anna.say.close();

for (const channels of [first, second, third]) await channels.close();
await room.close();
