import { createServer, get } from "node:http";
import { text } from "node:stream/consumers";
import { AstraNet } from "astranet";
import { httpAgent, serveHttp, undiciConnect } from "astranet/node";
import { Agent, fetch } from "undici";

/** A web server that listens on no port of the machine: it is reached by its name, from any node that is linked with its own. */
export async function underAName(): Promise<void> {
  const provider = new AstraNet();
  const { address } = await provider.listenAndServe("tcp4", "127.0.0.1:0");
  const web = createServer((request, response) => response.end(`a page at ${request.url ?? ""}`));
  serveHttp(provider.bind("", "web"), web);

  const consumer = new AstraNet();
  await consumer.join("tcp4", address);

  const page = await new Promise<string>((resolve, reject) => {
    get("http://web/with-node-http", { agent: httpAgent(consumer) }, (response) => {
      text(response).then(resolve, reject);
    }).on("error", reject);
  });
  console.log(page);

  const dispatcher = new Agent({ connect: undiciConnect(consumer) });
  const response = await fetch("http://web/with-fetch", { dispatcher });
  console.log(await response.text());

  await dispatcher.close();
  await consumer.close();
  await provider.close();
}
