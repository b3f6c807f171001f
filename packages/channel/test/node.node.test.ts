import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { connect, createServer, Socket, type AddressInfo, type IpcNetConnectOpts, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, PassThrough, Readable, Writable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { finished, pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { BytePair, Channels, copy, pipe, type DuplexBytes } from "@astranet/channel";
import { fromNode, gateway, handedSockets, handSocket, sockets, toNode, type GatewayAddress, type SocketMessage } from "@astranet/channel/node";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** With what error a socket closes, if any. */
async function closeOf(socket: Socket): Promise<NodeJS.ErrnoException | undefined> {
  let error: NodeJS.ErrnoException | undefined;
  socket.on("error", (each) => (error = each));
  socket.resume();
  await new Promise((resolve) => socket.once("close", resolve));
  return error;
}

function both(): { client: Channels; server: Channels; end: () => void } {
  const [here, there] = memoryPair();
  const [client, server] = [new Channels(here, { role: "client" }), new Channels(there, { role: "server" })];
  return {
    client,
    server,
    end: () => {
      client.abort();
      server.abort();
    },
  };
}

/** A child that takes sockets, and two that are connected. */
async function toHand(serialization: "json" | "advanced" = "json"): Promise<{ child: ChildProcess; sockets: { here: Socket; there: Socket }[]; end: () => Promise<void> }> {
  const child = fork(fileURLToPath(new URL("support/takes-sockets.ts", import.meta.url)), { serialization, execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
  const exited = once(child, "exit");
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const port = await listening(server);
  const pairs: { here: Socket; there: Socket }[] = [];
  for (let n = 0; n < 2; n += 1) {
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const here = connect(port, "127.0.0.1");
    pairs.push({ here, there: (await accepted)[0] });
  }
  const end = async (): Promise<void> => {
    for (const { here, there } of pairs) for (const socket of [here, there]) socket.destroy();
    server.close();
    child.kill("SIGKILL");
    await exited;
  };
  return { child, sockets: pairs, end };
}

describe("a stream of Node's in a message", () => {
  it("gives its bytes to who receives the message, and takes them from there", async () => {
    const { client, server, end } = both();
    const out = client.open<{ input: ReadableStream<Uint8Array>; output: WritableStream<Uint8Array> }>();
    const output = new PassThrough();
    const bulk = Buffer.alloc(3_000_000, "0123456789");
    await out.send({ input: fromNode(Readable.from([bulk.subarray(0, 1), bulk.subarray(1)], { objectMode: false })), output: fromNode(new Writable({ write: (chunk: Uint8Array, _encoding, done) => void output.write(chunk, () => { done(); }), final: (done) => void output.end(() => { done(); }) })) });
    const { input, output: back } = await (await server.accept<{ input: ReadableStream<Uint8Array>; output: WritableStream<Uint8Array> }>()).receive();
    const echoed = pipeline(toNode(input), toNode(back));
    expect((await buffer(output)).equals(bulk)).toBe(true);
    await echoed;
    end();
  });

  it("of both directions is one of both directions there", async () => {
    const { sender, receiver } = pipe<DuplexBytes>({ capacity: 1 });
    const duplex = new PassThrough();
    await sender.send(fromNode(duplex));
    const there = toNode(await receiver.receive());
    there.end("there and back");
    expect(await text(there)).toBe("there and back");
  });

  it("of both directions goes on in one where the other has ended", async () => {
    const { client, server, end } = both();
    const [near, far] = [new PassThrough(), new PassThrough()];
    await client.open<DuplexBytes>().send(fromNode(Duplex.from({ readable: near, writable: far })));
    const there = toNode(await (await server.accept<DuplexBytes>()).receive());
    const got = text(far);
    near.end();
    await finished(there.resume(), { writable: false });
    for (const part of ["after ", "the ", "end"]) if (!there.write(Buffer.alloc(100_000, part))) await once(there, "drain");
    there.end();
    expect((await got).length).toBe(300_000);
    end();
  });

  it("has bytes, and no objects", () => {
    expect(() => fromNode(Readable.from([{ a: 1 }]))).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => fromNode(new Writable({ objectMode: true }))).toThrow(expect.objectContaining({ code: "EINVAL" }));
    for (const none of [{}, 3, null]) expect(() => fromNode(none as never)).toThrow(expect.objectContaining({ name: "AstraError", code: "EINVAL" }));
    for (const none of [{}, 3, null, { readable: 1, writable: 2 }]) expect(() => toNode(none as never)).toThrow(expect.objectContaining({ name: "AstraError", code: "EINVAL" }));
  });

  it("is destroyed with an error where its bytes break off, whatever the reason was", async () => {
    const [one, two] = [new Writable(), new Writable()];
    const closed = [once(one, "error"), once(two, "error")];
    const reason = new Error("broke");
    void fromNode(one).abort(reason);
    void fromNode(two).abort("no error");
    expect(await Promise.all(closed)).toEqual([[reason], [expect.objectContaining({ code: "ECONNRESET" })]]);
  });

  it("is no reset for a socket that is not connected yet: nobody waits for that", async () => {
    const server = createServer();
    const here = connect(await listening(server), "127.0.0.1");
    const duplex: Duplex = here;
    void fromNode(duplex).writable.abort(new Error("broke"));
    expect((await closeOf(here))?.message).toBe("broke");
    server.close();
  });

  it("is no reset for a socket whose end is on its way, nor for one that is not of TCP: they are closed", async () => {
    const path = join(await mkdtemp(join(tmpdir(), "astranet-")), "socket");
    const servers = [createServer(), createServer()] as const;
    await once(servers[0].listen(path), "listening");
    const addresses = [{ path }, { host: "127.0.0.1", port: await listening(servers[1]) }];
    for (const [i, server] of servers.entries()) {
      const accepted = once(server, "connection") as Promise<[Socket]>;
      const here = connect(addresses[i] as IpcNetConnectOpts);
      const [there] = await accepted;
      const duplex: Duplex = here;
      const { writable } = fromNode(duplex);
      const over = [closeOf(here), closeOf(there)];
      if (i === 1) here.end();
      void writable.abort(new Error("broke"));
      expect((await over[0])?.message).toBe("broke");
      await over[1];
      await once(server.close(), "close");
    }
  });
});

describe("a gateway", () => {
  it("joins raw connections here with a server there, each direction to its end", async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    const [front, address] = [createServer(), { host: "127.0.0.1", port: await listening(echo) }];
    const { client, server, end } = both();
    const incoming = sockets(front);
    const copied = copy(client.open<SocketMessage>(), incoming);
    const joined = gateway(await server.accept<SocketMessage>(), address);
    const port = await listening(front);
    const bulk = Buffer.alloc(2_000_000, "abcdefghij");
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
        socket.end(bulk);
        return buffer(socket);
      }),
    );
    for (const answer of answers) expect(answer.equals(bulk)).toBe(true);
    front.close();
    expect(await copied).toBe(5);
    await joined;
    echo.close();
    end();
  });

  /** What joins `front` with `address`, over a session. */
  async function gatewayTo(address: GatewayAddress): Promise<{ port: number; end: () => void }> {
    const front = createServer({ allowHalfOpen: true });
    const { client, server, end } = both();
    void copy(client.open<SocketMessage>(), sockets(front)).catch(() => undefined);
    void server.accept<SocketMessage>().then((connections) => gateway(connections, address)).catch(() => undefined);
    return { port: await listening(front), end: () => {
      front.close();
      end();
    } };
  }

  it("resets a connection that breaks on the other side, so that nobody takes what came for all: where the server resets it, and where who connected does", async () => {
    const backend = createServer({ allowHalfOpen: true });
    const { port, end } = await gatewayTo({ host: "127.0.0.1", port: await listening(backend) });
    for (const breaks of ["there", "here"]) {
      const accepted = once(backend, "connection") as Promise<[Socket]>;
      const here = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
      const [there] = await accepted;
      const over = [closeOf(here), closeOf(there)];
      there.write("partial");
      expect(String((await once(here, "data"))[0])).toBe("partial");
      (breaks === "there" ? there : here).resetAndDestroy();
      expect((await over[breaks === "there" ? 0 : 1])?.code).toBe("ECONNRESET");
    }
    end();
    backend.close();
  });

  it("resets both sides where the session dies: one that has said all that it had to hears it at once, the other one when it says more", async () => {
    const backend = createServer({ allowHalfOpen: true });
    const { port, end } = await gatewayTo({ host: "127.0.0.1", port: await listening(backend) });
    const accepted = once(backend, "connection") as Promise<[Socket]>;
    const here = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    const [there] = await accepted;
    const over = closeOf(here);
    here.end("all");
    for await (const chunk of there.iterator({ destroyOnReturn: false })) expect(String(chunk)).toBe("all");
    there.write("partial");
    expect(String((await once(here, "data"))[0])).toBe("partial");
    end();
    expect((await over)?.code).toBe("ECONNRESET");
    const broke = closeOf(there);
    const say = (): void => void there.write("more", (error) => error ?? setImmediate(say));
    say();
    expect((await broke)?.code).toMatch(/^(ECONNRESET|EPIPE)$/);
    backend.close();
  });

  it.each([[4], [{}], [null]])("takes a Receiver and an address, and sockets a server: EINVAL for %s", async (bad) => {
    const refused = { name: "AstraError", code: "EINVAL" };
    expect(() => sockets(bad as never)).toThrow(expect.objectContaining(refused));
    await expect(gateway(bad as never, { port: 1 })).rejects.toMatchObject(refused);
    await expect(gateway(pipe<SocketMessage>().receiver, bad as never)).rejects.toMatchObject(refused);
  });

  it("rejects where the address is none that can be connected to, and closes the connection for which it is found out", async () => {
    const { sender, receiver } = pipe<SocketMessage>();
    const joined = gateway(receiver, { port: 70_000 });
    const bytes = new TransformStream<Uint8Array, Uint8Array>();
    const other = new TransformStream<Uint8Array, Uint8Array>();
    await sender.send({ bytes: new BytePair(bytes.readable, other.writable), remoteAddress: "" });
    await expect(joined).rejects.toMatchObject({ name: "AstraError", code: "EINVAL", message: expect.stringContaining("70000") as string });
    await expect(other.readable.getReader().read()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("drops a message that is no connection, and closes what is in it", async () => {
    const { sender, receiver } = pipe({ capacity: 5 });
    const inner = pipe();
    for (const message of [null, 7, {}, { bytes: "bytes" }, { bytes: inner.sender }]) await sender.send(message);
    void sender.close();
    await gateway(receiver as never, { host: "127.0.0.1", port: 1 });
    await expect(inner.receiver.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("breaks off a connection for which nobody answers, and no other; and tells who connected that the channel is gone", async () => {
    // No port that was just free: the next server might get it, and that is the one in front.
    const port = 1;
    const front = createServer();
    const { sender, receiver } = pipe<SocketMessage>();
    void copy(sender, sockets(front)).catch(() => undefined);
    const joined = gateway(receiver, { host: "127.0.0.1", port });
    const address = { host: "127.0.0.1", port: await listening(front) };
    const closedBy = async (): Promise<string | undefined> => {
      const socket = connect(address);
      socket.resume();
      return (await closeOf(socket))?.code;
    };
    expect([await closedBy(), await closedBy()]).toEqual(["ECONNRESET", "ECONNRESET"]);
    receiver.cancel();
    expect(await closedBy()).toBe("ECONNRESET");
    front.close();
    await joined;
  });
});

describe("a socket", () => {
  it("is handed to a child process, which talks with whoever connected", async () => {
    const child = fork(fileURLToPath(new URL("support/takes-sockets.ts", import.meta.url)), { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
    const server = createServer({ pauseOnConnect: true });
    const port = await listening(server);
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const socket = connect(port, "127.0.0.1");
    const [there] = await accepted;
    await handSocket(child, there, { greeting: "hello" });
    expect(await text(socket)).toBe(`hello from ${String(child.pid)}`);
    server.close();
    child.disconnect();
    await once(child, "exit");
    await expect(handSocket(child, there)).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("is handed to a child that leaves in that moment, and ends well", async () => {
    const child = fork(fileURLToPath(new URL("support/takes-sockets.ts", import.meta.url)), { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
    const server = createServer({ pauseOnConnect: true });
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const socket = connect(await listening(server), "127.0.0.1");
    const [there] = await accepted;
    const exited = once(child, "exit");
    await handSocket(child, there, { greeting: "bye", last: true });
    expect(await text(socket)).toBe(`bye from ${String(child.pid)}`);
    expect(await exited).toEqual([0, null]);
    server.close();
  });

  it("is handed with what IPC can carry, to a process: EINVAL for anything else", async () => {
    const child = fork(fileURLToPath(new URL("support/takes-sockets.ts", import.meta.url)), { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
    const refused = { name: "AstraError", code: "EINVAL" };
    for (const bad of [3, null, {}]) {
      await expect(handSocket(bad as never, new Socket())).rejects.toMatchObject(refused);
      await expect(handSocket(child, bad as never)).rejects.toMatchObject(refused);
      expect(() => handedSockets(bad as never, () => undefined)).toThrow(expect.objectContaining(refused));
      expect(() => handedSockets(child, bad as never)).toThrow(expect.objectContaining(refused));
    }
    await expect(handSocket(child, new Socket())).rejects.toMatchObject({ code: "EPIPE" });
    child.kill();
    await once(child, "exit");
  });

  it.each(["json", "advanced"] as const)("is its owner's still where nothing can carry what is said of it, also while another is on its way: over %s", async (serialization) => {
    const { child, sockets: [one, two], end } = await toHand(serialization);
    const first = handSocket(child, one!.there, { greeting: "hello", big: 1n });
    await expect(handSocket(child, two!.there, () => 1)).rejects.toMatchObject({ code: "EINVAL" });
    await first;
    await handSocket(child, two!.there, { greeting: "now" });
    expect([await text(one!.here), await text(two!.here)]).toEqual(["hello", "now"].map((greeting) => `${greeting} from ${String(child.pid)}`));
    await end();
  });

  it("is not handed where it is over, or was handed already", async () => {
    const { child, sockets: [one, two], end } = await toHand();
    one!.there.destroy();
    await expect(handSocket(child, one!.there)).rejects.toMatchObject({ code: "EPIPE" });
    await handSocket(child, two!.there, { greeting: "hello" });
    await expect(handSocket(child, two!.there, { greeting: "again" })).rejects.toMatchObject({ code: "EPIPE" });
    expect(await text(two!.here)).toBe(`hello from ${String(child.pid)}`);
    await end();
  });

  it("that waits for its turn is its owner's still where the process is gone before", async () => {
    const { child, sockets: [one, two], end } = await toHand();
    const listeners = (): number[] => ["disconnect", "exit"].map((name) => child.listenerCount(name));
    const before = listeners();
    child.kill("SIGSTOP");
    await handSocket(child, one!.there);
    const waits = handSocket(child, two!.there);
    child.kill("SIGKILL");
    await expect(waits).rejects.toMatchObject({ code: "EPIPE" });
    two!.there.end("still here");
    expect(await text(two!.here)).toBe("still here");
    expect(listeners()).toEqual([before[0], 0]);
    await end();
  });
});
