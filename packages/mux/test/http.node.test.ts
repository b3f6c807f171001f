import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type RequestListener, type RequestOptions, type Server } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import type { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { connect as connectTls, createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import { readFileSync } from "node:fs";
import type { Session } from "@astranet/mux";
import { dialer, listener, toDuplex } from "@astranet/mux/node";
import { describe, expect, it } from "vitest";
import { Agent as UndiciAgent, fetch as undiciFetch } from "undici";
import { WebSocket, WebSocketServer } from "ws";
import { sessionsInMemory, sessionsOverTcp } from "./support/node-sessions.ts";

function serve(session: Session, onrequest: RequestListener): Server {
  const server = createServer(onrequest);
  listener(session, (socket) => server.emit("connection", socket));
  return server;
}

const echo: RequestListener = (incoming, response) => {
  response.setHeader("path", incoming.url ?? "");
  incoming.pipe(response);
};

async function ask(options: RequestOptions, body = ""): Promise<{ response: IncomingMessage; body: string }> {
  const asking = request({ method: "POST", host: "peer", ...options });
  asking.end(body);
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  return { response, body: await text(response) };
}

describe("node:http over streams", () => {
  it("serves and requests", async () => {
    const { client, server } = await sessionsOverTcp();
    serve(server, echo);
    const { response, body } = await ask({ path: "/a", createConnection: dialer(client) }, "hello");
    expect(response.headers["path"]).toBe("/a");
    expect(body).toBe("hello");
  });

  it("uses one stream for many requests of an agent that keeps connections alive", async () => {
    const { client, server } = await sessionsOverTcp();
    serve(server, echo);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agent.createConnection = dialer(client);
    for (let i = 0; i < 20; i++) expect((await ask({ path: `/${i}`, agent }, `body ${i}`)).body).toBe(`body ${i}`);
    expect(server.stats().accepted).toBe(1);
    agent.destroy();
  });

  it("keeps an agent's connections alive over Duplexes with their defaults, and drops those that the server closed", async () => {
    const { client, server } = await sessionsOverTcp();
    let accepted: Duplex | undefined;
    serve(server, echo).on("connection", (socket: Duplex) => {
      accepted = socket;
    });
    const agent = new Agent({ keepAlive: true });
    agent.createConnection = () => toDuplex(client.open());
    await ask({ agent }, "one");
    const [idle] = Object.values(agent.freeSockets).flat();
    const gone = once(idle!, "close");
    accepted?.destroy();
    await gone;
    expect((await ask({ agent }, "two")).body).toBe("two");
    expect(server.stats().accepted).toBe(2);
    agent.destroy();
  });

  it("carries 50 MB up and down at once", async () => {
    const { client, server } = await sessionsOverTcp();
    serve(server, echo);
    const sent = randomBytes(50_000_000);
    const asking = request({ method: "POST", host: "peer", createConnection: dialer(client) });
    asking.end(sent);
    const [response] = (await once(asking, "response")) as [IncomingMessage];
    const heard = await buffer(response);
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    expect(digest(heard)).toBe(digest(sent));
  });

  it("loses none of 10,000 requests, 200 at once, with or without keep-alive", async () => {
    for (const keepAlive of [true, false]) {
      const { client, server } = await sessionsOverTcp();
      let served = 0;
      serve(server, (incoming, response) => {
        served++;
        response.end(incoming.url);
      });
      const agent = new Agent({ keepAlive, maxSockets: 200 });
      agent.createConnection = dialer(client);
      const total = keepAlive ? 10_000 : 2_000;
      let next = 0;
      const wrong: string[] = [];
      const one = async (): Promise<void> => {
        while (next < total) {
          const path = `/${next++}`;
          const { body } = await ask({ method: "GET", path, agent });
          if (body !== path) wrong.push(`${path}: ${body}`);
        }
      };
      await Promise.all(Array.from({ length: 200 }, one));
      expect(wrong).toEqual([]);
      expect(served).toBe(total);
      expect(server.stats().accepted).toBe(keepAlive ? 200 : total);
      agent.destroy();
    }
  }, 60_000);

  it("gives a request the error of a session that died", async () => {
    const { client, server } = await sessionsOverTcp();
    serve(server, () => server.abort());
    await expect(ask({ createConnection: dialer(client) })).rejects.toMatchObject({ code: "ECONNRESET" });
    await client.closed.catch(() => undefined);
    await expect(ask({ createConnection: dialer(client) })).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    expect(() => dialer(client)()).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_SESSION_CLOSED" }));
  });

  it("times a request out", async () => {
    const { client, server } = sessionsInMemory();
    serve(server, () => undefined);
    const asking = request({ host: "peer", createConnection: dialer(client), timeout: 10 });
    asking.end();
    await once(asking, "timeout");
    asking.destroy();
    const [error] = (await once(asking, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });
});

describe("node:http2 over streams", () => {
  it("carries requests", async () => {
    const { client, server } = await sessionsOverTcp();
    const serving = createHttp2Server((incoming, response) => response.end(incoming.url));
    listener(server, (socket) => serving.emit("connection", socket));
    const h2 = connectHttp2("http://peer", { createConnection: () => toDuplex(client.open()) });
    const bodies = await Promise.all(Array.from({ length: 100 }, (_, i) => text(h2.request({ ":path": `/${i}` }))));
    expect(bodies).toEqual(Array.from({ length: 100 }, (_, i) => `/${i}`));
    await new Promise<void>((resolve) => h2.close(resolve));
  });
});

describe("undici over streams", () => {
  it("fetches", async () => {
    const { client, server } = await sessionsOverTcp();
    serve(server, echo);
    const dispatcher = new UndiciAgent({ connect: dialer(client) });
    for (let i = 0; i < 5; i++) {
      const response = await undiciFetch(`http://peer/${i}`, { method: "POST", body: `hello ${i}`, dispatcher });
      expect(response.headers.get("path")).toBe(`/${i}`);
      expect(await response.text()).toBe(`hello ${i}`);
    }
    const all = await Promise.all(Array.from({ length: 200 }, async (_, i) => (await undiciFetch(`http://peer/${i}`, { dispatcher })).headers.get("path")));
    expect(all).toEqual(Array.from({ length: 200 }, (_, i) => `/${i}`));
    await dispatcher.close();
  });

  it("gives Node's own fetch a dispatcher", async () => {
    const { client, server } = await sessionsOverTcp();
    serve(server, echo);
    const dispatcher = new UndiciAgent({ connect: dialer(client) });
    const response = await fetch("http://peer/", { method: "POST", body: "hello", dispatcher } as unknown as RequestInit);
    expect(await response.text()).toBe("hello");
    await dispatcher.destroy();
  });

  it("fails a fetch with the session's error as its cause", async () => {
    const { client } = await sessionsOverTcp();
    await client.close();
    const dispatcher = new UndiciAgent({ connect: dialer(client) });
    await expect(undiciFetch("http://peer/", { dispatcher })).rejects.toMatchObject({ cause: { code: "ERR_ASTRANET_SESSION_CLOSED" } });
  });
});

describe("ws over streams", () => {
  it("exchanges messages and closes", async () => {
    const { client, server } = await sessionsOverTcp();
    const sockets = new WebSocketServer({ server: serve(server, echo) });
    sockets.on("connection", (socket) => socket.on("message", (message) => socket.send(message)));
    // What ws calls createConnection it hands to http.request, whose type it is.
    const socket = new WebSocket("ws://peer/", { createConnection: dialer(client) as never });
    await once(socket, "open");
    const large = randomBytes(300_000);
    socket.send(large);
    expect(((await once(socket, "message")) as [Buffer])[0].equals(large)).toBe(true);
    socket.close(1000, "done");
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([1000, "done"]);
  });
});

describe("tls over streams", () => {
  const fixture = (name: string): Buffer => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url));
  const identity = { cert: fixture("server.pem"), key: fixture("server-key.pem") };

  function serveTls(session: Session, onsecure: (socket: TLSSocket) => void): TlsServer {
    const server = createTlsServer(identity, onsecure);
    listener(session, (socket) => server.emit("connection", socket));
    return server;
  }

  it("shakes hands, carries 5 MB both ways, and ends", async () => {
    const { client, server } = await sessionsOverTcp();
    serveTls(server, (socket) => socket.pipe(socket));
    const socket = connectTls({ socket: toDuplex(client.open()), ca: fixture("ca.pem"), servername: "localhost" });
    await once(socket, "secureConnect");
    expect(socket.authorized).toBe(true);
    const sent = randomBytes(5_000_000);
    const heard = buffer(socket);
    socket.end(sent);
    expect((await heard).equals(sent)).toBe(true);
  });

  it("fails when the stream breaks", async () => {
    const { client, server } = await sessionsOverTcp();
    serveTls(server, () => server.abort());
    const socket = connectTls({ socket: toDuplex(client.open()), ca: fixture("ca.pem"), servername: "localhost" });
    const [error] = (await once(socket, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });
});
