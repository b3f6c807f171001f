import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { afterEach, describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../frame/test/support/hex.ts";
import { credit, data, dataLength, expectMuxadoManners, fin, FIN, goAway, muxado, payloadOf, rst, SYN, syn, WINDOW } from "./support/muxado.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const settled = (promise: Promise<unknown>): Promise<unknown> => promise.then((value) => ({ value }), (error: unknown) => ({ error }));

const peers: RawPeer[] = [];
function peer(...args: Parameters<typeof muxado>): RawPeer {
  const made = muxado(...args);
  peers.push(made);
  return made;
}
/** Accepts what the peer has opened. */
async function accepted({ session, clock }: RawPeer): Promise<Stream> {
  const stream = session.accept();
  await clock.settle();
  return stream;
}
async function readAll(stream: Stream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += toHex(chunk);
  return text;
}

// Whatever a test is about, its session keeps to what every muxado peer takes.
afterEach(() => {
  for (const { frames } of peers.splice(0)) expectMuxadoManners(frames);
});

describe("ids", () => {
  it("of a client start at 3 and rise by 2", async () => {
    const { session, clock, frames } = peer("client");
    for (let i = 0; i < 3; i++) session.open();
    await clock.settle();
    expect(frames).toEqual([syn(3), syn(5), syn(7)]);
  });

  it("of a server start at 2 and rise by 2", async () => {
    const { session, clock, frames } = peer("server");
    for (let i = 0; i < 3; i++) session.open();
    await clock.settle();
    expect(frames).toEqual([syn(2), syn(4), syn(6)]);
  });

  it("of received SYNs need not rise", async () => {
    const p = peer("server");
    await p.say(syn(7, "07"), syn(3, "03"), syn(5, "05"));
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) ids.push((await accepted(p)).id);
    expect(ids).toEqual([7, 3, 5]);
  });

  it("that are free again may open a stream again", async () => {
    const p = peer("server");
    await p.say(syn(3), fin(3));
    const first = await accepted(p);
    void first.end();
    await p.clock.settle();
    await p.say(syn(3, "aa"));
    const second = await accepted(p);
    expect(second).not.toBe(first);
    expect(toHex((await second.read())!)).toBe("aa");
  });

  it("that are open may not: a second SYN ends the session with PROTOCOL", async () => {
    const p = peer("server");
    expect(await p.say(syn(3), syn(3))).toMatchObject([{ type: "GOAWAY", code: 1 }]);
    await expect(p.session.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("SYN with id 3") as string });
  });

  it("of the wrong parity end the session with PROTOCOL", async () => {
    expect(await peer("server").say(syn(2))).toMatchObject([{ type: "GOAWAY", code: 1 }]);
    expect(await peer("client").say(syn(3))).toMatchObject([{ type: "GOAWAY", code: 1 }]);
  });

  it("run out at 2^31: open throws, draining resolves, and what is open goes on", async () => {
    // Not among the public options: it is there for this test.
    const nearTheEnd: object = { firstStreamId: 0x7fff_fffd };
    const p = peer("client", { ...nearTheEnd });
    let draining = false;
    void p.session.draining.then(() => (draining = true));
    p.session.open();
    const last = p.session.open();
    await p.clock.settle();
    expect(last.id).toBe(0x7fff_ffff);
    expect(() => p.session.open()).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_SESSION_DRAINING" }) as Error);
    await p.clock.settle();
    expect(draining).toBe(true);
    void last.write(bytes("on"));
    expect(await p.listen()).toEqual([syn(0x7fff_fffd), syn(0x7fff_ffff), data(0x7fff_ffff, toHex(bytes("on")))]);
    expect(await p.say(syn(2))).toEqual([]);
    expect((await accepted(p)).id).toBe(2);
  });
});

