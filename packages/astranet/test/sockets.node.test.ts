import { once } from "node:events";
import { createServer as createHttpServer, get, type IncomingMessage, type RequestOptions } from "node:http";
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { AstraNet, Conn } from "astranet";
import { connect, createServer, httpAgent, serveHttp, type StreamSocket, toConnection, toDuplex, undiciConnect } from "astranet/node";
import { Agent as UndiciAgent, fetch as undiciFetch } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { node, pair } from "./support/nodes.ts";

async function body(url: string, options: RequestOptions): Promise<string> {
  const [response] = (await once(get(url, options), "response")) as [IncomingMessage];
  return text(response);
}

function serveWeb(net: AstraNet, address: string): void {
  const server = createHttpServer((request, response) => {
    response.end(`${request.headers.host ?? ""}${request.url ?? ""}`);
  });
  serveHttp(net.bind("", address), server);
}

describe("connect and createServer", () => {
  it("are net.connect and net.createServer, with names for hosts", async () => {
    const [a, b] = await pair();
    const server = createServer(a, (socket) => void pipeline(socket, socket));
    await new Promise<void>((resolve) => server.listen("echo:7", resolve));
    expect(server.address()).toEqual({ address: a.id, port: 7, family: "astranet" });
    expect(() => server.listen("again")).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INVALID_STATE" }));
    const socket = connect(b, "echo:7");
    expect(socket.connecting).toBe(true);
    socket.write("hello ");
    await once(socket, "connect");
    expect(socket).toMatchObject({ remoteAddress: a.id, remotePort: 7, localAddress: b.id });
    socket.end("world");
    expect(await text(socket)).toBe("hello world");
    await new Promise<void>((resolve) => server.close(resolve));
    expect(server.address()).toBeNull();
    const refused = connect(b, `${a.id}:7`);
    expect((await once(refused, "error"))[0]).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("calls back when connected, and keeps half-open where it is asked to", async () => {
    const net = node();
    const server = createServer(net, { allowHalfOpen: true }, (socket) => {
      let heard = "heard ";
      socket.on("data", (chunk) => (heard += String(chunk))).on("end", () => socket.end(heard));
    }).listen("half", { hidden: true });
    onTestFinished(() => void server.close());
    const [socket] = await new Promise<[StreamSocket]>((resolve) => {
      const connected = connect(net, "half", { allowHalfOpen: true, timeoutMs: 1_000 }, () => resolve([connected]));
    });
    socket.end("me");
    expect(await text(socket)).toBe("heard me");
    expect(net.services()).toEqual([]);
  });

  it("gives the dial up when the socket is destroyed, or the signal aborts", async () => {
    const net = node();
    const socket = connect(net, "nobody");
    const closed = once(socket, "close");
    socket.destroy();
    await closed;
    const reason = new Error("enough");
    const controller = new AbortController();
    const aborted = connect(net, "nobody", { signal: controller.signal });
    const failed = once(aborted, "error");
    controller.abort(reason);
    expect((await failed)[0]).toBe(reason);
    expect((await once(connect(net, "nobody", { timeoutMs: 5 }), "error"))[0]).toMatchObject({ code: "ENOTFOUND" });
    expect((await once(connect(net, "No Body"), "error"))[0]).toMatchObject({ code: "EINVAL" });
  });

  it("makes sockets of Conns that one has", async () => {
    const net = node();
    const listener = net.bind("", "raw");
    const [accepted, conn] = await Promise.all([listener.accept(), net.dial("", "raw")]);
    const sockets = [toDuplex(accepted), toDuplex(conn, { allowHalfOpen: false })] as const;
    sockets[0].end("hi");
    expect(await text(sockets[1])).toBe("hi");
    sockets[0].destroy();
  });
});

describe("toConnection", () => {
  it("makes of a socket what attach takes", async () => {
    const listening = createTcpServer().listen(0, "127.0.0.1");
    await once(listening, "listening");
    const near = connectTcp((listening.address() as AddressInfo).port, "127.0.0.1");
    const [far] = (await once(listening, "connection")) as [Socket];
    listening.close();
    const [a, b] = [node(), node()];
    a.attach(toConnection(near));
    expect(await b.attach(toConnection(far)).ready).toBe(a.id);
    serveWeb(a, "web");
    expect(await body("http://web/", { agent: httpAgent(b) })).toBe("web/");
  });
});

describe("HTTP over services", () => {
  it("is asked by an agent of node:http: a name, a name and port, a node", async () => {
    const [a, b] = await pair();
    serveWeb(a, "web");
    serveWeb(a, "web:8080");
    serveWeb(a, ":80");
    const agent = httpAgent(b);
    expect(await body("http://web/x", { agent })).toBe("web/x");
    expect(await body("http://web:8080/y", { agent })).toBe("web:8080/y");
    expect(await body(`http://${a.id}/z`, { agent })).toBe(`${a.id}/z`);
  });

  it("keeps connections alive where the agent does", async () => {
    const [a, b] = await pair();
    const server = createHttpServer((_request, response) => response.end("kept"));
    let connections = 0;
    server.on("connection", () => connections++);
    serveHttp(a.bind("", "web"), server);
    const agent = httpAgent(b, { keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 10; i++) expect(await body("http://web/", { agent })).toBe("kept");
    expect(connections).toBe(1);
    agent.destroy();
  });

  it("gives a request the error of its dial", async () => {
    const net = node();
    const agent = httpAgent(net, { dial: { timeoutMs: 10 } });
    await expect(body("http://nobody/", { agent })).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(body(`http://${net.id}:81/`, { agent: httpAgent(net) })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("gives the dial of a request up when that is destroyed, aborted, or its agent destroyed", async () => {
    const net = node();
    const agent = httpAgent(net);
    const controller = new AbortController();
    const requests = [get("http://late/", { agent }), get("http://late/", { agent, signal: controller.signal }), get("http://late/", { agent })];
    const [destroyed, aborted, left] = requests.map((request) => new Promise((resolve) => request.on("error", resolve)));
    requests[0]?.destroy();
    expect(await destroyed).toMatchObject({ code: "ECONNRESET" });
    controller.abort();
    expect(await aborted).toMatchObject({ code: "ABORT_ERR" });
    agent.destroy();
    expect(await left).toMatchObject({ code: "ECONNRESET" });
    const listener = net.bind("", "late");
    const accepted: Conn[] = [];
    const accepting = (async () => {
      for await (const conn of listener) accepted.push(conn);
    })();
    const conn = await net.dial("", "late");
    await net.ping(net.id);
    await listener.close();
    await accepting;
    expect(accepted.map(({ remoteAddress }) => remoteAddress)).toEqual([conn.localAddress]);
    conn.reset();
  });

  it("counts a request's timeout while it is dialled", async () => {
    const net = node();
    const request = get("http://late/", { agent: httpAgent(net), timeout: 5 });
    await once(request, "timeout");
    const failed = once(request, "error");
    request.destroy(new Error("too late"));
    expect((await failed)[0]).toMatchObject({ message: "too late" });
  });

  it("is fetched through undici", async () => {
    const [a, b] = await pair();
    serveWeb(a, "web");
    serveWeb(a, "web:8080");
    const dispatcher = new UndiciAgent({ connect: undiciConnect(b) });
    const impatient = new UndiciAgent({ connect: undiciConnect(b, { timeoutMs: 10 }) });
    expect(await (await undiciFetch("http://web/x", { dispatcher })).text()).toBe("web/x");
    expect(await (await undiciFetch("http://web:8080/y", { dispatcher })).text()).toBe("web:8080/y");
    expect(await (await fetch("http://web/own", { dispatcher } as unknown as RequestInit)).text()).toBe("web/own");
    await expect(undiciFetch("http://nobody/", { dispatcher: impatient })).rejects.toMatchObject({ cause: { code: "ENOTFOUND" } });
    await expect(undiciFetch("https://web/", { dispatcher })).rejects.toMatchObject({ cause: { code: "EINVAL" } });
    await Promise.all([dispatcher.destroy(), impatient.destroy()]);
  });

  it("stops coming when the HTTP server closes, or the listener", async () => {
    const net = node();
    const server = createHttpServer();
    const listener = net.bind("", "web");
    serveHttp(listener, server);
    const told = new Promise((resolve) => server.close(resolve));
    await listener.closed;
    // It never listened itself, says Node.
    expect(await told).toMatchObject({ code: "ERR_SERVER_NOT_RUNNING" });
    const other = net.bind("", "web");
    serveHttp(other, server);
    await other.close();
    expect(server.listenerCount("close")).toBe(0);
  });
});
