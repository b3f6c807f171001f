// Two nodes, one TCP connection: one offers a service by name, the other dials it by that name.
import { AstraNet, type Conn } from "astranet";

async function echo(conn: Conn): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
  await conn.end();
}

const server = new AstraNet();
const { address } = await server.listenAndServe("tcp4", "127.0.0.1:0");

const listener = server.bind("", "echo");
const serving = (async () => {
  // Each by itself: who goes away in the midst ends nobody else's.
  for await (const conn of listener) echo(conn).catch(() => conn.reset());
})();

const client = new AstraNet();
await client.join("tcp4", address);

const conn = await client.dial("", "echo");
await conn.end(new TextEncoder().encode("hello, echo"));
let heard = "";
for await (const chunk of conn) heard += new TextDecoder().decode(chunk);
console.log(heard);

await client.close();
await server.close();
await serving;
