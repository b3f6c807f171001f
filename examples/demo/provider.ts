// Offers a web page, a service that hashes what it is sent, and one that echoes. Its arguments: the secret, and the addresses it joins.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { AstraError, AstraNet, type Conn } from "astranet";
import { serveHttp } from "astranet/node";
import type { FromProvider } from "./messages.ts";

const [secret = "", ...addresses] = process.argv.slice(2);
const net = new AstraNet({ secret });

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
  for await (const conn of net.bind(name)) {
    handle(conn).catch((error: unknown) => {
      // What a relay took with it is for the consumer to tell.
      if (!AstraError.is(error, "ECONNRESET")) console.error(`${name}:`, error);
    });
  }
}

const serving = [serve("hash", hash), serve("echo", echo)];
await Promise.all(addresses.map((each) => net.join("tcp4", each)));
process.send?.({ id: net.id } satisfies FromProvider);
await once(process, "message");
await net.close();
await Promise.all(serving);
process.disconnect();
