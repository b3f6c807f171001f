import { once } from "node:events";
import { Agent, createServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AstraError } from "@astranet/transport";
import { WsTransport } from "@astranet/transport-ws";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { echo, exchange } from "./support/collect.ts";
import { fixture } from "./support/fixture.ts";
import { listening } from "./support/listening.ts";
import { ask, upgrade, withTcp } from "./support/raw.ts";

const tls = { cert: fixture("server.pem"), key: fixture("server-key.pem") };
const ca = fixture("ca.pem");
const init = { onconnection: echo };

async function withServer<T>(server: Server, use: (address: string, port: number) => Promise<T>, where: string | number = 0): Promise<T> {
  server.listen(typeof where === "number" ? { port: where, host: "127.0.0.1" } : { path: where });
  await once(server, "listening");
  const bound = server.address();
  const port = bound !== null && typeof bound === "object" ? bound.port : 0;
  try {
    return await use(`127.0.0.1:${String(port)}`, port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe("dial of WsTransport", () => {
  it.each([
    [403, "EACCES", false],
    [404, "ECONNREFUSED", false],
    [426, "ERR_ASTRANET_HANDSHAKE", false],
    [502, "ECONNREFUSED", false],
    [503, "ERR_ASTRANET_OVERLOAD", true],
    [504, "ETIMEDOUT", false],
    [500, "ERR_ASTRANET_HANDSHAKE", true],
    [200, "ERR_ASTRANET_HANDSHAKE", false],
    [302, "ERR_ASTRANET_HANDSHAKE", false],
  ])("names the status where a server answers %i instead", async (status, code, retryable) => {
    await withServer(
      createServer((_request, response) => {
        response.writeHead(status, status === 302 ? { Location: "https://elsewhere.test/" } : {}).end();
      }),
      async (address) => {
        const error: unknown = await new WsTransport().dial("ws", address).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code, retryable, message: expect.stringContaining(String(status)) as string });
        if (status === 302) expect((error as AstraError).message).toContain("https://elsewhere.test/");
      },
    );
  });

  it("is ECONNREFUSED where nobody listens, and ENOTFOUND for a name that does not exist", async () => {
    const address = await withTcp(() => undefined, (free) => Promise.resolve(free));
    await expect(new WsTransport().dial("ws", address)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    // `invalid` is reserved for names that never resolve (RFC 6761).
    await expect(new WsTransport().dial("ws", "no-such-host.invalid/mesh")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("is ERR_ASTRANET_HANDSHAKE where something else than HTTP answers, or a WebSocket server of another kind", async () => {
    await withTcp(
      (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"),
      async (address) => {
        await expect(new WsTransport().dial("ws", address)).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
      },
    );
    const other = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => false });
    await once(other, "listening");
    const address = `127.0.0.1:${String((other.address() as AddressInfo).port)}`;
    await expect(new WsTransport().dial("ws", address)).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("subprotocol") as string });
    other.close();
  });

  it("is ETIMEDOUT where a server stays silent for handshakeTimeoutMs, and leaves no socket", async () => {
    let closed: Promise<unknown> | undefined;
    await withTcp(
      (socket) => {
        closed = once(socket.resume(), "close");
      },
      async (address) => {
        await expect(new WsTransport({ handshakeTimeoutMs: 100 }).dial("ws", address)).rejects.toMatchObject({ code: "ETIMEDOUT", message: expect.stringContaining("100 ms") as string });
        await closed;
      },
    );
  });

  it("rejects with the reason of an abort while a server stays silent, and leaves no socket", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let closed: Promise<unknown> | undefined;
    await withTcp(
      (socket) => {
        closed = once(socket.resume(), "close");
        controller.abort(reason);
      },
      async (address) => {
        await expect(new WsTransport().dial("ws", address, { signal: controller.signal })).rejects.toBe(reason);
        await closed;
      },
    );
  });

  it("refuses a server whose certificate it does not trust, or that has none, with ERR_ASTRANET_HANDSHAKE", async () => {
    await listening(
      { tls: { server: tls } },
      async ({ address }) => {
        await expect(new WsTransport().dial("wss", address)).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
        const named = { tls: { client: { ca, servername: "elsewhere.test" } } };
        await expect(new WsTransport(named).dial("wss", address)).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
      },
      "wss",
    );
    await listening({}, async ({ address }) => {
      await expect(new WsTransport().dial("wss", address)).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
    });
  });

  it("sends the headers that it is given, and takes an agent", async () => {
    const asked: unknown[] = [];
    const server = createServer();
    server.on("upgrade", (request) => asked.push(request.headers.authorization));
    await withServer(server, async () => {
      const listener = await new WsTransport({ server }).listen("ws", "/mesh", init);
      const agent = new Agent();
      expect(await exchange(await new WsTransport({ headers: { Authorization: "Bearer x" }, agent }).dial("ws", listener.address))).toBe("hello");
      expect(asked).toEqual(["Bearer x"]);
    });
  });

  it("answers EINVAL to a bad address, and to a network that is not its own", async () => {
    for (const network of ["ws", "wss"]) {
      await expect(new WsTransport().dial(network, "localhost:http")).rejects.toMatchObject({ code: "EINVAL" });
      await expect(new WsTransport().dial(network, "localhost:0")).rejects.toMatchObject({ code: "EINVAL" });
      await expect(new WsTransport({ tls: { server: tls } }).listen(network, "localhost:0/?a=b", init)).rejects.toMatchObject({ code: "EINVAL" });
    }
    await expect(new WsTransport().dial("tcp", "localhost:1")).rejects.toMatchObject({ code: "EINVAL" });
    await expect(new WsTransport().dial("wss", "unix:/nowhere:/")).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("a listener of its own server", () => {
  it("answers 426 to plain HTTP at its path, and 404 to everything elsewhere", async () => {
    await listening(
      {},
      async ({ address }) => {
        expect(await ask(address)).toMatchObject({ status: 426, headers: { upgrade: "websocket" } });
        expect(await ask(`${address}?query=1`, {}, "POST")).toMatchObject({ status: 426 });
        const elsewhere = address.replace("/mesh", "/other");
        expect(await ask(elsewhere)).toMatchObject({ status: 404 });
        expect(await ask(elsewhere, upgrade)).toMatchObject({ status: 404 });
        expect(await ask(`${address}?query=1`, upgrade)).toMatchObject({ status: 101, headers: { "sec-websocket-protocol": "astranet" } });
      },
      "ws",
      "127.0.0.1:0/mesh",
    );
  });

  it("answers 400 to who offers other subprotocols only, or a request that is no WebSocket's", async () => {
    await listening({}, async ({ address }) => {
      expect(await ask(address, { ...upgrade, "Sec-WebSocket-Protocol": "graphql-ws, mqtt" })).toMatchObject({ status: 400 });
      expect(await ask(address, { ...upgrade, "Sec-WebSocket-Protocol": "mqtt, astranet" })).toMatchObject({ status: 101 });
      expect(await ask(address, { ...upgrade, "Sec-WebSocket-Key": "short" })).toMatchObject({ status: 400 });
    });
  });

  it("answers 431 to a head of more than 16 KiB", async () => {
    await listening({}, async ({ address }) => {
      expect(await ask(address, { ...upgrade, Cookie: "x".repeat(20_000) })).toMatchObject({ status: 431 });
    });
  });

  it("hangs up on who does not come to an end of the handshake, of TLS too, and not on who did", async () => {
    for (const network of ["ws", "wss"]) {
      await listening(
        { handshakeTimeoutMs: 200, tls: { server: tls, client: { ca } } },
        async ({ transport, address, accepted }) => {
          const connection = await transport.dial(network, address);
          echo(await accepted);
          const port = Number(/:(\d+)/.exec(address)?.[1]);
          const silent = connect(port, "127.0.0.1").on("error", () => undefined);
          const slow = connect(port, "127.0.0.1", () => void slow.write("GET / HTTP/1.1\r\nHost: ")).on("error", () => undefined);
          await Promise.all([once(silent.resume(), "close"), once(slow.resume(), "close")]);
          expect(await exchange(connection)).toBe("hello");
        },
        network,
      );
    }
  });

  it("drops the oldest of those within a handshake when there are more than maxPendingHandshakes", async () => {
    await listening({ maxPendingHandshakes: 2 }, async ({ transport, address, accepted }) => {
      const port = Number(address.split(":")[1]);
      const dial = async (): Promise<{ closed: Promise<unknown>; destroy: () => void }> => {
        const socket = connect(port, "127.0.0.1").on("error", () => undefined);
        await once(socket, "connect");
        return { closed: once(socket.resume(), "close"), destroy: () => void socket.destroy() };
      };
      const oldest = await dial();
      const others = [await dial(), await dial()];
      await oldest.closed;
      const connection = await transport.dial("ws", address);
      echo(await accepted);
      expect(await exchange(connection)).toBe("hello");
      for (const { destroy } of others) destroy();
    });
  });

  it("hangs up on who is within a handshake when it is closed", async () => {
    await listening({}, async ({ listener, address }) => {
      const socket = connect(Number(address.split(":")[1]), "127.0.0.1").on("error", () => undefined);
      await once(socket, "connect");
      // So that the server has it too.
      expect(await ask(address)).toMatchObject({ status: 426 });
      const closed = once(socket.resume(), "close");
      await listener.close();
      await closed;
    });
  });

  it("needs a certificate for 'wss', and one that is usable", async () => {
    await expect(new WsTransport().listen("wss", "127.0.0.1:0", init)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(new WsTransport({ tls: { server: { ...tls, cert: "nonsense" } } }).listen("wss", "127.0.0.1:0", init)).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("a listener on a server that was given", () => {
  it("takes its path, leaves plain HTTP and other upgrades alone, and answers 404 to upgrades that nobody takes", async () => {
    const server = createServer((_request, response) => {
      response.end("the page");
    });
    await withServer(server, async (address) => {
      const transport = new WsTransport({ server });
      const a = await transport.listen("ws", "/a", init);
      const b = await new WsTransport({ server }).listen("ws", `${address}/b`, init);
      expect([a.address, b.address]).toEqual([`${address}/a`, `${address}/b`]);
      expect(await exchange(await transport.dial("ws", a.address), "to a")).toBe("to a");
      expect(await exchange(await transport.dial("ws", b.address), "to b")).toBe("to b");
      expect(await ask(`${address}/a`)).toMatchObject({ status: 200, body: "the page" });
      expect(await ask(`${address}/c`, upgrade)).toMatchObject({ status: 404 });

      const others = new WebSocketServer({ server, path: "/c" });
      others.on("connection", (socket) => {
        socket.terminate();
      });
      expect(await ask(`${address}/c`, upgrade)).toMatchObject({ status: 101 });
      others.close();

      await expect(transport.listen("ws", "/a", init)).rejects.toMatchObject({ code: "EADDRINUSE" });
      await a.close();
      await a.closed;
      expect(await ask(`${address}/a`, upgrade)).toMatchObject({ status: 404 });
      const again = await transport.listen("ws", "/a", init);
      expect(await exchange(await transport.dial("ws", again.address))).toBe("hello");
      await again.close();
      await b.close();
      expect(server.listenerCount("upgrade")).toBe(0);
      expect(server.listening).toBe(true);
    });
  });

  it("carries wss on an https.Server", async () => {
    const server = createHttpsServer(tls);
    await withServer(server, async () => {
      const transport = new WsTransport({ server, tls: { client: { ca } } });
      const listener = await transport.listen("wss", "/mesh", init);
      expect(await exchange(await transport.dial("wss", listener.address))).toBe("hello");
    });
  });

  it.runIf(process.platform !== "win32")("has an address that can be dialled at a Unix socket too", async () => {
    const folder = mkdtempSync(join(tmpdir(), "astranet-"));
    const server = createServer();
    try {
      await withServer(
        server,
        async () => {
          const transport = new WsTransport({ server });
          const listener = await transport.listen("ws", "/mesh", init);
          expect(listener.address).toBe(`unix:${join(folder, "http.sock")}:/mesh`);
          expect(await exchange(await transport.dial("ws", listener.address))).toBe("hello");
        },
        join(folder, "http.sock"),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is closed when the server is", async () => {
    const server = createServer();
    const listener = await withServer(server, () => new WsTransport({ server }).listen("ws", "/mesh", init));
    await listener.closed;
    expect(server.listenerCount("upgrade")).toBe(0);
  });

  it("needs one that listens, of the network's kind, and an address of that server", async () => {
    const server = createServer();
    await expect(new WsTransport({ server }).listen("ws", "/", init)).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    await withServer(server, async (_address, port) => {
      await expect(new WsTransport({ server }).listen("wss", "/", init)).rejects.toMatchObject({ code: "EINVAL" });
      await expect(new WsTransport({ server: createHttpsServer(tls) }).listen("ws", "/", init)).rejects.toMatchObject({ code: "EINVAL" });
      await expect(new WsTransport({ server: { listening: true, address: () => null } }).listen("ws", "/", init)).rejects.toMatchObject({ code: "EINVAL" });
      for (const address of [`127.0.0.1:${String(port + 1)}/`, `127.0.0.2:${String(port)}/`]) {
        await expect(new WsTransport({ server }).listen("ws", address, init)).rejects.toMatchObject({ code: "EINVAL" });
      }
    });
  });
});
