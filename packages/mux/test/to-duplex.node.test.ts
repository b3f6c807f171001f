import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Readable, Writable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { type Stream } from "@astranet/mux";
import { connecting, listener, type StreamSocket, toDuplex } from "@astranet/mux/node";
import { describe, expect, it, onTestFinished } from "vitest";
import { sessionsInMemory, type Sessions, sessionsOverTcp, socketPair } from "./support/node-sessions.ts";

async function streams({ client, server }: Sessions): Promise<[Stream, Stream]> {
  const near = client.open();
  return [near, await server.accept()];
}

async function duplexes(sessions: Sessions = sessionsInMemory()): Promise<[StreamSocket, StreamSocket]> {
  const [near, far] = (await streams(sessions)).map((stream) => closing(toDuplex(stream)));
  return [near!, far!];
}

/** What a test leaves open ends with it. */
function closing(socket: StreamSocket): StreamSocket {
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** All that comes, without an iteration, whose end would destroy the socket. */
async function heardBy(socket: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("toDuplex", () => {
  it("carries bytes both ways through pipelines, each way ended by itself", async () => {
    const [near, far] = await duplexes(await sessionsOverTcp());
    const sent = randomBytes(5_000_000);
    const echoed = pipeline(far, far);
    const heard = buffer(near);
    await pipeline(Readable.from([sent.subarray(0, 1), sent.subarray(1)]), near, { end: true });
    await echoed;
    expect(hash(await heard)).toBe(hash(sent));
    expect(near.bytesWritten).toBe(sent.length);
    expect(near.bytesRead).toBe(sent.length);
  });

  it("reads on after it has ended its own direction", async () => {
    const [near, far] = await duplexes();
    near.end("question");
    far.resume();
    await once(far, "end");
    expect(far.readyState).toBe("writeOnly");
    far.end("answer");
    expect(await text(near)).toBe("answer");
    expect(near.readyState).toBe("closed");
  });

  it("ends its own direction after the peer's with allowHalfOpen: false", async () => {
    const [near, far] = await streams(sessionsInMemory());
    const socket = toDuplex(near, { allowHalfOpen: false });
    socket.resume();
    await far.end();
    await once(socket, "close");
    expect(await far.read()).toBeNull();
  });

  it("is a connected socket with the addresses of the session", async () => {
    const [near] = await duplexes(await sessionsOverTcp());
    expect(near).toMatchObject({ connecting: false, pending: false, readyState: "open" });
    expect(near).toMatchObject({ localAddress: "127.0.0.1", localPort: 1111, localFamily: "IPv4" });
    expect(near).toMatchObject({ remoteAddress: "::1", remotePort: 2222, remoteFamily: "IPv6" });
    expect(near.address()).toEqual({ address: "127.0.0.1", port: 1111, family: "IPv4" });
    expect(near.setNoDelay(true).setKeepAlive(true, 1).ref().unref()).toBe(near);
  });

  it("takes addresses of the caller's, and then has no other", async () => {
    const [near, far] = await streams(sessionsInMemory());
    closing(toDuplex(far));
    const told = toDuplex(near, { local: { address: "here" }, remote: { address: "there", port: 7 } });
    expect(told).toMatchObject({ localAddress: "here", localPort: undefined, remoteAddress: "there", remotePort: 7 });
    expect(told.address()).toEqual({});
    told.destroy();
  });

  it("takes from the stream only what is read", async () => {
    const [near, far] = await streams(sessionsInMemory());
    const socket = closing(toDuplex(far));
    for (let i = 0; i < 3; i++) await near.write(new Uint8Array(65_536));
    await near.session.ping();
    expect(far.readableLength).toBe(3 * 65_536);
    const heard = new Promise<Buffer>((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        socket.pause();
        resolve(chunk);
      });
    });
    const { length } = await heard;
    expect(length).toBeLessThan(2 * 65_536);
    expect(socket.readableLength + far.readableLength).toBe(3 * 65_536 - length);
    expect(socket.readableLength).toBe(0);
  });

  it("does not keep 64 KiB alive for a byte that nobody takes", async () => {
    const [near, far] = await streams(sessionsInMemory());
    const socket = closing(toDuplex(far));
    // The read is pending when the byte comes, so that it goes to the Duplex and not to the stream's queue.
    socket.read(0);
    const large = new Uint8Array(65_536);
    await near.write(large.subarray(7, 8));
    await once(socket, "readable");
    const byte = socket.read() as Buffer;
    expect(byte.length).toBe(1);
    expect(byte.buffer.byteLength).toBeLessThanOrEqual(8_192);
  });

  it("holds writers back while the peer does not read", async () => {
    const [near, far] = await duplexes();
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    while (near.write(chunk)) if ((written += chunk.length) > 64 * 1_048_576) break;
    expect(written).toBeLessThan(64 * 1_048_576);
    far.resume();
    await once(near, "drain");
  });

  it("fails with the stream's own error when the stream is reset", async () => {
    const [near, far] = await streams(sessionsInMemory());
    const socket = closing(toDuplex(near));
    const failed = once(socket, "error");
    far.reset();
    expect((await failed)[0]).toMatchObject({ name: "AstraError", code: "ECONNRESET" });
    expect(socket.destroyed).toBe(true);
  });

  it("tells of a reset even while nobody reads or writes", async () => {
    const [near, far] = await duplexes();
    far.on("error", () => undefined);
    far.resetAndDestroy();
    const [error] = (await once(near, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });

  it("hands out what came before the link died, and then the error", async () => {
    const { client, server } = sessionsInMemory();
    const [near, far] = await streams({ client, server });
    const socket = closing(toDuplex(far));
    await near.write(Buffer.from("last words"));
    await client.ping();
    const heard: Buffer[] = [];
    client.abort();
    await far.closed.catch(() => undefined);
    socket.on("data", (chunk: Buffer) => heard.push(chunk));
    const [error] = (await once(socket, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET" });
    expect(Buffer.concat(heard).toString()).toBe("last words");
  });

  it("fails writes with EPIPE when the peer stopped reading, and ends in peace when there is nothing to say", async () => {
    const sessions = sessionsInMemory();
    const [near, far] = await streams(sessions);
    const writer = closing(toDuplex(near));
    far.stop();
    await sessions.server.ping();
    const failed = once(writer, "error");
    writer.write("unheard");
    expect((await failed)[0]).toMatchObject({ code: "EPIPE" });

    const [silent, deaf] = await streams(sessions);
    const socket = toDuplex(silent);
    socket.resume();
    const gone = once(socket, "close");
    await deaf.close();
    await gone;
    expect(socket.errored).toBeNull();
  });

  it("lets what was written arrive when it is destroyed after its end", async () => {
    const [near, far] = await duplexes();
    near.end("all of it");
    near.destroySoon();
    const gone = once(near, "close");
    expect(await text(far)).toBe("all of it");
    await gone;
  });

  it("finishes a pipeline into it although the peer's direction ended long before", async () => {
    const [near, far] = await duplexes(await sessionsOverTcp());
    near.end();
    far.resume();
    await once(far, "end");
    const sent = randomBytes(8_000_000);
    const [heard] = await Promise.all([buffer(near), pipeline(Readable.from([sent.subarray(0, 5_000_000), sent.subarray(5_000_000)]), far)]);
    expect(hash(heard)).toBe(hash(sent));
    expect(far.writableFinished).toBe(true);
  });

  it("resets the stream when it is destroyed with an error, or with writes pending", async () => {
    const sessions = sessionsInMemory();
    const [near, far] = await duplexes(sessions);
    near.on("error", () => undefined);
    near.destroy(new Error("no more"));
    await expect(text(far)).rejects.toMatchObject({ code: "ECONNRESET" });

    const [full, deaf] = await duplexes(sessions);
    while (full.write(Buffer.alloc(65_536)));
    full.destroy();
    await expect(text(deaf)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("ends in peace for the peer when it is destroyed with nothing pending", async () => {
    const [near, far] = await duplexes();
    await new Promise((resolve) => near.write("so much for that", resolve));
    near.destroy();
    expect(await text(far)).toBe("so much for that");
  });

  it("ends in peace for the peer when an async iteration has read all that it sent", async () => {
    const [near, far] = await duplexes();
    const ended = once(far.resume(), "end");
    far.end("all there is");
    expect(await text(near)).toBe("all there is");
    await ended;
    expect(far.errored).toBeNull();
  });

  it.each(
    [10, 1_000, 100_000, 30_000_000].flatMap((size) => [
      [size, "far"] as const,
      [size, "client"] as const,
    ]),
  )("lets %d bytes of a pipeline there and back arrive where the %s side ends first, and emits no 'error'", async (size, first) => {
    const sessions = sessionsInMemory();
    const [client, front] = await duplexes(sessions);
    const [near, far] = await duplexes(sessions);
    const errors: unknown[] = [];
    for (const socket of [client, front, near, far]) socket.on("error", (error) => errors.push(error));
    const proxied = pipeline(front, near, front);
    const [sent, answer] = [randomBytes(size), randomBytes(size)];
    if (first === "far") {
      far.end(answer);
      expect(hash(await heardBy(client))).toBe(hash(answer));
      client.end(sent);
      // The far side reads only now, when all that fits in the windows is on its way.
      if (size < 1_000_000) await proxied;
      expect(hash(await heardBy(far))).toBe(hash(sent));
    } else {
      client.end(sent);
      expect(hash(await heardBy(far))).toBe(hash(sent));
      far.end(answer);
      if (size < 1_000_000) await once(far, "finish");
      expect(hash(await heardBy(client))).toBe(hash(answer));
    }
    await proxied;
    for (const socket of [client, front, near, far]) if (!socket.closed) await once(socket, "close");
    expect(errors).toEqual([]);
    expect([near.errored, front.errored]).toEqual([null, null]);
  });

  it("closes without an event more than a net.Socket's where a net.Socket is piped through it", async () => {
    const [client, front] = await socketPair();
    const [near, far] = await duplexes();
    const events: string[] = [];
    for (const name of ["error", "close"]) near.on(name, () => events.push(name));
    const proxied = pipeline(front, near, front);
    far.end("bye");
    expect((await heardBy(client)).toString()).toBe("bye");
    client.end("10 bytes..");
    await proxied;
    expect((await heardBy(far)).toString()).toBe("10 bytes..");
    expect(events).toEqual(["close"]);
  });

  it("resets the stream where a pipeline there and back breaks in the middle", async () => {
    const [client, front] = await duplexes();
    const [near, far] = await duplexes();
    client.on("error", () => undefined);
    const proxied = pipeline(front, near, front);
    far.end("bye");
    expect((await heardBy(client)).toString()).toBe("bye");
    client.write("the first half");
    await once(far, "readable");
    client.resetAndDestroy();
    await expect(proxied).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(text(far)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("resets the stream where a signal aborts a pipeline into it, although all that the peer sent was read", async () => {
    const [near, far] = await duplexes();
    far.end("bye");
    expect((await heardBy(near)).toString()).toBe("bye");
    const abort = new AbortController();
    const halfway = new Readable({ read: () => undefined });
    const piped = pipeline(halfway, near, { signal: abort.signal });
    halfway.push("the first half");
    await once(far, "readable");
    abort.abort();
    await expect(piped).rejects.toMatchObject({ code: "ABORT_ERR" });
    await expect(text(far)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("takes nothing back for an error that comes when both directions are over", async () => {
    const mistake = new Error("a listener's own");
    const [near, far] = await duplexes();
    far.end("bye");
    expect((await heardBy(near)).toString()).toBe("bye");
    near.once("finish", () => near.destroy(mistake));
    const failed = once(near, "error");
    near.end("all of it");
    expect(await failed).toEqual([mistake]);
    expect((await heardBy(far)).toString()).toBe("all of it");
  });

  it("breaks a pipeline whose source fails", async () => {
    const [near, far] = await duplexes();
    const failing = new Readable({ read: () => failing.destroy(new Error("source failed")) });
    await expect(pipeline(failing, near)).rejects.toThrow("source failed");
    await expect(pipeline(far, new Writable({ write: (_chunk, _encoding, done) => done() }))).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("emits 'timeout' when nothing happens for so long, and goes on", async () => {
    const [near, far] = await duplexes();
    near.setTimeout(5);
    expect(near.timeout).toBe(5);
    await once(near, "timeout");
    near.write("still here");
    await once(near, "timeout");
    far.end("so am I");
    expect(await text(near)).toBe("so am I");
    expect(() => near.setTimeout(-1)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("takes back the callback of a timeout that is switched off", async () => {
    const [near] = await duplexes();
    const callback = (): void => undefined;
    near.setTimeout(1_000_000, callback);
    near.setTimeout(0, callback);
    expect(near.listenerCount("timeout")).toBe(0);
  });
});

describe("listener", () => {
  it("emits 'close' when no stream can come and those that came are closed", async () => {
    const { client, server } = sessionsInMemory();
    const sockets = listener(server);
    const accepted = once(sockets, "connection") as Promise<[StreamSocket]>;
    const near = toDuplex(client.open());
    const [far] = await accepted;
    expect(await new Promise((resolve) => sockets.getConnections((_error, count) => resolve(count)))).toBe(1);
    const closed = new Promise<void>((resolve) => sockets.close(resolve));
    await client.draining;
    expect(() => client.open()).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_SESSION_DRAINING" }));
    near.end("bye");
    far.end();
    expect(await text(far)).toBe("bye");
    near.resume();
    await closed;
    expect(sockets.listening).toBe(false);
  });

  it("says when somebody else takes the session's streams", async () => {
    const { server } = sessionsInMemory();
    Object.assign(server._options, { onstream: () => undefined });
    const [error] = (await once(listener(server), "error")) as [Error];
    expect(error).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
  });
});

describe("connecting", () => {
  it("gives a socket that can be written to before the stream is there", async () => {
    const [near, far] = await streams(sessionsInMemory());
    const socket = connecting(Promise.resolve({ stream: near, remote: { address: "there", port: 7 } }), () => undefined);
    expect(socket).toMatchObject({ connecting: true, pending: true, readyState: "opening" });
    socket.end("early");
    await once(socket, "connect");
    expect(socket).toMatchObject({ connecting: false, remoteAddress: "there", remotePort: 7 });
    expect(await text(toDuplex(far))).toBe("early");
    socket.destroy();
  });

  it("hands out what comes to a reader that waited while it connected", async () => {
    const [near, far] = await streams(sessionsInMemory());
    const socket = connecting(Promise.resolve({ stream: near }), () => undefined);
    const heard = text(socket);
    await far.end(Buffer.from("hello"));
    expect(await heard).toBe("hello");
  });

  it("fails with what the opening failed with", async () => {
    const socket = connecting(Promise.reject(new Error("nobody there")), () => undefined);
    await expect(text(socket)).rejects.toThrow("nobody there");
  });

  it("gives the opening up when it is destroyed, and fails with nothing", async () => {
    let given = 0;
    let reject: (error: Error) => void = () => undefined;
    const opened = new Promise<never>((_resolve, fail) => (reject = fail));
    const socket = connecting(opened, () => {
      given++;
      reject(new Error("given up"));
    });
    const closed = once(socket, "close");
    socket.destroy();
    await closed;
    expect([given, socket.errored]).toEqual([1, null]);
  });
});
