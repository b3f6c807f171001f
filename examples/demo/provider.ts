// Offers a web page, a service that hashes what it is sent, and one that echoes.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { AstraNet, type Conn } from "astranet";
import { serveHttp } from "astranet/node";
import type { FromProvider } from "./messages.ts";

const net = new AstraNet();
const { address } = await net.listenAndServe("tcp4", "127.0.0.1:0");

const web = createServer((request, response) => response.end(`<h1>Hello from ${net.id}</h1> You asked for ${request.url ?? ""}.`));
serveHttp(net.bind("web"), web);

async function hash(conn: Conn): Promise<void> {
  const sum = createHash("sha256");
  for await (const chunk of conn) sum.update(chunk);
  await conn.end(sum.digest());
}

async function echo(conn: Conn): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
  await conn.end();
}

async function serve(name: string, handle: (conn: Conn) => Promise<void>): Promise<void> {
  for await (const conn of net.bind(name)) handle(conn).catch((error: unknown) => console.error(`${name}:`, error));
}

const serving = [serve("hash", hash), serve("echo", echo)];
process.send?.({ address } satisfies FromProvider);
await once(process, "message");
await net.close();
await Promise.all(serving);
process.disconnect();