describe("SYN and FIN", () => {
  it("never leave in one frame, whatever is written before the end", async () => {
    const { session, clock, frames } = peer("client");
    void session.open().end();
    void session.open().end(bytes("all"));
    const stream = session.open();
    void stream.write(bytes("some"));
    await clock.settle();
    void stream.end();
    await clock.settle();
    for (const id of [3, 5, 7]) {
      const own = frames.filter((frame) => frame.type === "DATA" && frame.streamId === id);
      expect(own[0]).toMatchObject({ flags: SYN });
      expect(own.at(-1)).toEqual(fin(id));
      expect(own.filter((frame) => frame.type === "DATA" && frame.flags === FIN)).toHaveLength(1);
    }
    expect(payloadOf(frames, 5)).toBe(toHex(bytes("all")));
    expect(payloadOf(frames, 7)).toBe(toHex(bytes("some")));
  });

  it("are accepted in one frame: all is read, and the answer goes out", async () => {
    const p = peer("server");
    await p.say(data(3, "aabb", SYN | FIN));
    const stream = await accepted(p);
    expect(await readAll(stream)).toBe("aabb");
    void stream.end(bytes("yes"));
    const said = await p.listen();
    expect(payloadOf(said, 3)).toBe(toHex(bytes("yes")));
    expect(said.at(-1)).toEqual(fin(3));
  });

  it("with an empty payload open a stream that ends at once", async () => {
    const p = peer("server");
    await p.say(data(3, "", SYN | FIN));
    expect(await (await accepted(p)).read()).toBeNull();
  });

  it("may repeat the FIN, while our half is open and after", async () => {
    const p = peer("server");
    await p.say(syn(3, "aa"), fin(3), fin(3), fin(3));
    const stream = await accepted(p);
    expect(await readAll(stream)).toBe("aa");
    void stream.end();
    expect(await p.listen()).toEqual([fin(3)]);
    expect(await p.say(fin(3))).toEqual([]);
    expect(p.over).toBeUndefined();
  });
});

