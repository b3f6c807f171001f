import { Flag } from "@astranet/frame";
import { Session } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { accepted, bytes, data, fin, opening, rst, settings, started, stop, syn, text, textOf, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { muxado, rst as muxadoRst, syn as muxadoSyn } from "./support/muxado.ts";
import { codeOf, outcome } from "./support/session-pair.ts";

describe("end()", () => {
  it("rejects with what broke the direction, and sends nothing", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), syn(3));
    const [stopped, reset] = [await peer.session.accept(), await peer.session.accept()];
    await peer.say(stop(1), rst(3, 300));
    expect([await codeOf(stopped.end()), await codeOf(reset.end())]).toEqual(["EPIPE", "ECONNRESET"]);
    expect(await peer.listen()).toEqual([]);
  });

  it("again, after the FIN has left, resolves at once, whatever the session has to frame", async () => {
    const connection = new HeldConnection();
    const clock = new ManualClock();
    const session = new Session(connection, { role: "client", clock, keepAlive: false });
    connection.give(settings({ initialWindow: 2 ** 30, linkWindow: 2 ** 30 }));
    const [stream, bulk] = [session.open(), session.open()];
    void stream.end();
    await clock.settle();
    connection.hasRoom = false;
    void bulk.write(new Uint8Array(2 ** 22));
    await clock.settle();
    expect(session._sender.hasRoom).toBe(false);
    expect(await codeOf(stream.end())).toBe("resolved");
  });
});

describe("a STOP after our FIN", () => {
  it("changes nothing", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.end(bytes("all"));
    await peer.listen();
    expect(await peer.say(stop(1))).toEqual([]);
    expect(await codeOf(stream.end())).toBe("resolved");
    expect(await codeOf(stream.write(bytes("x")))).toBe("ERR_ASTRANET_INVALID_STATE");
  });
});

describe("an RST of the peer's half after its FIN", () => {
  it("leaves both halves as they are", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "said", Flag.FIN));
    const stream = await peer.session.accept();
    await peer.say(rst(1, 7, Flag.HALF));
    expect(text(await stream.read())).toBe("said");
    expect(await stream.read()).toBeNull();
    void stream.end(bytes("answer"));
    expect(textOf(await peer.listen(), 1)).toBe("answer");
    expect(await codeOf(stream.closed)).toBe("resolved");
  });

  it("before an accept, with nobody waiting for that, ends the stream that we ended", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.end();
    stream.setReadDeadline(1_000);
    await peer.listen();
    await peer.say(rst(1, 7, Flag.HALF));
    expect([peer.session.streamCount, await codeOf(peer.session.closed)]).toEqual([0, "pending"]);
    expect(await codeOf(stream.opened)).toBe("ECONNRESET");
  });
});

describe("a writing half that is aborted", () => {
  it("before the SYN has left takes the stream with it, unseen", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await stream.writable.abort();
    expect(told(await peer.listen())).toEqual([]);
    expect(await codeOf(stream.closed)).toBe("ECONNRESET");
    expect(peer.session.streamCount).toBe(0);
  });

  it("on muxado's wire, which has no RST of a half, takes the stream with it", async () => {
    const peer = muxado("server");
    await peer.say(muxadoSyn(1));
    const stream = await peer.session.accept();
    await stream.writable.abort();
    expect(await peer.listen()).toEqual([muxadoRst(1, 6)]);
    expect(await codeOf(stream.read())).toBe("ECONNRESET");
  });

  it("rejects writes from then on with ECONNRESET, saying where", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    await stream.writable.abort();
    expect(await peer.listen()).toEqual([rst(1, 6, Flag.HALF)]);
    expect((await outcome(stream.write(bytes("x"))))[1]).toMatchObject({ code: "ECONNRESET", message: expect.stringContaining("aborted here") as string });
    await peer.say(data(1, "heard all the same"));
    expect(text(stream.tryRead())).toBe("heard all the same");
  });
});

describe("closed", () => {
  it("asked for after the link died rejects with that, also where the peer had ended its half before", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "said", Flag.FIN));
    const stream = await peer.session.accept();
    await peer.cut();
    expect(await codeOf(stream.closed)).toBe("ECONNRESET");
    expect(text(await stream.read())).toBe("said");
    expect(await stream.read()).toBeNull();
  });
});

describe("opened", () => {
  it("asked for after the accept came gives its header, and keeps nothing else of what the connection delivered", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    await peer.say(accepted(1, "hello"), data(1, 10_000));
    const header = await stream.opened;
    expect(text(header)).toBe("hello");
    expect(header.buffer.byteLength).toBe(5);
  });
});

describe("an urgency", () => {
  it("is not told to the peer after the end: it could do nothing with it", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    stream.urgency = 1;
    expect(await peer.listen()).toEqual([{ ...opening(1, 1), update: true }]);
    void stream.end();
    expect(await peer.listen()).toEqual([fin(1)]);
    stream.urgency = 5;
    expect(await peer.listen()).toEqual([]);
  });
});

describe("an iterator", () => {
  it("is its own iterator, and says that it is done when it is left", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    await peer.listen();
    const iterator = stream[Symbol.asyncIterator]();
    expect(iterator[Symbol.asyncIterator]()).toBe(iterator);
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
    expect(await iterator.next().catch((error: unknown) => (error as { code: string }).code)).toBe("ERR_ASTRANET_INVALID_STATE");
    expect(await peer.listen()).toEqual([stop(1)]);
  });
});
