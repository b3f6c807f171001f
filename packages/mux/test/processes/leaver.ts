import { once } from "node:events";
import { Session } from "@astranet/mux";
import { dial, listen } from "./tcp.ts";

/** Uses a session between two sockets of its own in every way that holds something, closes it, and has nothing left that keeps it running. */
const accepted: Session[] = [];
const listener = await listen((connection) => {
  accepted.push(new Session(connection, { role: "server", closeTimeoutMs: 200, onstream: (stream) => void stream.readable.pipeTo(stream.writable).catch(() => undefined) }));
});
const client = new Session(await dial(listener.port), { role: "client", closeTimeoutMs: 200 });
const controller = new AbortController();
for (let i = 0; i < 1_000; i++) {
  const stream = client.open();
  stream.setDeadline(3_600_000);
  await stream.write(Uint8Array.of(i & 0xff));
  const chunk = await stream.read({ signal: controller.signal });
  if (chunk?.[0] !== (i & 0xff)) throw new Error("another byte came back");
  if (i % 3 === 0) await stream.end();
  else if (i % 3 === 1) void stream.close();
}
await client.ping({ signal: controller.signal });
void client.accept({ signal: controller.signal }).catch(() => undefined);
const closing = client.close();
for (const session of accepted) await session.close();
await closing;
listener.close();
process.once("exit", () => {
  console.log("left");
});
if (process.argv[2] === "never") await once(process, "SIGTERM");
