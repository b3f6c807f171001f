// prints: the other end said: HELLO
import { Session } from "@astranet/mux";
import { toConnection } from "@astranet/transport";

const there = new TransformStream<Uint8Array, Uint8Array>();
const back = new TransformStream<Uint8Array, Uint8Array>();
const client = new Session(toConnection({ readable: back.readable, writable: there.writable }), { role: "client" });
const server = new Session(toConnection({ readable: there.readable, writable: back.writable }), { role: "server" });

async function shout(): Promise<void> {
  const stream = await server.accept();
  let said = "";
  for await (const chunk of stream) said += new TextDecoder().decode(chunk);
  await stream.end(new TextEncoder().encode(said.toUpperCase()));
}

const serving = shout();
const stream = client.open();
await stream.end(new TextEncoder().encode("hello"));
let answer = "";
for await (const chunk of stream) answer += new TextDecoder().decode(chunk);
await serving;
await Promise.all([client.close(), server.close()]);
console.log(`the other end said: ${answer}`);
