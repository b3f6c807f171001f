// prints: hello, hello over net-like sockets, HTTP says hello
import { createServer as createHttpServer, get } from "node:http";
import { text } from "node:stream/consumers";
import { AstraNet } from "astranet";
import { connect, httpAgent, serveHttp } from "astranet/node";

const provider = new AstraNet();
const consumer = new AstraNet();
const listening = await provider.listenAndServe("tcp4", "127.0.0.1:0");
await consumer.join("tcp4", listening.address);

const echo = await provider.bind("", "echo");
const serving = (async () => {
  for await (const conn of echo) {
    for await (const chunk of conn) await conn.write(chunk);
    await conn.end();
  }
})();

const conn = await consumer.dial("", "echo");
await conn.end(new TextEncoder().encode("hello"));
let heard = "";
for await (const chunk of conn) heard += new TextDecoder().decode(chunk);

const socket = await connect(consumer, "echo");
socket.end("hello over net-like sockets");
heard += `, ${await text(socket)}`;

const web = createHttpServer((_request, response) => response.end("HTTP says hello"));
serveHttp(await provider.bind("", "web"), web);
heard += await new Promise<string>((resolve, reject) => {
  get("http://web/", { agent: httpAgent(consumer) }, (response) => {
    text(response).then((body) => {
      resolve(`, ${body}`);
    }, reject);
  }).on("error", reject);
});

await consumer.close();
await provider.close();
await serving;
console.log(heard);
