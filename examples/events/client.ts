// Joins a room, says what it reads, and prints what it hears: client.ts <address> <name>
import { createInterface } from "node:readline";
import { Channels, type Sender } from "@astranet/channel";
import { WsTransport } from "@astranet/transport-ws";
import { inWords } from "./in-words.ts";
import { join } from "./join.ts";

async function sayAll(say: Sender<string>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) await say.send(line);
  await say.close();
}

const [address = "", name = ""] = process.argv.slice(2);
const channels = new Channels(await new WsTransport().dial("ws", address), { role: "client" });
const { say, events } = await join(channels, name);
// Why nobody listens any more is heard below.
sayAll(say).catch(() => undefined);
try {
  for await (const event of events) console.log(inWords(event));
  await channels.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
