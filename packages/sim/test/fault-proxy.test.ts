import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { FaultProxy, type FaultConditions } from "@astranet/sim";
import { afterEach, describe, expect, it, vi } from "vitest";

interface Ends {
  readonly proxy: FaultProxy;
  readonly client: Socket;
  readonly server: Socket;
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function listen(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => server.close());
  return server;
}

function dial(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("error", () => undefined);
  open.push(() => socket.destroy());
  return socket;
}

async function connected(conditions?: Partial<FaultConditions>): Promise<Ends> {
  const target = await listen();
  const proxy = await FaultProxy.listen({ target: { port: (target.address() as AddressInfo).port }, ...(conditions === undefined ? {} : { conditions }) });
  open.push(() => void proxy.close());
  const client = dial(proxy.port);
  const [server] = (await once(target, "connection")) as [Socket];
  server.on("error", () => undefined);
  open.push(() => server.destroy());
  return { proxy, client, server };
}

/** Reads until there are so many bytes. */
async function read(socket: Socket, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let got = 0; got < length; ) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    parts.push(chunk);
    got += chunk.length;
  }
  return Buffer.concat(parts);
}

describe("a fault proxy", () => {
  it("passes bytes and ends through, both ways", async () => {
    const { client, server } = await connected();
    client.end("question");
    expect((await read(server, 8)).toString()).toBe("question");
    await once(server, "end");
    server.end("answer");
    expect((await read(client, 6)).toString()).toBe("answer");
    await once(client, "end");
  });

  it("delays each direction by its latency", async () => {
    const { proxy, client, server } = await connected();
    proxy.toTarget.change({ latencyMs: 30 });
    proxy.toClient.change({ latencyMs: 50 });
    const began = performance.now();
    client.write("ping");
    await read(server, 4);
    const there = performance.now() - began;
    server.write("pong");
    await read(client, 4);
    expect(there).toBeGreaterThanOrEqual(29);
    expect(performance.now() - began).toBeGreaterThanOrEqual(79);
  });

  it("lets no more through than its bandwidth", async () => {
    const { client, server } = await connected({ bytesPerSecond: 1_000_000 });
    const began = performance.now();
    client.write(Buffer.alloc(150_000, 7));
    const bytes = await read(server, 150_000);
    expect(performance.now() - began).toBeGreaterThanOrEqual(120);
    expect(bytes.equals(Buffer.alloc(150_000, 7))).toBe(true);
  });

  it("writes slices, in order", async () => {
    const { client, server } = await connected({ sliceBytes: 100 });
    const sent = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7) & 0xff));
    let most = 0;
    let chunks = 0;
    server.on("data", (chunk: Buffer) => {
      most = Math.max(most, chunk.length);
      chunks += 1;
    });
    client.write(sent);
    expect((await read(server, sent.length)).equals(sent)).toBe(true);
    // The kernel may join what was written close together.
    expect(chunks).toBeGreaterThan(5);
    expect(most).toBeLessThan(5000);
  });

  it("stalls one direction, while the other goes on, and delivers what waited", async () => {
    const { proxy, client, server } = await connected();
    proxy.toTarget.change({ stalled: true });
    let arrived = "";
    server.on("data", (chunk: Buffer) => (arrived += chunk.toString()));
    client.write("late");
    for (let i = 0; i < 20; i += 1) {
      server.write("tick");
      await read(client, 4);
    }
    expect(arrived).toBe("");
    proxy.toTarget.change({ stalled: false });
    await read(server, 4);
    expect(arrived).toBe("late");
  });

  it("is a blackhole for what runs and for what comes new, until it is none any more", async () => {
    const { proxy, client, server } = await connected();
    proxy.blackhole();
    const late = dial(proxy.port);
    await once(late, "connect");
    client.write("from the old one");
    late.write("from the new one");
    // Time passes on a connection that knows nothing of it.
    const marker = await connected();
    for (let i = 0; i < 20; i += 1) {
      marker.client.write("tick");
      await read(marker.server, 4);
    }
    expect(server.bytesRead).toBe(0);
    expect(proxy.connections).toBe(1);
    proxy.blackhole(false);
    expect((await read(server, 16)).toString()).toBe("from the old one");
  });

  it("resets both ends", async () => {
    const { proxy, client, server } = await connected();
    const errors = Promise.all([once(client, "error"), once(server, "error")]);
    proxy.reset();
    const [[clientError], [serverError]] = (await errors) as [[NodeJS.ErrnoException], [NodeJS.ErrnoException]];
    expect([clientError.code, serverError.code]).toEqual(["ECONNRESET", "ECONNRESET"]);
  });

  it("resets who dialled, and lets the target go on believing", async () => {
    const { proxy, client, server } = await connected();
    let told = false;
    server.once("close", () => (told = true));
    const error = once(client, "error");
    proxy.resetClients();
    await error;
    const marker = await connected();
    marker.client.write("tick");
    await read(marker.server, 4);
    expect(told).toBe(false);
    expect(server.destroyed).toBe(false);
  });

  it("refuses new connections for as long as it is told to", async () => {
    const { proxy } = await connected();
    proxy.refuse();
    const refused = dial(proxy.port);
    const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
    expect(proxy.connections).toBe(1);
  });

  it("passes a reset on, and forgets the connection", async () => {
    const { proxy, client, server } = await connected();
    client.resetAndDestroy();
    const [error] = (await once(server, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
    await vi.waitFor(() => expect(proxy.connections).toBe(0));
  });

  it("says what means nothing", async () => {
    const { proxy } = await connected();
    expect(() => proxy.toTarget.change({ latencyMs: -1 })).toThrow("latencyMs is a duration, not -1");
    expect(() => proxy.both({ bytesPerSecond: 0 })).toThrow("bytesPerSecond");
    expect(() => proxy.both({ sliceBytes: 0 })).toThrow("sliceBytes");
  });

  it("breaks what runs when it closes, and listens no more", async () => {
    const { proxy, client } = await connected();
    const over = once(client, "error");
    const { port } = proxy;
    await proxy.close();
    expect(((await over) as [NodeJS.ErrnoException])[0].code).toBe("ECONNRESET");
    const [error] = (await once(dial(port), "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  });
});
