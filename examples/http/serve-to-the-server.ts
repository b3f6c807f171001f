import { createServer, get } from "node:http";
import { text } from "node:stream/consumers";
import { Session, SessionListener } from "@astranet/mux";
import { dialer, listener } from "@astranet/mux/node";
import { TcpTransport } from "@astranet/transport-tcp";

/**
 * HTTP the other way round, over a bare session and without a node: whoever dials serves, and the server that was dialled asks. So
 * a program behind a firewall can be asked things.
 */
export async function serveToTheServer(): Promise<void> {
  const transport = new TcpTransport();
  await using sessions = new SessionListener(transport, "tcp4", "127.0.0.1:0");

  // The one that dials, and serves.
  const near = await Session.dial(transport, "tcp4", await sessions.listening);
  const web = createServer((request, response) => response.end(`a page from behind the firewall, at ${request.url ?? ""}`));
  listener(near, (socket) => web.emit("connection", socket));

  // The one that was dialled, and asks.
  const far = await sessions.accept();
  const page = await new Promise<string>((resolve, reject) => {
    get("http://whoever-dialled/status", { createConnection: dialer(far) }, (response) => {
      text(response).then(resolve, reject);
    }).on("error", reject);
  });
  console.log(page);

  await far.close();
  await near.close();
}
