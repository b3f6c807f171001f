import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { PassThrough, Readable, Writable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { Channels, copy, pipe, type DuplexBytes } from "@astranet/channel";
import { fromNode, gateway, handSocket, sockets, toNode, type SocketMessage } from "@astranet/channel/node";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
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

  it("has bytes, and no objects", () => {
    expect(() => fromNode(Readable.from([{ a: 1 }]))).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => fromNode(new Writable({ objectMode: true }))).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => fromNode({} as never)).toThrow(expect.objectContaining({ code: "EINVAL" }));
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

  it("drops a message that is no connection, and closes what is in it", async () => {
    const { sender, receiver } = pipe({ capacity: 5 });
    const inner = pipe();
    for (const message of [null, 7, {}, { bytes: "bytes" }, { bytes: inner.sender }]) await sender.send(message);
    void sender.close();
    await gateway(receiver as never, { host: "127.0.0.1", port: 1 });
    await expect(inner.receiver.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("breaks off a connection for which nobody answers, and no other; and tells who connected that the channel is gone", async () => {
    const nobody = createServer();
    const port = await listening(nobody);
    await once(nobody.close(), "close");
    const front = createServer();
    const { sender, receiver } = pipe<SocketMessage>();
    void copy(sender, sockets(front)).catch(() => undefined);
    const joined = gateway(receiver, { host: "127.0.0.1", port });
    const address = { host: "127.0.0.1", port: await listening(front) };
    const closedBy = async (): Promise<void> => {
      const socket = connect(address);
      socket.on("error", () => undefined);
      socket.resume();
      socket.write("hello");
      await once(socket, "close");
    };
    await closedBy();
    await closedBy();
    receiver.cancel();
    await closedBy();
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
});
