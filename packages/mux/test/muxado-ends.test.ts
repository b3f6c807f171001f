import { WireCode } from "@astranet/frame";
import { detect, muxado as wire, Session, type Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { bytes, only, settings } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { data, fin, goAway, muxado, syn, WINDOW } from "./support/muxado.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { outcome } from "./support/session-pair.ts";

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return (await outcome(promise))[1];
}

function saying(code: string, words: string, more: Record<string, unknown> = {}): unknown {
  return expect.objectContaining({ code, message: expect.stringContaining(words) as string, ...more });
}

function held(): { readonly connection: HeldConnection; readonly session: Session; readonly clock: ManualClock } {
  const connection = new HeldConnection();
  const clock = new ManualClock();
  return { connection, clock, session: new Session(connection, { role: "server", clock, wire: wire(), closeTimeoutMs: 800 }) };
}

describe("on muxado's wire a GOAWAY", () => {
  it("that came is not answered, and breaks what is left at once, with its code; what arrived may be read first", async () => {
    const { connection, session, clock } = held();
    connection.give(syn(3, "aa"));
    const stream = await session.accept();
    connection.give(goAway(0, WireCode.INTERNAL));
    await clock.settle();
    expect([connection.frames, connection.isClosed]).toEqual([[], true]);
    expect(await stream.read()).toEqual(Uint8Array.of(0xaa));
    expect(await reasonOf(stream.read())).toEqual(saying("ERR_ASTRANET_SESSION_CLOSED", "the peer ended the session (INTERNAL)", { remoteCode: WireCode.INTERNAL, retryable: false }));
  });

  it("is said once, where close() gave up waiting", async () => {
    const { connection, session, clock } = held();
    connection.give(syn(3));
    await session.accept();
    void session.close();
    await clock.advance(800);
    connection.drain();
    expect([only(connection.frames, "GOAWAY").length, connection.isClosed]).toEqual([1, true]);
  });

  it("for a mistake names the highest id that was handed out, not the last", async () => {
    const p = muxado("server");
    await p.say(syn(7), syn(3));
    expect([(await p.session.accept()).id, (await p.session.accept()).id]).toEqual([7, 3]);
    expect(only(await p.say(syn(3)), "GOAWAY")).toMatchObject([{ lastStreamId: 7, code: WireCode.PROTOCOL }]);
  });

  it("that was said refuses the streams that nobody took", async () => {
    const p = muxado("server");
    await p.say(syn(3));
    p.session.goAway();
    expect(await p.listen()).toMatchObject([{ type: "RST", streamId: 3, code: WireCode.STREAM_REFUSED }]);
  });
});

describe("on muxado's wire a stream that is reset here", () => {
  it("says that the peer broke the rules where it did", async () => {
    const p = muxado("server");
    await p.say(syn(3));
    const stream = await p.session.accept();
    await p.say(data(3, "00".repeat(WINDOW + 1)));
    expect(await reasonOf(stream.read())).toEqual(saying("ERR_ASTRANET_PROTOCOL", "reset here: DATA beyond the window"));
  });

  it("says that its reading was stopped where it was", async () => {
    const p = muxado("server");
    await p.say(syn(3));
    const stream = await p.session.accept();
    void stream.end();
    await p.listen();
    stream.stop();
    expect(await reasonOf(stream.closed)).toEqual(saying("ECONNRESET", "reading was stopped here"));
  });

  it("says that its handler failed where that threw", async () => {
    const streams: Stream[] = [];
    const p = muxado("server", {
      onstream: (stream) => {
        streams.push(stream);
        throw new Error("no seats");
      },
    });
    await expect(p.say(syn(3))).rejects.toThrow("no seats");
    expect(await reasonOf((streams[0] as Stream).read())).toEqual(saying("ECONNRESET", "reset here: its handler failed"));
  });
});

describe("the peer's heartbeats that are over", () => {
  it("do not count for those that run: close() waits for nothing", async () => {
    const p = muxado("server", { typedStreams: true });
    await p.say(syn(3, "ffffffff"), fin(3));
    expect(p.session.streamCount).toBe(0);
    await p.listen();
    void p.session.close();
    expect(only(await p.listen(), "GOAWAY").length).toBe(1);
    expect(p.over).toBeDefined();
  });
});

describe("stream ids of muxado's wire", () => {
  it("that are used up say so, retryable", () => {
    const session = new Session(new HeldConnection(), { role: "client", clock: new ManualClock(), wire: wire(), firstStreamId: 0x7fff_ffff });
    expect(session.open().id).toBe(0x7fff_ffff);
    expect(() => session.open()).toThrow(saying("ERR_ASTRANET_SESSION_DRAINING", "stream ids of this session are used up", { retryable: true }));
  });
});

describe("a server that detects the wire", () => {
  it("says nothing to a stranger, whose wire it does not know", async () => {
    const peer = new RawPeer({ role: "server", wire: detect() });
    await peer.hear(bytes("GET / HTTP/1.1\r\n\r\n"));
    expect([peer.bytes.length, peer.over !== undefined]).toEqual([0, true]);
    expect(await reasonOf(peer.session.closed)).toEqual(saying("ERR_ASTRANET_PROTOCOL", "does not speak this wire"));
  });

  it("takes what comes byte by byte after the first four as it comes", async () => {
    const peer = new RawPeer({ role: "server" });
    await peer.say(settings());
    const ping = Uint8Array.of(0, 0, 8, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    expect(await peer.say(ping.subarray(0, 15))).toEqual([]);
    expect(await peer.say(ping.subarray(15))).toEqual([{ type: "PING", ack: true, opaque: "0000000000000001" }]);
  });
});
