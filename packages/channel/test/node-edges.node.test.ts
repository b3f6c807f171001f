import { fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { connect, createServer, Socket, type AddressInfo, type Server } from "node:net";
import { PassThrough, Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { pipe } from "@astranet/channel";
import { fromNode, gateway, handedSockets, handSocket, sockets, toNode, type SocketMessage } from "@astranet/channel/node";
import { describe, expect, it } from "vitest";

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe("what Node's half refuses", () => {
  const ipc = (more: object): never => Object.assign(new EventEmitter(), more) as never;
  const noIpc = "there is no IPC channel to that process";

  it.each<[string, () => unknown, string, string]>([
    ["sockets of no server", () => sockets(4 as never), "EINVAL", "sockets takes a Server of node:net"],
    ["a gateway of no channel", () => gateway(1 as never, { port: 1 }), "EINVAL", "gateway takes a Receiver of connections"],
    ["a gateway to nowhere", () => gateway(pipe<SocketMessage>().receiver, {} as never), "EINVAL", "the address of a gateway has a port or a path"],
    ["a stream that is none", () => fromNode(3 as never), "EINVAL", "fromNode takes a Readable, a Writable or a Duplex of node:stream"],
    ["a Readable of objects", () => fromNode(Readable.from([{}])), "EINVAL", "a stream in object mode has no bytes: send its objects over a channel"],
    ["a Writable of objects", () => fromNode(new Writable({ objectMode: true })), "EINVAL", "a stream in object mode has no bytes: send its objects over a channel"],
    ["bytes that are none", () => toNode(3 as never), "EINVAL", "toNode takes a ReadableStream, a WritableStream, or an object with both as readable and writable"],
    ["a socket for no process", () => handSocket(3 as never, new Socket()), "EINVAL", "handSocket takes a ChildProcess, or process"],
    ["no socket for a process", () => handSocket(ipc({}), 3 as never), "EINVAL", "handSocket takes a Socket of node:net"],
    ["a socket for a process without IPC", () => handSocket(ipc({ connected: true }), new Socket()), "EPIPE", noIpc],
    ["a socket for a process that is gone", () => handSocket(ipc({ connected: false, send: () => true }), new Socket()), "EPIPE", noIpc],
    ["sockets of no process", () => handedSockets(3 as never, () => undefined), "EINVAL", "handedSockets takes a ChildProcess, or process"],
    ["sockets for nobody", () => handedSockets(ipc({}), 3 as never), "EINVAL", "handedSockets takes a function for the sockets"],
  ])("it says in words: %s", async (_what, call, code, words) => {
    const refused = Promise.resolve().then(call);
    await expect(refused).rejects.toMatchObject({ code, message: `${code}: ${words}` });
  });

  it("is a socket that IPC does not take, with why: it is its owner's still, or, where it broke on its way, destroyed", async () => {
    const cause = new Error("no room");
    const failing = { connected: true, send: (_message: unknown, _socket: Socket, _options: unknown, done: (error: Error) => void) => done(cause) };
    const server = createServer();
    const socket = connect(await listening(server), "127.0.0.1");
    await once(socket, "connect");
    await expect(handSocket(ipc(failing), socket)).rejects.toMatchObject({ code: "EPIPE", message: "EPIPE: the socket could not be handed over: no room", cause });
    expect(socket.destroyed).toBe(false);
    // As Node does, before anything leaves.
    const apart = { connected: true, send: (_message: unknown, taken: Socket & { _handle: { close(): void } | null }, _options: unknown, done: (error: Error) => void) => {
      taken._handle!.close();
      taken._handle = null;
      done(cause);
    } };
    await expect(handSocket(ipc(apart), socket)).rejects.toMatchObject({ code: "EPIPE", cause });
    expect(socket.destroyed).toBe(true);
    server.close();
  });
});

describe("a socket that a child hands to its parent", () => {
  it("is one that it handed with handSocket and no other message, until that is ended", async () => {
    const server = createServer((socket) => void socket.resume());
    const child = fork(fileURLToPath(new URL("support/gives-sockets.ts", import.meta.url)), [String(await listening(server))], { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
    const got: unknown[] = [];
    const others: Socket[] = [];
    child.on("message", (_message, handle) => {
      if (handle instanceof Socket) others.push(handle);
    });
    const stop = handedSockets(child, (socket, about) => {
      got.push(socket instanceof Socket, about);
      stop();
    });
    while (others.length < 3) await once(child, "message");
    child.send("leave");
    await once(child, "exit");
    expect(got).toEqual([true, { n: 1 }]);
    for (const socket of others) socket.destroy();
    server.close();
  });
});

describe("sockets of a server", () => {
  it("come with the address of who connected, and with none where there is none any more", async () => {
    const server = createServer();
    const receiver = sockets(server);
    const socket = connect(await listening(server), "127.0.0.1");
    const { bytes, remoteAddress } = await receiver.receive();
    expect(remoteAddress).toBe(`127.0.0.1:${String((socket.address() as AddressInfo).port)}`);
    await bytes.readable.cancel();
    socket.destroy();
    server.emit("connection", new Socket());
    expect((await receiver.receive()).remoteAddress).toBe("");
    server.close();
  });

  it("are accepted no more once the server has closed", async () => {
    const server = createServer();
    const receiver = sockets(server);
    await listening(server);
    server.close();
    expect(await receiver.next()).toEqual({ done: true, value: undefined });
    expect(server.listenerCount("connection")).toBe(0);
  });
});

describe("a gateway", () => {
  it("is through when every connection is over, and not only the channel", async () => {
    const server = createServer();
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const { sender, receiver } = pipe<SocketMessage>();
    let isThrough = false;
    const through = gateway(receiver, { port: await listening(server), host: "127.0.0.1" }).then(() => (isThrough = true));
    const raw = new PassThrough();
    await sender.send({ bytes: fromNode(raw), remoteAddress: "" });
    await sender.close();
    const [there] = await accepted;
    there.end("still here");
    await once(raw, "data");
    expect(isThrough).toBe(false);
    there.destroy();
    raw.end();
    await through;
    server.close();
  });
});

describe("a Writable of Node's in a message", () => {
  it("that breaks, or is closed, while nobody writes tells who has it, with why", async () => {
    for (const reason of [new Error("disk full"), undefined]) {
      const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
      const { sender, receiver } = pipe<WritableStream<Uint8Array>>({ capacity: 1 });
      stream.on("error", () => undefined);
      await sender.send(fromNode(stream));
      const writer = (await receiver.receive()).getWriter();
      stream.destroy(reason);
      const broken = expect(writer.closed).rejects;
      await (reason === undefined ? broken.toMatchObject({ code: "EPIPE", message: expect.stringContaining("the stream was closed") as string }) : broken.toBe(reason));
    }
  });
});

describe("a Duplex of Node's of which nobody reads any more", () => {
  it.each([true, false])("drops what still comes, also where some of it was read before, or is waited for (%s): who sends it is not held up", async (waits) => {
    const server = createServer();
    const socket = connect(await listening(server), "127.0.0.1");
    const [there] = (await once(server, "connection")) as [Socket];
    const { readable, writable } = fromNode(there);
    const reader = readable.getReader();
    socket.write("first");
    await reader.read();
    const next = waits ? reader.read() : undefined;
    await reader.cancel();
    await next;
    await new Promise((resolve) => socket.write(Buffer.alloc(20_000_000), resolve));
    await writable.close();
    if (!there.destroyed) await once(there, "close");
    socket.destroy();
    server.close();
  });

  it("goes when its other direction has ended, and not before", async () => {
    const server = createServer();
    const socket = connect(await listening(server), "127.0.0.1");
    const [there] = (await once(server, "connection")) as [Socket];
    const { readable, writable } = fromNode(there);
    await readable.cancel();
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("still said"));
    expect(String((await once(socket, "data"))[0])).toBe("still said");
    expect(there.destroyed).toBe(false);
    await writer.close();
    if (!there.destroyed) await once(there, "close");
    socket.destroy();
    server.close();
  });
});
