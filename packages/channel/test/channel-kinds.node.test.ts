import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type ClientHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Channels } from "@astranet/channel";
import type { Connection, Transport } from "@astranet/transport";
import { toConnection } from "@astranet/transport/node";
import { TcpTransport } from "@astranet/transport-tcp";
import { WsTransport } from "@astranet/transport-ws";
import { AstraNet } from "astranet";
import { afterAll, describe } from "vitest";
import { channelBody, sidesOf, type Sides } from "./support/channel-body.ts";
import { nginx, startNginx } from "./support/nginx.ts";

const folder = mkdtempSync(join(tmpdir(), "astranet-channel-"));
let names = 0;

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Channels over the two ends of a connection of the transport. */
function over(transport: Transport, network: string, address: () => string): () => Promise<Sides> {
  return async () => {
    let take!: (connection: Connection) => void;
    const accepted = new Promise<Connection>((resolve) => (take = resolve));
    const listener = await transport.listen!(network, address(), { onconnection: take });
    const [client, server] = [new Channels(await transport.dial(network, listener.address), { role: "client" }), new Channels(await accepted, { role: "server" })];
    return sidesOf(client, server, async () => {
      client.abort();
      server.abort();
      await listener.close();
    });
  };
}

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), "utf8");
const tls = { server: { cert: pem("server.pem"), key: pem("server-key.pem") }, client: { ca: pem("ca.pem") } };

channelBody("over tcp", over(new TcpTransport(), "tcp", () => "127.0.0.1:0"));
channelBody("over tls", over(new TcpTransport({ tls }), "tls", () => "localhost:0"));
channelBody("over ws", over(new WsTransport(), "ws", () => "127.0.0.1:0/channels"));

describe.runIf(process.platform !== "win32")("where there are unix sockets,", () => {
  channelBody("over unix sockets", over(new TcpTransport(), "unix", () => join(folder, String(names++))));
});

/** Both ends of a stream of HTTP/2, which a proxy may stand between. */
async function overHttp2(proxied: (upstream: string) => Promise<{ url: string; stop: () => Promise<void> }>): Promise<Sides> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { url, stop } = await proxied(`127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  const session: ClientHttp2Session = connect(url);
  session.on("error", () => undefined);
  const arrived = once(server, "stream") as Promise<[ServerHttp2Stream]>;
  const request = session.request({ ":method": "POST", ":path": "/channels", "content-type": "application/grpc", te: "trailers" }, { endStream: false });
  const [stream] = await arrived;
  stream.respond({ ":status": 200, "content-type": "application/grpc" });
  const [client, host] = [new Channels(toConnection(request), { role: "client" }), new Channels(toConnection(stream), { role: "server" })];
  return sidesOf(client, host, async () => {
    client.abort();
    host.abort();
    session.destroy();
    server.close();
    await stop();
  });
}

channelBody("over a stream of HTTP/2", () => overHttp2((upstream) => Promise.resolve({ url: `http://${upstream}`, stop: () => Promise.resolve() })));

describe.runIf(nginx !== undefined)("behind a standard proxy,", () => {
  channelBody("over a stream of HTTP/2 through nginx", () => overHttp2(startNginx));
});

channelBody("over the mesh, through a relay, encrypted end to end", async () => {
  const secret = "mB0pJ5uQ2w8Zk1yXr7tV4g==";
  const [relay, here, there] = [new AstraNet({ secret, role: "router" }), new AstraNet({ secret }), new AstraNet({ secret })];
  const { address } = await relay.listenAndServe("tcp4", "127.0.0.1:0");
  await Promise.all([here, there].map((net) => net.join("tcp4", address)));
  const listener = there.bind("channels");
  await here.waitFor("channels");
  const [dialled, accepted] = await Promise.all([here.dial("", "channels"), listener.accept()]);
  const [client, server] = [new Channels(dialled, { role: "client" }), new Channels(accepted, { role: "server" })];
  return sidesOf(client, server, async () => {
    client.abort();
    server.abort();
    await Promise.all([here, there, relay].map((net) => net.close()));
  });
});
