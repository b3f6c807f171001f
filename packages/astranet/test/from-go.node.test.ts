// What users of Go's astranet know, under its names, over TCP and HTTP; docs/from-go.md is the table. The rest is in from-go.test.ts.
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { AstraNet } from "astranet";
import { httpAgent, serveHttp, toConnection } from "astranet/node";
import { describe, expect, it, onTestFinished } from "vitest";
import { answer, ask, next, node } from "./support/nodes.ts";

async function fetchText(url: string, net: AstraNet): Promise<string> {
  const [response] = (await once(get(url, { agent: httpAgent(net) }), "response")) as [IncomingMessage];
  return text(response);
}

describe("ListenAndServe", () => {
  for (const network of ["tcp", "tcp4", "tcp6"]) {
    it(`of '${network}' accepts links, and says at which address`, async () => {
      const [astraNet1, astraNet2] = [node(), node()];
      const { address } = await astraNet1.listenAndServe(network, network === "tcp6" ? "[::1]:0" : "127.0.0.1:0");
      expect((await astraNet2.join(network, address)).peer).toBe(astraNet1.id);
    });
  }

  it("of a port that is taken rejects", async () => {
    const net = node();
    const { address } = await net.listenAndServe("tcp4", "127.0.0.1:0");
    await expect(node().listenAndServe("tcp4", address)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("of ':10000', all addresses, asks for what protects it, where Go took everybody in", async () => {
    await expect(node().listenAndServe("tcp4", ":0")).rejects.toMatchObject({ code: "ERR_ASTRANET_INSECURE" });
    const trusting = node({ insecure: true });
    expect((await trusting.listenAndServe("tcp4", ":0")).address).toMatch(/:\d+$/);
  });

  it("can be closed again, which Go's could not; its links stay", async () => {
    const [server, client] = [node(), node()];
    const listener = await server.listenAndServe("tcp4", "127.0.0.1:0");
    const membership = await client.join("tcp4", listener.address);
    await listener.close();
    await expect(node().join("tcp4", listener.address, { retry: false })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(membership.link?.state).toBe("up");
  });
});

describe("Join", () => {
  it("resolves at the first link, where Go returned before it", async () => {
    const [server, client] = [node(), node()];
    const { address } = await server.listenAndServe("tcp4", "127.0.0.1:0");
    void answer(server.bind("", "hello"), "Hello!");
    const membership = await client.join("tcp4", address);
    expect(client.routes().map(({ id }) => id)).toEqual([server.id]);
    expect(await ask(await client.dial("", "hello"))).toBe("Hello!");
    await membership.close();
    expect(client.links).toEqual([]);
  });

  it("of one address twice shares a link, which goes with the last of them", async () => {
    const [server, client] = [node(), node()];
    const { address } = await server.listenAndServe("tcp4", "127.0.0.1:0");
    const [one, other] = await Promise.all([client.join("tcp4", address), client.join("tcp4", address)]);
    expect(one.link).toBe(other.link);
    await one.close();
    expect(other.link?.state).toBe("up");
    await other.close();
    expect(client.links).toEqual([]);
  });

  it("goes on until somebody answers, and tells each failure", async () => {
    const [server, client] = [node(), node()];
    const vacant = await server.listenAndServe("tcp4", "127.0.0.1:0");
    await vacant.close();
    const failed = next(client, "joinerror");
    const joining = client.join("tcp4", vacant.address, { retry: { minDelayMs: 1, maxDelayMs: 10 } });
    expect((await failed) as CustomEvent).toMatchObject({ detail: { error: { code: "ECONNREFUSED" } } });
    await server.listenAndServe("tcp4", vacant.address);
    expect((await joining).peer).toBe(server.id);
  });
});

describe("Attach", () => {
  it("takes a socket", async () => {
    const listening = createTcpServer().listen(0, "127.0.0.1");
    await once(listening, "listening");
    const near = connect((listening.address() as AddressInfo).port, "127.0.0.1");
    const [far] = (await once(listening, "connection")) as [Socket];
    listening.close();
    const [a, b] = [node(), node()];
    a.attach(toConnection(near));
    expect(await b.attach(toConnection(far)).ready).toBe(a.id);
  });
});

describe("HttpDial", () => {
  it("in an http.Transport is httpAgent; http.Serve of a listener is serveHttp", async () => {
    const [server, client] = [node(), node()];
    const { address } = await server.listenAndServe("tcp4", "127.0.0.1:0");
    await client.join("tcp4", address);
    serveHttp(server.withEnv("alice", "chat").bind("", "http-api"), createServer((request, response) => response.end(request.url)));
    expect(await fetchText("http://http-api/send", client.withEnv("alice", "chat"))).toBe("/send");
  });
});

describe("MultiListener", () => {
  it("is one server for several listeners", async () => {
    const net = node();
    const server = createServer((request, response) => response.end(request.headers.host));
    for (const name of ["one", "other"]) serveHttp(net.bind("", name), server);
    expect(await fetchText("http://one/", net)).toBe("one");
    expect(await fetchText("http://other/", net)).toBe("other");
  });
});

describe("the environment variables", () => {
  it("MPXROUTER and SKYNET_BIND are the program's to read: a node does nothing by itself", async () => {
    const server = node();
    const { address } = await server.listenAndServe("tcp4", "127.0.0.1:0");
    const before = { ...process.env };
    onTestFinished(() => void (process.env = before));
    Object.assign(process.env, { MPXROUTER: address, SKYNET_BIND: "127.0.0.1:0" });
    const net = node();
    expect(net.links).toEqual([]);
    const { MPXROUTER, SKYNET_BIND } = process.env;
    if (SKYNET_BIND !== undefined) await net.listenAndServe("tcp4", SKYNET_BIND);
    if (MPXROUTER !== undefined) await net.join("tcp4", MPXROUTER);
    expect(net.routes().map(({ id }) => id)).toEqual([server.id]);
  });

  it("MPXDEBUG is the events: a node logs nothing by itself", async () => {
    const [server, client] = [node(), node()];
    const { address } = await server.listenAndServe("tcp4", "127.0.0.1:0");
    const up = next(server, "linkup");
    await client.join("tcp4", address);
    expect((await up) as CustomEvent).toMatchObject({ detail: { peer: client.id } });
  });
});
