import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, get } from "node:http";
import { connect as netConnect, createServer as createNetServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { connect as tlsConnect, createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { RecordStore } from "@astranet/discovery";
import { muxado, Session, SessionListener } from "@astranet/mux";
import { Router, drawNodeId, type Link, type RouterEvent, type RouterOptions } from "@astranet/router";
import { systemRandom, type Connection, type ListenInit, type Transport, type TransportListener } from "@astranet/transport";
import { TcpTransport } from "@astranet/transport-tcp";
import { afterEach, describe, expect, it } from "vitest";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function node(options: Partial<RouterOptions> = {}): Router {
  const store = new RecordStore({ self: drawNodeId(systemRandom), incarnation: 1n });
  const router = new Router({ store, transports: [new TcpTransport()], ...options });
  cleanups.push(() => router.close());
  return router;
}

/** The first event of that type from now on. */
function next<T extends RouterEvent["type"]>(router: Router, type: T): Promise<Extract<RouterEvent, { type: T }>> {
  return new Promise((resolve) => {
    const end = router.subscribe((event) => {
      if (event.type !== type) return;
      end();
      resolve(event as Extract<RouterEvent, { type: T }>);
    });
  });
}

interface Peer {
  readonly process: ChildProcess;
  readonly id: string;
  readonly address: string;
}

const script = fileURLToPath(new URL("support/peer-process.ts", import.meta.url));

async function startPeer(address = "127.0.0.1:0", idleTimeoutMs = 15_000): Promise<Peer> {
  const child = spawn(process.execPath, ["--conditions=@astranet/source", "--import", "tsx", script, address, String(idleTimeoutMs)], { stdio: ["ignore", "pipe", "inherit"] });
  cleanups.push(() => {
    child.kill("SIGKILL");
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { process: child, ...(JSON.parse(line) as { id: string; address: string }) };
}

describe("over TCP", () => {
  it("two nodes hold a thousand Conns on one connection, and echo on each", async () => {
    const [a, b] = [node(), node()];
    const listener = await b.listen("tcp", "127.0.0.1:0");
    const membership = await a.join("tcp", listener.address);
    expect(membership.peer).toBe(b.id);
    const echo = b.bind({ port: 7 });
    void (async () => {
      for await (const conn of echo) {
        void (async () => {
          for await (const chunk of conn) await conn.write(chunk);
          await conn.end();
        })();
      }
    })();
    const sums = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const conn = await a.connect(b.id, 7);
        await conn.end(new Uint8Array(i).fill(i & 0xff));
        let bytes = 0;
        for await (const chunk of conn) bytes += chunk.length;
        return bytes;
      }),
    );
    expect(sums).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([a.links.length, b.links.length]).toEqual([1, 1]);
  });

  it("tells who knocks that is no node: HTTP, TLS and muxado, each in words, and each of them fails too", async () => {
    const b = node();
    const { address } = await b.listen("tcp", "127.0.0.1:0");
    const [host, port] = address.split(":") as [string, string];
    const knocks: [string, () => Promise<unknown>][] = [
      ["an HTTP request", () => once(get(`http://${address}/`), "error")],
      ["TLS handshake", () => once(tlsConnect({ host, port: Number(port), rejectUnauthorized: false }), "error")],
      [
        "muxado frame",
        async () => {
          const session = await Session.dial(new TcpTransport(), "tcp", address, { wire: muxado() });
          void session.open().end(Uint8Array.of(1)).catch(() => undefined);
          await expect(session.closed).rejects.toMatchObject({ code: expect.any(String) as string });
        },
      ],
      [
        "a bare mux session",
        async () => {
          const session = await Session.dial(new TcpTransport(), "tcp", address);
          await expect(session.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
        },
      ],
    ];
    for (const [words, knock] of knocks) {
      const [{ error }] = await Promise.all([next(b, "linkerror"), knock()]);
      expect(error).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining(words) as string });
    }
    expect(b.links).toEqual([]);
  });

  it("join says what it has met on a port that is not astranet's, and does not try again", async () => {
    const a = node({ limits: { handshakeTimeoutMs: 1000 } });
    const http = createServer().listen(0, "127.0.0.1");
    const echo = createNetServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    const tls = createTlsServer({}).listen(0, "127.0.0.1");
    tls.on("tlsClientError", () => undefined);
    await Promise.all([http, echo, tls].map((server) => once(server, "listening")));
    cleanups.push(() => [http, echo, tls].map((server) => server.close()));
    const stranger = new SessionListener(new TcpTransport(), "tcp", "127.0.0.1:0", { wire: muxado() });
    cleanups.push(() => stranger.close());
    const addressOf = (server: { address(): unknown }): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const [address, code, words] of [
      [addressOf(http), "ERR_ASTRANET_PROTOCOL", "answered in HTTP"],
      // Node's hangs up, without an alert; so may a busy node, and then another try is worth it.
      [addressOf(tls), "ERR_ASTRANET_HANDSHAKE", "without a word"],
      [addressOf(echo), "ERR_ASTRANET_HANDSHAKE", "our own preamble"],
      [await stranger.listening, "ERR_ASTRANET_PROTOCOL", "muxado frame"],
    ] as const) {
      await expect(a.join("tcp", address, { retry: words.startsWith("without") ? false : {} })).rejects.toMatchObject({ code, message: expect.stringContaining(words) as string });
    }
  });

  it("gives up on a port that says nothing at the handshake's time limit", async () => {
    const a = node({ limits: { handshakeTimeoutMs: 200 } });
    const silent = createNetServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    cleanups.push(() => silent.close());
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await expect(a.join("tcp", address, { retry: false })).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: true });
  });

  it("cuts whoever connects and says nothing, or says it one byte at a time", async () => {
    const b = node({ limits: { handshakeTimeoutMs: 200 } });
    const { address } = await b.listen("tcp", "127.0.0.1:0");
    const [host, port] = address.split(":") as [string, string];
    const sockets = Array.from({ length: 5 }, () => netConnect(Number(port), host));
    for (const socket of sockets) {
      socket.on("error", () => undefined);
      socket.resume();
      socket.write("A");
    }
    await Promise.all(sockets.map((socket) => once(socket, "close")));
    expect(b.links).toEqual([]);
  });
});