describe("what is broken", () => {
  it.each([
    ["a WNDINC on stream 0", "0000042000000000" + "00000001", 1],
    ["an RST on stream 0", "0000040000000000" + "00000006", 1],
    ["a WNDINC of 0", "0000042000000003" + "00000000", 1],
    ["a frame of the wrong length", "0000052000000003" + "0000000001", 8],
  ])("ends the session: %s", async (_what, hex, code) => {
    const p = peer("server");
    await p.say(syn(3));
    const said = await p.say(fromHex(hex));
    expect(said.at(-1)).toMatchObject({ type: "GOAWAY", code });
    await expect(p.session.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    expect(p.over).toBeDefined();
  });

  it("is not a frame of an unknown type: it is skipped", async () => {
    const p = peer("server");
    await p.say(fromHex("000003b000000000010203"), syn(3, "aa"));
    expect(toHex((await (await accepted(p)).read())!)).toBe("aa");
  });

  it("is a window above 2^31 − 1: FLOW_CONTROL", async () => {
    const p = peer("server");
    expect(await p.say(syn(3), credit(3, 0x7fff_ffff))).toMatchObject([{ type: "GOAWAY", code: 3 }]);
  });

  it("is not a frame for a stream that is over, or never was", async () => {
    const p = peer("server");
    expect(await p.say(data(99, "aa"), credit(99, 5), rst(99, 6), fin(99), credit(4, 1))).toEqual([]);
    expect(p.over).toBeUndefined();
  });
});

describe("typedStreams", () => {
  it("put the type into the first four bytes of a stream, with its SYN", async () => {
    const { session, clock, frames } = peer("client", { typedStreams: true });
    const stream = session.open({ type: 0x01020304 });
    void stream.write(bytes("x"));
    session.open();
    await clock.settle();
    expect(frames.filter((frame) => frame.type === "DATA" && frame.flags === SYN)).toEqual([syn(3, "01020304"), syn(5, "00000000")]);
    expect(payloadOf(frames, 3)).toBe("01020304" + "78");
  });

  it("take the type from the first four bytes that come, however they are cut", async () => {
    const p = peer("server", { typedStreams: true });
    await p.say(syn(3, "01020304aabb"), syn(5, "ff"), data(5, "ee"), syn(7));
    const first = await accepted(p);
    expect(first.type).toBe(0x01020304);
    expect(toHex((await first.read())!)).toBe("aabb");
    let handed = 0;
    void p.session.accept().then(() => handed++);
    await p.say(data(7, "0000"));
    expect(handed, "no stream is handed out before its type came").toBe(0);
    await p.say(data(5, "ddcc01"));
    expect(handed).toBe(1);
    await p.say(data(7, "0007"));
    expect((await accepted(p)).type).toBe(7);
  });

  it("count the type against the window, both ways", async () => {
    const p = peer("client", { typedStreams: true });
    const stream = p.session.open({ type: 1 });
    void stream.write(new Uint8Array(WINDOW));
    expect(dataLength(await p.listen(), 3)).toBe(WINDOW);
    expect(stream.writableLength).toBe(4);

    const q = peer("server", { typedStreams: true });
    await q.say(syn(3, "00000001"));
    expect(await q.say(data(3, "00".repeat(WINDOW - 4)))).toEqual([]);
    expect(await q.say(data(3, "00"))).toEqual([rst(3, 3)]);
  });

  it("give the credit of the type's bytes back with that of what was read", async () => {
    const p = peer("server", { typedStreams: true, window: 8 });
    await p.say(syn(3, "0000"), data(3, "0001aabbccdd"));
    const stream = await accepted(p);
    expect(await p.listen()).toEqual([]);
    await stream.read();
    expect(await p.listen()).toEqual([credit(3, 8)]);
  });

  it("without them, leave the bytes alone", async () => {
    const p = peer("server");
    await p.say(syn(3, "01020304"));
    const stream = await accepted(p);
    expect(stream.type).toBeUndefined();
    expect(toHex((await stream.read())!)).toBe("01020304");
  });

  it("that end before their type came are reset, and nobody hears of them", async () => {
    const p = peer("server", { typedStreams: true });
    expect(await p.say(syn(3, "0102"), fin(3))).toMatchObject([{ type: "RST", streamId: 3 }]);
    expect(p.session.streamCount).toBe(0);
    // All four came, and nothing else.
    await p.say(syn(5, "00000007"), fin(5));
    expect(await (await accepted(p)).read()).toBeNull();
  });
});

describe("the window", () => {
  it("is 262,144 bytes for what we send, until WNDINC comes", async () => {
    const p = peer("client");
    const stream = p.session.open();
    void stream.write(new Uint8Array(WINDOW + 10));
    expect(dataLength(await p.listen(), 3)).toBe(WINDOW);
    expect(dataLength(await p.say(credit(3, 1), credit(3, 2)), 3)).toBe(3);
    expect(dataLength(await p.say(credit(3, 100)), 3)).toBe(7);
  });

  it("is 262,144 bytes for what we get, and does not grow", async () => {
    const p = peer("server");
    await p.say(syn(3, "00".repeat(WINDOW)));
    const stream = await accepted(p);
    let granted = 0;
    let received = WINDOW;
    for (let round = 0; round < 8; round++) {
      while (stream.readableLength > 0) await stream.read();
      for (const frame of await p.listen()) if (frame.type === "WNDINC") granted += frame.increment;
      expect(granted).toBeLessThanOrEqual(received);
      expect(granted).toBeGreaterThanOrEqual(received - WINDOW / 2);
      const room = WINDOW + granted - received;
      received += room;
      expect(await p.say(data(3, "00".repeat(room)))).toEqual([]);
    }
  });

  it("is checked at the header: more is RST 3, and the payload is skipped while others go on", async () => {
    const p = peer("server");
    await p.say(syn(3, "00".repeat(WINDOW)), syn(5));
    const stream = await accepted(p);
    const other = await accepted(p);
    expect(await p.say(fromHex("0000021000000003"))).toEqual([rst(3, 3)]);
    await expect(stream.write(bytes("x"))).rejects.toSatisfy((error) => AstraError.is(error));
    await p.say(fromHex("aabb"), data(5, "cc"));
    expect(toHex((await other.read())!)).toBe("cc");
  });

  it("and no other limit bounds a DATA frame: one longer than the window is RST 3 too", async () => {
    const p = peer("server");
    await p.say(syn(3), syn(5));
    expect(await p.say(data(3, "00".repeat(WINDOW + 1)), data(5, "cc"))).toEqual([rst(3, 3)]);
    await accepted(p).catch(() => undefined);
    expect(p.session.streamCount).toBe(1);
  });

  it("is what the option window says, where the peer is configured otherwise", async () => {
    const p = peer("client", { window: 1_000 });
    void p.session.open().write(new Uint8Array(2_000));
    expect(dataLength(await p.listen(), 3)).toBe(1_000);
    await p.say(syn(2, "00".repeat(1_000)));
    expect(await p.say(data(2, "00"))).toEqual([rst(2, 3)]);
    // However small it is, credit comes back by the time that half of it was read.
    await p.say(syn(4, "00".repeat(500)));
    const stream = await accepted(p);
    await stream.read();
    expect(await p.listen()).toEqual([credit(4, 500)]);
  });

  it("may be filled byte by byte: a WNDINC for each is normal", async () => {
    const p = peer("client");
    const stream = p.session.open();
    void stream.write(new Uint8Array(WINDOW + 1_000));
    await p.listen();
    const more = Array.from({ length: 1_000 }, () => credit(3, 1));
    expect(dataLength(await p.say(...more), 3)).toBe(1_000);
    expect(stream.writableLength).toBe(0);
  });
});

describe("GOAWAY", () => {
  it("is our last frame: after goAway() streams run on, and new ones are answered by RST 5", async () => {
    const p = peer("server");
    await p.say(syn(3, "aa"));
    const stream = await accepted(p);
    p.session.goAway();
    expect(await p.listen()).toEqual([]);
    expect(await p.say(syn(5, "bb"))).toEqual([rst(5, 5)]);
    void stream.write(bytes("still"));
    expect(payloadOf(await p.listen(), 3)).toBe(toHex(bytes("still")));
    expect(await p.say(data(3, "cc"))).toEqual([]);
    expect(p.session.streamCount).toBe(1);
  });

  it("names the highest id that was handed out, in whatever order they came", async () => {
    const p = peer("server");
    await p.say(syn(7), fin(7), syn(3), fin(3));
    for (const _ of [7, 3]) void (await accepted(p)).end();
    void p.session.close();
    expect((await p.listen()).at(-1)).toEqual(goAway(7));
  });

  it("after goAway() what waits to be accepted is answered by RST 5", async () => {
    const p = peer("server");
    await p.say(syn(3, "aa"));
    p.session.goAway();
    expect(await p.listen()).toEqual([rst(3, 5)]);
  });

  it("leaves when the last stream is done, as the last frame, and the connection ends", async () => {
    const p = peer("server");
    await p.say(syn(3, "aa"), fin(3));
    const stream = await accepted(p);
    expect(await readAll(stream)).toBe("aa");
    const closed = p.session.close();
    expect(await p.listen()).toEqual([]);
    void stream.end(bytes("bye"));
    const said = await p.listen();
    expect(payloadOf(said, 3)).toBe(toHex(bytes("bye")));
    expect(said.at(-1)).toEqual(goAway(3));
    await p.end();
    await closed;
    expect(await p.session.closed).toEqual({ code: 0, debug: "", remote: false });
  });

  it("that came ends parsing: what follows it means nothing, however broken", async () => {
    const p = peer("server");
    await p.say(syn(3, "aa"));
    const stream = await accepted(p);
    await p.say(goAway(0, 0, toHex(bytes("no error"))), fromHex("ffffffffffffffffffff"), syn(3));
    await p.say(fromHex("0000042000000000" + "00000000"));
    await p.end();
    expect(await p.session.closed).toEqual({ code: 0, debug: "no error", remote: true });
    expect(toHex((await stream.read())!)).toBe("aa");
    await expect(stream.read()).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    expect(p.frames.filter(({ type }) => type === "GOAWAY").length).toBeLessThanOrEqual(1);
  });

  it("that came with an error is one: the session's end tells its words", async () => {
    const p = peer("client");
    await p.say(goAway(0, 1, toHex(bytes("bad frame"))));
    await p.end();
    expect(await settled(p.session.closed)).toMatchObject({ error: { code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("bad frame") as string } });
  });

  it("that came fails streams above its last id as retryable, and no others", async () => {
    const p = peer("client");
    const low = p.session.open();
    const high = p.session.open();
    await p.listen();
    await p.say(goAway(3));
    await p.end();
    expect(await settled(low.read())).toMatchObject({ error: { retryable: false } });
    expect(await settled(high.read())).toMatchObject({ error: { code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true } });
  });

  it("that did not come makes the end of the connection an error", async () => {
    const p = peer("client");
    const stream = p.session.open();
    await p.listen();
    await p.end();
    await expect(p.session.closed).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(stream.read()).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

describe("stop()", () => {
  it("discards, and returns credit until our FIN is out; then RST 6 says that nothing more is read", async () => {
    const p = peer("client");
    const stream = p.session.open();
    await p.listen();
    stream.stop();
    let granted = 0;
    for (let sent = 0; sent < 4 * WINDOW; sent += WINDOW / 2) {
      for (const frame of await p.say(data(3, "00".repeat(WINDOW / 2)))) {
        expect(frame.type).toBe("WNDINC");
        if (frame.type === "WNDINC") granted += frame.increment;
      }
    }
    expect(granted).toBeGreaterThanOrEqual(3 * WINDOW);
    expect(stream.readableLength).toBe(0);
    void stream.end(bytes("done"));
    const said = (await p.listen()).filter(({ type }) => type !== "WNDINC");
    expect(payloadOf(said, 3)).toBe(toHex(bytes("done")));
    expect(said.slice(-2)).toEqual([fin(3), rst(3, 6)]);
    expect(p.session.streamCount).toBe(0);
  });

  it("after our FIN is RST 6 at once", async () => {
    const p = peer("client");
    const stream = p.session.open();
    void stream.end();
    await p.listen();
    stream.stop();
    expect(await p.listen()).toEqual([rst(3, 6)]);
    expect(p.session.streamCount).toBe(0);
  });

  it("sends no RST where the peer's FIN came first", async () => {
    const p = peer("client");
    const stream = p.session.open();
    await p.listen();
    stream.stop();
    await p.say(fin(3));
    void stream.end();
    expect(await p.listen()).toEqual([fin(3)]);
  });

  it("by close() of a stream ends both halves: FIN, then RST 6", async () => {
    const p = peer("client");
    const stream = p.session.open();
    await p.listen();
    void stream.close();
    expect(await p.listen()).toEqual([fin(3), rst(3, 6)]);
  });
});

describe("RST", () => {
  it("after the peer's FIN ends our writing half only: what came before the FIN stays readable, then it ends", async () => {
    const p = peer("server");
    await p.say(syn(3, "aabb"), fin(3), rst(3, 4));
    const stream = await accepted(p);
    expect(await readAll(stream)).toBe("aabb");
    await expect(stream.write(bytes("x"))).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("before it drops what was not read", async () => {
    const p = peer("server");
    await p.say(syn(3, "aabb"));
    const stream = await accepted(p);
    await p.say(rst(3, 7));
    await expect(stream.read()).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 7 });
  });

  it.each(Array.from({ length: 17 }, (_, code) => code).concat(256))("with code %i is retryable exactly if it is 5, 9 or 11", async (code) => {
    const p = peer("client");
    const stream = p.session.open();
    await p.listen();
    await p.say(rst(3, code));
    expect(await settled(stream.read())).toMatchObject({ error: { retryable: [5, 9, 11].includes(code), remoteCode: code } });
  });

  it("is how our reset() looks: code 6, or the application's", async () => {
    const p = peer("client");
    p.session.open().reset();
    const stream = p.session.open();
    await p.listen();
    stream.reset(300, "words that this wire cannot carry");
    expect(await p.listen()).toEqual([rst(stream.id, 300)]);
  });

  it("9 is the answer when nobody accepts and the backlog is full", async () => {
    const p = peer("server", { acceptBacklog: 2 });
    expect(await p.say(syn(3, "78"), syn(5, "78"), syn(7, "78"), syn(9, "78"))).toEqual([rst(7, 9), rst(9, 9)]);
    expect((await accepted(p)).id).toBe(3);
    expect(await p.say(syn(11, "78"))).toEqual([]);
  });
});

describe("opened", () => {
  it("resolves when the SYN is framed, for there is no ACCEPT", async () => {
    const { session, clock, frames } = peer("client");
    const stream = session.open();
    let opened = false;
    void stream.opened.then(() => (opened = true));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(opened).toBe(false);
    await clock.settle();
    expect(opened).toBe(true);
    expect(frames).toEqual([syn(3)]);
  });

  it("and accept() says nothing on the wire", async () => {
    const p = peer("server");
    await p.say(syn(3));
    await accepted(p);
    expect(await p.listen()).toEqual([]);
  });
});

describe("what only the other wire has", () => {
  it("is refused where it is asked for: a header", () => {
    expect(() => peer("client").session.open({ header: bytes("x") })).toThrow(
      expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("'muxado' has no headers") as string }) as Error,
    );
    expect(() => peer("client").session.open({ header: new Uint8Array(0) })).not.toThrow();
  });

  it("is refused where it is asked for: a type, without typedStreams", () => {
    expect(() => peer("client").session.open({ type: 7 })).toThrow(
      expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("types only with typedStreams") as string }) as Error,
    );
  });

  it("is refused where it is asked for: ping(), without typedStreams", async () => {
    await expect(peer("client").session.ping()).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
  });

  it("stays here: urgency orders what we send and is not told", async () => {
    const { session, clock, frames } = peer("client");
    const stream = session.open({ urgency: 0 });
    stream.urgency = 6;
    await clock.settle();
    expect(frames).toEqual([syn(3)]);
  });
});
