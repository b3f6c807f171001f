import { Flag } from "@astranet/frame";
import { describe, expect, it } from "vitest";
import { bytes, credit, data, fin, rst, started, stop, syn, text, told } from "./support/frames.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

describe("the readable view of a stream", () => {
  it("is one, gives what comes and then closes", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    expect(remote.readable).toBe(remote.readable);
    const reader = remote.readable.getReader();
    void local.end(bytes("all"));
    await pair.settle();
    expect(text((await reader.read()).value)).toBe("all");
    expect((await reader.read()).done).toBe(true);
    await reader.closed;
  });

  it("reads nothing ahead of its reader", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const reader = remote.readable.getReader();
    void local.write(bytes("waits"));
    await pair.settle();
    expect(remote.readableLength).toBe(5);
    reader.releaseLock();
  });

  it("is cancelled by stop(), also while a read waits", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), syn(3));
    const [idle, reading] = [await peer.session.accept(), await peer.session.accept()];
    await peer.listen();
    await idle.readable.cancel();
    const reader = reading.readable.getReader();
    const read = reader.read();
    await reader.cancel();
    expect((await read).done).toBe(true);
    expect(told(await peer.listen())).toEqual([stop(1), stop(3)]);
  });

  it("errors with what broke the stream", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    const reader = (await peer.session.accept()).readable.getReader();
    const read = reader.read();
    await peer.say(rst(1, 300));
    expect((await outcome(read))[1]).toMatchObject({ code: "ECONNRESET", remoteCode: 300 });
  });
});

describe("the writable view of a stream", () => {
  it("is one, writes, waits as write does, and closes by end()", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    expect(stream.writable).toBe(stream.writable);
    const writer = stream.writable.getWriter();
    const [first, second] = [writer.write(bytes("a")), writer.write(bytes("b"))];
    const closed = writer.close();
    expect(told(await peer.listen())).toEqual([data(1, "ab", Flag.FIN)]);
    for (const promise of [first, second, closed]) expect(await codeOf(promise)).toBe("resolved");
  });

  it("is aborted by an RST of that half alone: reading goes on", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(70_000));
    await peer.listen();
    await stream.writable.abort();
    expect(told(await peer.listen())).toEqual([rst(1, 6, Flag.HALF)]);
    expect(stream.writableLength).toBe(0);
    await peer.say(data(1, "still here"), fin(1));
    expect(text(await stream.read())).toBe("still here");
    expect(await stream.read()).toBeNull();
    expect(peer.session.streamCount).toBe(0);
  });

  it.each([
    ["an Error", new Error("the disk is full"), "the disk is full"],
    ["a string", "the disk is full", "the disk is full"],
    ["neither", { text: "a secret" }, ""],
  ])("tells the peer the reason of its abort in words where that is %s, and only who understands words", async (_kind, reason, words) => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    await stream.writable.abort(reason);
    const said = { type: "REASON", streamId: 1, code: 6, nodeId: "0000000000000000", text: words };
    expect(told(await peer.listen())).toEqual([...(words === "" ? [] : [said]), rst(1, 6, Flag.HALF)]);

    const plain = await started({ role: "client" }, { features: 0 });
    const other = plain.session.open();
    await plain.listen();
    await other.writable.abort(reason);
    expect(told(await plain.listen())).toEqual([rst(1, 6, Flag.HALF)]);
  });

  it("aborted, lets the peer's reader read why", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const broken = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error("the disk is full")) });
    await broken.pipeTo(local.writable).catch(() => undefined);
    await pair.settle();
    expect((await outcome(remote.read()))[1]).toMatchObject({ code: "ECONNRESET", remoteCode: 6, message: expect.stringContaining("the disk is full") as string });
  });

  it("errors when the peer stops", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    const writer = stream.writable.getWriter();
    await peer.say(stop(1, 300));
    expect((await outcome(writer.write(bytes("x"))))[1]).toMatchObject({ code: "EPIPE", remoteCode: 300 });
  });

  it("tells who writes nothing, too, that the peer has stopped, while reading goes on", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    const { closed } = stream.writable.getWriter();
    await peer.say(stop(1, 300));
    expect((await outcome(closed))[1]).toMatchObject({ code: "EPIPE", remoteCode: 300 });
    await peer.say(data(1, "still here"));
    expect(text(await stream.read())).toBe("still here");
  });
});

describe("writeClosed of a stream", () => {
  it("resolves when the end has left, and not before", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    let isClosed = false;
    void stream.writeClosed.then(() => (isClosed = true));
    void stream.write(new Uint8Array(300_000));
    void stream.end();
    await peer.listen();
    expect(isClosed).toBe(false);
    await peer.say(credit(1, 300_000));
    await peer.listen();
    expect(isClosed).toBe(true);
    await stream.writeClosed;
  });

  it("rejects with what broke writing, whoever asks before or after, and leaves a stream that is read alone", async () => {
    const peer = await started({ role: "client" });
    const [stopped, reset] = [peer.session.open(), peer.session.open()];
    await peer.listen();
    const before = [stopped.writeClosed, reset.writeClosed];
    await peer.say(stop(1, 300), rst(3, 301));
    for (const closed of [before[0]!, stopped.writeClosed]) expect((await outcome(closed))[1]).toMatchObject({ code: "EPIPE", remoteCode: 300 });
    for (const closed of [before[1]!, reset.writeClosed]) expect((await outcome(closed))[1]).toMatchObject({ code: "ECONNRESET", remoteCode: 301 });
  });
});