describe("a peer in another process", () => {
  it("that is killed fails each of thousands of streams once, and is linked again within a second of its return", async () => {
    const a = node();
    const peer = await startPeer();
    await a.join("tcp", peer.address, { retry: { maxDelayMs: 500 } });
    const count = 5000;
    let failures = 0;
    const codes = new Set<string>();
    const conns = await Promise.all(Array.from({ length: count }, () => a.connect(peer.id, 8)));
    const reads = conns.map((conn) =>
      conn.read().then(
        () => undefined,
        (error: unknown) => {
          failures += 1;
          codes.add((error as { code: string }).code);
        },
      ),
    );
    const down = next(a, "linkdown");
    peer.process.kill("SIGKILL");
    await Promise.all([down, ...reads]);
    expect([failures, [...codes]]).toEqual([count, ["ECONNRESET"]]);
    for (const conn of conns.slice(0, 10)) await expect(conn.write(Uint8Array.of(1))).rejects.toMatchObject({ code: "ECONNRESET" });
    const up = next(a, "linkup");
    const returned = await startPeer(peer.address);
    const returnedAt = performance.now();
    expect((await up).peer).toBe(returned.id);
    expect(performance.now() - returnedAt).toBeLessThan(1000);
    expect(a.routes().map(({ id }) => id)).toEqual([returned.id]);
    const conn = await a.connect(returned.id, 7);
    await conn.end(Uint8Array.of(1, 2));
    expect(await conn.read()).toEqual(Uint8Array.of(1, 2));
  }, 40_000);

  it("that is stopped is declared dead between 1.0 and 1.1 idle timeouts after its last byte", async () => {
    const idleTimeoutMs = 2000;
    const heard = new LastByte(new TcpTransport());
    const a = node({ transports: [heard], idleTimeoutMs });
    const peer = await startPeer("127.0.0.1:0", idleTimeoutMs);
    const membership = await a.join("tcp", peer.address, { retry: { maxDelayMs: 500 } });
    const conn = await a.connect(peer.id, 7);
    const read = conn.read();
    read.catch(() => undefined);
    const down = next(a, "linkdown");
    peer.process.kill("SIGSTOP");
    const link = membership.link as Link;
    await down;
    const silence = performance.now() - heard.at;
    expect(silence).toBeGreaterThanOrEqual(idleTimeoutMs);
    expect(silence).toBeLessThan(1.1 * idleTimeoutMs);
    await expect(read).rejects.toMatchObject({ code: "ETIMEDOUT" });
    await expect(link.closed).rejects.toMatchObject({ code: "ETIMEDOUT" });
    const up = next(a, "linkup");
    peer.process.kill("SIGCONT");
    expect((await up).peer).toBe(peer.id);
  }, 40_000);
});

/** Notes when the last byte came. */
class LastByte implements Transport {
  readonly networks: readonly string[];
  readonly #transport: TcpTransport;
  at = 0;

  constructor(transport: TcpTransport) {
    this.#transport = transport;
    this.networks = transport.networks;
  }

  async dial(network: string, address: string, options?: { signal?: AbortSignal }): Promise<Connection> {
    const connection = await this.#transport.dial(network, address, options);
    return {
      localAddress: connection.localAddress,
      remoteAddress: connection.remoteAddress,
      send: (chunks) => connection.send(chunks),
      close: () => connection.close(),
      abort: (reason) => connection.abort(reason),
      start: (sink) =>
        connection.start({
          data: (chunk) => {
            this.at = performance.now();
            sink.data(chunk);
          },
          drain: () => sink.drain(),
          closed: (reason) => sink.closed(reason),
        }),
    };
  }

  listen(network: string, address: string, init: ListenInit): Promise<TransportListener> {
    return this.#transport.listen(network, address, init);
  }
}
