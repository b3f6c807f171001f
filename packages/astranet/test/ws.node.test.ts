import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { AstraNet, MemoryTransport, WsTransport } from "astranet";
import { TcpTransport } from "astranet/node";
import { describe, expect, it, onTestFinished } from "vitest";
import { answer, ask, node } from "./support/nodes.ts";

const fixture = (name: string): string => readFileSync(new URL(`../../transport-ws/test/fixtures/${name}`, import.meta.url), "utf8");

/** Links `client` with `server` by what the listener says, and asks a service. */
async function works(server: AstraNet, client: AstraNet, network: string, address: string): Promise<void> {
  expect((await client.join(network, address)).peer).toBe(server.id);
  const listener = server.bind("", "echo");
  void answer(listener, "heard ");
  expect(await ask(await client.dial("", "echo"), network)).toBe(`heard ${network}`);
}

describe("listenAndServe", () => {
  it("takes ('ws', '127.0.0.1:8080')", async () => {
    const [server, client] = [node(), node()];
    const { address } = await server.listenAndServe("ws", "127.0.0.1:0");
    expect(address).toMatch(/^127\.0\.0\.1:\d+/);
    await works(server, client, "ws", address);
  });

  it("takes one URL, with a path where one is wanted", async () => {
    const [server, client] = [node(), node()];
    const { address } = await server.listenAndServe("ws://127.0.0.1:0/mesh");
    expect(address).toMatch(/:\d+\/mesh$/);
    expect((await client.join(`ws://${address}`)).peer).toBe(server.id);
  });

  it("takes several networks for one node, whose members reach it over either", async () => {
    const [server, overWs, overTcp] = [node(), node(), node()];
    const ws = await server.listenAndServe("ws", "127.0.0.1:0");
    const tcp = await server.listenAndServe("tcp4", "127.0.0.1:0");
    await works(server, overWs, "ws", ws.address);
    await works(server, overTcp, "tcp4", tcp.address);
  });

  it("of 'ws' beyond loopback asks for what protects it, as of 'tcp'", async () => {
    await expect(node().listenAndServe("ws", ":0")).rejects.toMatchObject({ code: "ERR_ASTRANET_INSECURE" });
  });

  it("of 'wss' takes the certificates of a transport that is given", async () => {
    const server = node({ transports: [new WsTransport({ tls: { server: { cert: fixture("server.pem"), key: fixture("server-key.pem") } } })] });
    const client = node({ transports: [new WsTransport({ tls: { client: { ca: fixture("ca.pem") } } })] });
    const { address } = await server.listenAndServe("wss", "localhost:0");
    await works(server, client, "wss", address);
  });

  it("shares an HTTP server with what else it does", async () => {
    const web = createServer((_request, response) => response.end("a page")).listen(0, "127.0.0.1");
    onTestFinished(() => void web.close());
    await once(web, "listening");
    const server = node({ insecure: true, transports: [new WsTransport({ server: web })] });
    await server.listenAndServe("ws", "/mesh");
    const host = `127.0.0.1:${String((web.address() as AddressInfo).port)}`;
    await works(server, node({ insecure: true }), "ws", `${host}/mesh`);
    const [response] = (await once(get(`http://${host}/`), "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
  });
});

describe("a node that is given its transports", () => {
  it("has those and no others", async () => {
    await expect(node({ transports: [new MemoryTransport()] }).listenAndServe("tcp", "127.0.0.1:0")).rejects.toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT" });
    await expect(node({ transports: [new TcpTransport()] }).listenAndServe("ws://127.0.0.1:0")).rejects.toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT", message: expect.stringContaining("WsTransport") as string });
    expect(new AstraNet({ transports: [] }).links).toEqual([]);
  });
});
