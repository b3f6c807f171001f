import { once } from "node:events";
import { text } from "node:stream/consumers";
import { Session, type Stream } from "@astranet/mux";
import { type ByteStream, connecting, dialer, listener, type StreamSocket, toDuplex } from "@astranet/mux/node";
import { type Connection, memoryPair } from "@astranet/transport";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type Sessions, sessionsInMemory } from "./support/node-sessions.ts";

let sessions: Sessions;

beforeEach(() => {
  sessions = sessionsInMemory();
});

async function streams(): Promise<[Stream, Stream]> {
  const near = sessions.client.open();
  return [near, await sessions.server.accept()];
}

async function sockets(): Promise<[StreamSocket, StreamSocket]> {
  const [near, far] = (await streams()).map((stream) => toDuplex(stream));
  onTestFinished(() => {
    near!.destroy();
    far!.destroy();
  });
  return [near!, far!];
}

/** Event loop turns in which time does not matter. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

describe("a socket over a stream", () => {
  it("says which of its directions are open", async () => {
    const [near, far] = await sockets();
    far.on("error", () => undefined);
    expect(near.readyState).toBe("open");
    near.end();
    await once(near, "finish");
    expect(near.readyState).toBe("readOnly");
    far.resume();
    await once(far, "end");
    expect(far.readyState).toBe("writeOnly");
    near.destroy();
    expect(near.readyState).toBe("closed");
  });

  it("counts bytes written, what is queued included, in pieces or at once", async () => {
    const [near] = await sockets();
    near.cork();
    near.write("one");
    near.write("three");
    expect(near.bytesWritten).toBe(8);
    near.uncork();
    await turns();
    expect(near.bytesWritten).toBe(8);
    near.write(new Uint8Array(1_000_000));
    near.write("more");
    expect(near.bytesWritten).toBe(1_000_012);
    await turns();
    expect(near.bytesWritten).toBe(1_000_012);
  });

  it("breaks both ends with ECONNRESET by resetAndDestroy()", async () => {
    const [near, far] = await sockets();
    const broke = once(near, "error");
    const heard = once(far, "error");
    expect(near.resetAndDestroy()).toBe(near);
    expect((await broke)[0]).toMatchObject({ code: "ECONNRESET", message: expect.stringContaining("the stream was reset here") as string });
    expect((await heard)[0]).toMatchObject({ code: "ECONNRESET" });
  });

  it("sends what was written and closes by destroySoon(), also once all of it is sent", async () => {
    const [near, far] = await sockets();
    near.write("last words");
    near.destroySoon();
    expect(near.writableEnded).toBe(true);
    expect(near.destroyed).toBe(false);
    expect(await text(far)).toBe("last words");
    if (!near.closed) await once(near, "close");

    const [other] = await sockets();
    other.end();
    await once(other, "finish");
    other.destroySoon();
    expect(other.destroyed).toBe(true);
  });

  it("emits 'finish' when its end has left, so that no time that passes takes what the peer has not read", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const [stream, far] = await streams();
    const near = toDuplex(stream).resume();
    const errors: unknown[] = [];
    near.on("error", (error) => errors.push(error));
    // More than a window, and less than a session takes at once.
    near.end(new Uint8Array(900_000));
    void far.end();
    for (let seconds = 0; seconds < 30; seconds += 3) {
      await turns();
      vi.advanceTimersByTime(3_000);
    }
    expect([near.readableEnded, near.writableFinished, near.destroyed]).toEqual([true, false, false]);
    let bytes = 0;
    for await (const chunk of far) bytes += chunk.length;
    expect(bytes).toBe(900_000);
    if (!near.closed) await once(near, "close");
    expect([near.writableFinished, errors]).toEqual([true, []]);
  });

  it("fails where the stream is reset before its end has left", async () => {
    const [stream, far] = await streams();
    const near = toDuplex(stream);
    const failed = once(near, "error");
    near.end(new Uint8Array(900_000));
    await turns();
    far.reset(300);
    expect((await failed)[0]).toMatchObject({ code: "ECONNRESET", remoteCode: 300 });
    expect(near.writableFinished).toBe(false);
  });

  it("closes by itself when the peer has ended and reads no more, after what came was read", async () => {
    const [stream, peer] = await streams();
    const near = toDuplex(stream);
    await peer.end(Buffer.from("the end"));
    peer.stop();
    await turns();
    expect(near.destroyed).toBe(false);
    expect(await text(near)).toBe("the end");
    if (!near.closed) await once(near, "close");
    expect(near.errored).toBeNull();
  });

  it("copies what stays here where it is a small part of a buffer, and nothing else", async () => {
    const [stream, peer] = await streams();
    const near = toDuplex(stream);
    onTestFinished(() => void near.destroy());
    const read = async (bytes: number): Promise<Buffer> => {
      void peer.write(new Uint8Array(bytes).fill(7));
      await once(near, "readable");
      return near.read() as Buffer;
    };
    const large = await read(60_000);
    expect(large.length).toBe(60_000);
    expect(large.every((byte) => byte === 7)).toBe(true);
    // Each comes in a buffer that holds its frame's eight bytes too.
    expect((await read(8)).buffer.byteLength).toBe(16);
    const small = await read(7);
    expect([small.length, small.buffer.byteLength]).toEqual([7, 7]);
  });

  it.each([
    ["127.0.0.1:80", "127.0.0.1", 80],
    ["[::1]:81", "::1", 81],
    ["example.org:82", "example.org", 82],
    ["memory", "memory", undefined],
    ["x[::1]:83", "x[::1]:83", undefined],
    ["host:84 ", "host:84 ", undefined],
    ["a:b:85", "a:b:85", undefined],
  ])("takes the session's address '%s' for %s and port %s", async (text, address, port) => {
    const [a, b] = memoryPair();
    const told: Connection = Object.create(a, { localAddress: { value: text }, send: { value: a.send.bind(a) }, start: { value: a.start.bind(a) }, close: { value: a.close.bind(a) }, abort: { value: a.abort.bind(a) } }) as Connection;
    const session = new Session(told, { role: "client" });
    new Session(b, { role: "server" });
    const socket = toDuplex(session.open());
    expect([socket.localAddress, socket.localPort]).toEqual([address, port]);
    socket.destroy();
    await session.close();
  });

  it("has no address where its stream is no session's", () => {
    const stream = sessions.client.open();
    const bare: ByteStream = {
      closed: stream.closed,
      readableLength: 0,
      read: () => stream.read(),
      tryRead: () => stream.tryRead(),
      write: (chunk) => stream.write(chunk),
      end: () => stream.end(),
      close: () => stream.close(),
      reset: () => {
        stream.reset();
      },
    };
    const socket = toDuplex(bare);
    expect([socket.localAddress, socket.remoteAddress, socket.address()]).toEqual([undefined, undefined, {}]);
    socket.destroy();
  });
});

describe("the timeout of a socket", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
  });

  it("comes when nothing happened for so long: what is read and written puts it off", async () => {
    const [near, far] = await sockets();
    let timeouts = 0;
    near.setTimeout(100, () => timeouts++);
    near.on("timeout", () => timeouts++);
    vi.advanceTimersByTime(60);
    near.write("still here");
    await turns();
    vi.advanceTimersByTime(60);
    far.write("me too");
    near.resume();
    await turns();
    vi.advanceTimersByTime(99);
    expect(timeouts).toBe(0);
    vi.advanceTimersByTime(1);
    expect(timeouts).toBe(2);
    vi.advanceTimersByTime(1_000);
    expect(timeouts, "once for each silence").toBe(2);
    near.write("again");
    await turns();
    vi.advanceTimersByTime(100);
    expect(timeouts, "the callback was for the first").toBe(3);
  });

  it("is switched off by 0, by another and by the end", async () => {
    const [near] = await sockets();
    let timeouts = 0;
    near.on("timeout", () => timeouts++);
    near.setTimeout(100);
    near.setTimeout(0);
    vi.advanceTimersByTime(1_000);
    near.setTimeout(100);
    near.setTimeout(300);
    vi.advanceTimersByTime(299);
    expect(timeouts).toBe(0);
    vi.advanceTimersByTime(1);
    expect(timeouts).toBe(1);
    near.setTimeout(100);
    near.destroy();
    await turns();
    vi.advanceTimersByTime(1_000);
    near.setTimeout(100);
    vi.advanceTimersByTime(1_000);
    expect(timeouts).toBe(1);
  });

  it("never comes where it is Infinity", async () => {
    const [near] = await sockets();
    const timers = vi.getTimerCount();
    near.setTimeout(Infinity, () => expect.unreachable());
    expect(vi.getTimerCount()).toBe(timers);
  });

  it.each([-1, NaN, "100"])("is EINVAL, which names it, where it is %s", async (ms) => {
    const [near] = await sockets();
    expect(() => near.setTimeout(ms as number)).toThrow(
      expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(`a timeout is a number of milliseconds, not ${String(ms)}`) as string }) as Error,
    );
  });
});

describe("a socket that connects", () => {
  it("emits 'connect' and 'ready' once it is open, and nothing once it was destroyed", async () => {
    const [stream] = await streams();
    const socket = connecting(Promise.resolve({ stream }), () => undefined);
    const heard: string[] = [];
    for (const name of ["connect", "ready"]) socket.on(name, () => heard.push(name));
    await turns();
    expect(heard).toEqual(["connect", "ready"]);
    socket.destroy();

    const [other] = await streams();
    let gaveUp = 0;
    const gone = connecting(Promise.resolve({ stream: other }), () => gaveUp++);
    for (const name of ["connect", "ready"]) gone.on(name, () => heard.push(name));
    gone.destroy();
    gone.destroy();
    await turns();
    expect([heard.length, gaveUp]).toEqual([2, 1]);
  });
});

describe("a server of sockets", () => {
  it("calls back at 'close', which comes once, after the last socket, and also to who asks later", async () => {
    const server = listener(sessions.server);
    let closes = 0;
    server.on("close", () => closes++);
    expect(server.ref().unref()).toBe(server);
    expect(server.listening).toBe(true);
    expect(server.address()).toBe(sessions.server.localAddress);
    const accepted = once(server, "connection") as Promise<[StreamSocket]>;
    const near = toDuplex(sessions.client.open());
    const [far] = await accepted;
    let calledBack = 0;
    server.close(() => calledBack++);
    await turns();
    expect([closes, calledBack]).toEqual([0, 0]);
    near.destroy();
    far.resume().end();
    await once(server, "close");
    await turns();
    expect([closes, calledBack]).toEqual([1, 1]);
    server.close(() => calledBack++);
    expect(calledBack, "in a tick of its own").toBe(1);
    await turns();
    expect([closes, calledBack]).toEqual([1, 2]);
  });

  it("is closed when its disposal is over", async () => {
    const server = listener(sessions.server, { allowHalfOpen: false });
    let closed = false;
    server.on("close", () => (closed = true));
    await server[Symbol.asyncDispose]();
    expect(closed).toBe(true);
  });

  it("takes options and a listener, or the listener alone", async () => {
    const heard: string[] = [];
    listener(sessions.server, { local: { address: "told", port: 1 } }, (socket) => {
      heard.push(String(socket.localAddress));
      socket.destroy();
    });
    toDuplex(sessions.client.open()).on("error", () => undefined).resume();
    await turns();
    expect(heard).toEqual(["told"]);
  });
});

describe("a dialer", () => {
  it("returns the socket, and calls back in a later tick with it or the error", async () => {
    const dial = dialer(sessions.client);
    const called: unknown[][] = [];
    const socket = dial({}, (...args: unknown[]) => called.push(args));
    expect(called).toEqual([]);
    await turns();
    expect(called).toEqual([[null, socket]]);
    socket?.destroy();
    const quiet = dial();
    expect(quiet?.allowHalfOpen).toBe(false);
    quiet?.destroy();
    await sessions.client.close();
    expect(dial({}, (...args: unknown[]) => called.push(args))).toBeUndefined();
    await turns();
    expect(called[1]).toMatchObject([{ code: "ERR_ASTRANET_SESSION_CLOSED" }, null]);
    expect(() => dial()).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_SESSION_CLOSED" }) as Error);
  });

  it("takes over the timeout of its target, where that is a number", async () => {
    const dial = dialer(sessions.client);
    expect([dial({ timeout: 7_000 }), dial({ timeout: "7" }), dial(null)].map((socket) => [socket?.timeout, socket?.destroy() === socket])).toEqual([[7_000, true], [undefined, true], [undefined, true]]);
    await turns();
  });
});
