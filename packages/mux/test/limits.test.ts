import { Flag, WireCode } from "@astranet/frame";
import { Session, type SessionOptions } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { accepted, credit, data, fin, goAway, link, only, opening, ping, rst, settings, started, stop, syn, told, unknown } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

type Server = Omit<SessionOptions, "role">;

/** Says it to a server that has had SETTINGS; expects the session to end at once, with that code for the peer and a protocol error for us. */
async function expectEnd(code: number, said: readonly (Frame | Uint8Array)[], options: Server = {}): Promise<void> {
  const bystander = new SessionPair();
  const [local, remote] = await bystander.stream();
  const peer = await started({ role: "server", ...options });
  const before = peer.clock.now();
  const frames = await peer.say(...said);
  expect(only(frames, "GOAWAY")).toMatchObject([{ code }]);
  expect(frames.at(-1)?.type).toBe("GOAWAY");
  expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_PROTOCOL");
  expect(peer.clock.now() - before).toBeLessThan(100);
  expect(peer.session.streamCount).toBe(0);
  // Nobody else notices.
  await local.end(new Uint8Array(3));
  await bystander.settle();
  expect(await remote.read()).toHaveLength(3);
}

async function expectNoEnd(said: readonly (Frame | Uint8Array)[], options: Server = {}): Promise<RawPeer> {
  const peer = await started({ role: "server", ...options });
  const frames = await peer.say(...said);
  expect(only(frames, "GOAWAY")).toEqual([]);
  expect(await codeOf(peer.session.closed)).toBe("pending");
  return peer;
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

describe("streams that wait for accept()", () => {
  it("beyond acceptBacklog are refused with 9, and the others are not", async () => {
    const peer = await started({ role: "server", acceptBacklog: 2 });
    expect(told(await peer.say(syn(1), syn(3), syn(5), data(5, "dropped"), syn(7)))).toEqual([rst(5, 9), rst(7, 9)]);
    expect(peer.session.stats()).toMatchObject({ backlog: 2, streams: 2, unreadBytes: 0 });
    expect((await peer.session.accept()).id).toBe(1);
    expect(only(await peer.say(syn(9)), "RST")).toEqual([]);
    expect((await peer.session.accept()).id).toBe(3);
    expect((await peer.session.accept()).id).toBe(9);
  });

  it("are 65,536 by default", async () => {
    const peer = await started({ role: "server" });
    expect(told(await peer.say(...times(65_536, (i) => syn(2 * i + 1))))).toEqual([]);
    expect(told(await peer.say(syn(131_073)))).toEqual([rst(131_073, 9)]);
  });

  it("are not counted where onstream takes them", async () => {
    let count = 0;
    const peer = await started({ role: "server", acceptBacklog: 0, onstream: () => count++ });
    expect(only(await peer.say(...times(10, (i) => syn(2 * i + 1))), "RST")).toEqual([]);
    expect(count).toBe(10);
  });

  it("tell their opener ECONNREFUSED, retryable, when there is no room", async () => {
    const pair = new SessionPair({ server: { acceptBacklog: 0 } });
    const stream = pair.client.open();
    await pair.settle();
    expect((await outcome(stream.read()))[1]).toMatchObject({ code: "ECONNREFUSED", retryable: true, remoteCode: 9 });
    expect(await codeOf(stream.opened)).toBe("ECONNREFUSED");
  });
});

describe("streams that the peer opens", () => {
  it("beyond maxStreams are refused with 5, until one is over", async () => {
    const peer = await started({ role: "server", maxStreams: 1_024 });
    await peer.say(...times(1_024, (i) => syn(2 * i + 1)));
    expect(told(await peer.say(syn(2_049, "x", Flag.FIN)))).toEqual([rst(2_049, 5)]);
    (await peer.session.accept()).reset();
    expect(told(await peer.say(syn(2_051)))).toEqual([rst(1, 6)]);
  });

  it("wait in open() for the limit that the peer's SETTINGS gave", async () => {
    const pair = new SessionPair({ server: { maxStreams: 1_025 } });
    const streams = times(1_030, () => pair.client.open());
    await pair.settle();
    expect(pair.server.streamCount).toBe(1_025);
    void streams[1_029]?.end(new Uint8Array(3));
    for (let i = 0; i < 5; i++) streams[i]?.reset();
    await pair.settle();
    expect(pair.server.streamCount).toBe(1_025);
    for (let i = 0; i < 1_024; i++) await pair.server.accept();
    expect((await pair.server.accept()).readableLength).toBe(3);
  });

  it("are 1,024 until the peer's SETTINGS came", async () => {
    const peer = new RawPeer({ role: "client" });
    for (let i = 0; i < 1_030; i++) peer.session.open();
    expect(only(await peer.listen(), "DATA").length).toBe(1_024);
    expect(only(await peer.say(settings({ maxStreams: 1_028 })), "DATA").length).toBe(4);
    expect(only(await peer.say(rst(1, 6), rst(3, 6), rst(5, 6)), "DATA").length).toBe(2);
  });

  it("may wait in open() up to maxPendingOpens; then it throws", async () => {
    const peer = new RawPeer({ role: "client", maxPendingOpens: 2 });
    peer.session.open();
    peer.session.open();
    expect(() => peer.session.open()).toThrow("ERR_ASTRANET_STREAM_LIMIT");
    await peer.listen();
    expect(peer.session.open().id).toBe(5);
  });
});

describe("resets", () => {
  const churn = (from: number, count: number): Frame[] => times(count, (i) => [syn(from + 2 * i), rst(from + 2 * i, 6)]).flat();

  it("of streams not yet accepted beyond resetBurst end the session with ENHANCE_YOUR_CALM", async () => {
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, churn(1, 6), { resetBurst: 5 });
    await expectNoEnd(churn(1, 5), { resetBurst: 5 });
  });

  it("may come 10,000 at once by default", async () => {
    await expectNoEnd(churn(1, 10_000));
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, churn(1, 10_001));
  });

  it("may come resetsPerSecond, in the long run", async () => {
    const peer = await expectNoEnd(churn(1, 5), { resetBurst: 5, resetsPerSecond: 10 });
    await peer.clock.advance(300);
    await peer.say(...churn(101, 3));
    expect(await codeOf(peer.session.closed)).toBe("pending");
    await peer.say(...churn(201, 1));
    expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_PROTOCOL");
  });

  it("of accepted streams are free, and each accepted stream allows one more", async () => {
    const peer = await expectNoEnd(churn(1, 5), { resetBurst: 5, resetsPerSecond: 0 });
    for (let i = 0; i < 10; i++) {
      await peer.say(syn(101 + 2 * i));
      await peer.session.accept();
      await peer.say(rst(101 + 2 * i, 6));
    }
    await peer.say(...churn(201, 5));
    expect(await codeOf(peer.session.closed)).toBe("pending");
    await peer.say(...churn(301, 1));
    expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_PROTOCOL");
  });

  it("that a peer provokes by opening too many count as well", async () => {
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, times(8, (i) => syn(2 * i + 1)), { acceptBacklog: 2, resetBurst: 5 });
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, times(1_030, (i) => syn(2 * i + 1)), { maxStreams: 1_024, resetBurst: 5 });
  });

  it("cannot hide behind a STOP", async () => {
    const peer = await started({ role: "server", resetBurst: 5, resetsPerSecond: 0 });
    for (let id = 1; id < 41; id += 2) {
      await peer.say(syn(id), stop(id));
      await peer.say(rst(id, 6));
    }
    expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_PROTOCOL");
  });
});

describe("PINGs from the peer", () => {
  it("beyond ten in a second end the session with ENHANCE_YOUR_CALM", async () => {
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, times(11, (i) => ping(i)));
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, times(3, (i) => ping(i)), { maxPingsPerSecond: 2 });
    const peer = await expectNoEnd(times(10, (i) => ping(i)));
    for (let i = 0; i < 30; i++) {
      await peer.clock.advance(100);
      await peer.say(ping(i));
    }
    expect(await codeOf(peer.session.closed)).toBe("pending");
  });
});

describe("empty DATA frames without FIN", () => {
  it("beyond ten in a row end the session with ENHANCE_YOUR_CALM", async () => {
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, [syn(1), ...times(11, () => data(1))]);
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, [syn(1), data(1), data(1)], { maxEmptyFrames: 1 });
    await expectNoEnd([syn(1), ...times(10, () => data(1)), data(1, "x"), ...times(10, () => data(1)), fin(1)]);
  });

  it("count on streams that are over, too", async () => {
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, [syn(1), rst(1, 6), ...times(11, () => data(1))]);
  });
});

describe("frames of unknown types", () => {
  it("are skipped, but beyond a hundred in a second end the session with ENHANCE_YOUR_CALM", async () => {
    const peer = await expectNoEnd(times(100, (i) => unknown(11 + (i % 5), i)));
    await peer.clock.advance(1_000);
    await peer.say(...times(100, () => unknown(15)));
    expect(await codeOf(peer.session.closed)).toBe("pending");
    await peer.say(unknown(15));
    expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_PROTOCOL");
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, times(101, () => unknown(11)));
    await expectEnd(WireCode.ENHANCE_YOUR_CALM, [unknown(11), unknown(11)], { maxUnknownFramesPerSecond: 1 });
  });

  it("of more than 16 KiB end the session with FRAME_SIZE", async () => {
    await expectNoEnd([unknown(11, 16_384)]);
    await expectEnd(WireCode.FRAME_SIZE, [unknown(11, 16_385)]);
  });
});

describe("a header", () => {
  it("of more than maxHeader bytes ends the session with FRAME_SIZE", async () => {
    await expectNoEnd([opening(1, 3, 4_096), syn(1)]);
    await expectEnd(WireCode.FRAME_SIZE, [opening(1, 3, 4_097), syn(1)]);
    await expectEnd(WireCode.FRAME_SIZE, [opening(1, 3, 1_025), syn(1)], { maxHeader: 1_024 });
  });

  it("longer than the peer takes is EINVAL here", async () => {
    const peer = await started({ role: "client" }, { maxHeader: 2_000 });
    expect(() => peer.session.open({ header: new Uint8Array(2_001) })).toThrow("EINVAL");
    peer.session.open({ header: new Uint8Array(2_000) });
    expect(only(await peer.listen(), "OPEN").length).toBe(1);
  });

  it("above the floor waits for the peer's SETTINGS, and fails where they do not allow it", async () => {
    const peer = new RawPeer({ role: "client" });
    const large = peer.session.open({ header: new Uint8Array(3_000) });
    const small = peer.session.open();
    expect(only(await peer.listen(), "DATA")).toEqual([]);
    const frames = await peer.say(settings({ maxHeader: 2_000 }));
    expect(only(frames, "DATA")).toEqual([syn(small.id)]);
    expect(await codeOf(large.opened)).toBe("EINVAL");
    const other = new RawPeer({ role: "client" });
    other.session.open({ header: new Uint8Array(3_000) });
    await other.listen();
    expect(told(await other.say(settings({ maxHeader: 3_000 })))).toEqual([opening(1, 3, 3_000), syn(1)].map((frame) => (frame.type === "OPEN" ? { ...frame, header: "00".repeat(3_000) } : frame)));
  });
});

describe("a GOAWAY's debug text", () => {
  it("of more than maxGoAwayDebug bytes ends the session with FRAME_SIZE", async () => {
    await expectEnd(WireCode.FRAME_SIZE, [goAway(0, 0, 65_537)]);
    await expectEnd(WireCode.FRAME_SIZE, [goAway(0, 0, 11)], { maxGoAwayDebug: 10 });
    const peer = await started({ role: "server" });
    await peer.say(goAway(0, 0, 65_536));
    await peer.end();
    expect((await peer.session.closed).debug.length).toBe(65_536);
  });

  it("longer than any peer takes is EINVAL here, and so is a code that is none", async () => {
    const peer = await started({ role: "server" });
    expect(() => {
      peer.session.goAway(0, "x".repeat(65_537));
    }).toThrow("EINVAL");
    for (const code of [-1, 2 ** 32, 1.5, NaN]) {
      expect(() => {
        peer.session.goAway(code);
      }).toThrow("EINVAL");
    }
    expect(await peer.listen()).toEqual([]);
  });
});

describe("DATA", () => {
  it("of more than 64 KiB ends the session with FRAME_SIZE, at its header", async () => {
    await expectEnd(WireCode.FRAME_SIZE, [syn(1), Uint8Array.of(1, 0, 1, 0x10, 0, 0, 0, 1)]);
    await expectNoEnd([syn(1), data(1, 65_536)]);
  });

  it("beyond the stream's window ends the session with FLOW_CONTROL, at its header", async () => {
    await expectEnd(WireCode.FLOW_CONTROL, [syn(1, 65_536), data(1, 65_536), data(1, 65_536), data(1, 65_535), Uint8Array.of(0, 0, 2, 0x10, 0, 0, 0, 1)]);
    await expectNoEnd([syn(1, 65_536), data(1, 65_536), data(1, 65_536), data(1, 65_536), data(1)]);
  });

  it("has its type's four bytes counted against the window", async () => {
    await expectEnd(WireCode.FLOW_CONTROL, [{ type: "DATA", streamId: 1, flags: Flag.SYN, streamType: 9, payload: "00".repeat(65_532) }, data(1, 1)], { initialWindow: 65_536 });
    await expectNoEnd([{ type: "DATA", streamId: 1, flags: Flag.SYN, streamType: 9, payload: "00".repeat(65_532) }], { initialWindow: 65_536 });
  });

  it("beyond the link's window ends the session with FLOW_CONTROL", async () => {
    // Credit is granted as chunks come, so only what comes in one chunk can be too much.
    for (const [frames, ends] of [[15, false], [16, true]] as const) {
      const connection = new HeldConnection();
      const session = new Session(connection, { role: "server", initialWindow: 2 ** 21, clock: new ManualClock() });
      connection.give(settings(), syn(1), ...times(frames, () => data(1, 65_536)));
      expect(only(connection.frames, "GOAWAY").map(({ code }) => code)).toEqual(ends ? [WireCode.FLOW_CONTROL] : []);
      session.abort();
    }
  });
});

describe("a window", () => {
  it("above 2^31 − 1 ends the session with FLOW_CONTROL", async () => {
    await expectEnd(WireCode.FLOW_CONTROL, [syn(1), credit(1, 0x7fff_ffff)]);
    await expectEnd(WireCode.FLOW_CONTROL, [syn(1), credit(1, 0x7fff_0000)]);
    await expectNoEnd([syn(1), credit(1, 0x7fff_ffff - 65_536)]);
  });
});

describe("a frame that breaks a rule", () => {
  const header = (type: number, length: number, id: number, flags = 0): Uint8Array => Uint8Array.of(0, 0, length, (type << 4) | flags, 0, 0, 0, id, ...new Array<number>(length).fill(0));

  it.each<[what: string, code: number, said: (Frame | Uint8Array)[]]>([
    ["a second SETTINGS", 1, [settings()]],
    ["a SYN whose id is ours to give", 1, [syn(2)]],
    ["a SYN whose id does not rise", 1, [syn(3), syn(1)]],
    ["a SYN whose id is open", 1, [syn(1), syn(1)]],
    ["a SYN on stream 0", 1, [header(1, 0, 0, 2)]],
    ["DATA on a stream that never was", 1, [data(1, "x")]],
    ["DATA on a stream of ours that never was", 1, [data(2, "x")]],
    ["an RST on a stream that never was", 1, [rst(5, 6)]],
    ["a STOP on a stream that never was", 1, [stop(5)]],
    ["a WNDINC on a stream that never was", 1, [credit(5, 1)]],
    ["a WNDINC of 0", 1, [syn(1), header(2, 4, 1)]],
    ["a WNDINC on stream 0", 1, [header(2, 4, 0)]],
    ["an ACCEPT on a stream that never was", 1, [accepted(2)]],
    ["an OPEN without its SYN", 1, [opening(1), syn(3)]],
    ["an OPEN before a PING", 1, [opening(1), ping(1)]],
    ["an OPEN before DATA of another stream", 1, [syn(1), opening(3), data(1, "x")]],
    ["an OPEN before a LINK", 1, [opening(1), link(0, 2 ** 30)]],
    ["an OPEN before a frame of unknown type", 1, [opening(1), unknown(11)]],
    ["two OPENs", 1, [opening(1), opening(3)]],
    ["an OPEN with urgency 8", 1, [Uint8Array.of(0, 0, 1, 0x60, 0, 0, 0, 1, 8)]],
    ["a LINK that takes credit back", 1, [link(0, 1_048_575)]],
    ["a LINK that acknowledges what was never sent", 1, [link(1_000, 2 ** 30)]],
    ["a LINK of 2^53 or more", 1, [Uint8Array.of(0, 0, 16, 0x90, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0)]],
    ["a PING of 7 bytes", 8, [header(5, 7, 0)]],
    ["a PING on a stream", 1, [header(5, 8, 1)]],
    ["an RST of 3 bytes", 8, [syn(1), header(0, 3, 1)]],
    ["a GOAWAY on a stream", 1, [header(3, 8, 1)]],
    ["a second GOAWAY that raises the last id", 1, [goAway(0), goAway(2)]],
  ])("%s ends the session with code %i", async (_, code, said) => {
    await expectEnd(code, said);
  });

  it("a LINK whose acknowledgement goes back ends the session with PROTOCOL", async () => {
    const peer = await started({ role: "client" });
    peer.session.open();
    peer.session.open();
    await peer.listen();
    await peer.say(link(16, 2 ** 30));
    expect(only(await peer.say(link(8, 2 ** 30)), "GOAWAY")).toMatchObject([{ code: 1 }]);
  });

  it("a second GOAWAY may lower the last id", async () => {
    const peer = await started({ role: "client" });
    const [first, second] = [peer.session.open(), peer.session.open()];
    await peer.listen();
    await peer.say(goAway(3));
    expect([await codeOf(first.read()), await codeOf(second.read())]).toEqual(["pending", "pending"]);
    await peer.say(goAway(1));
    expect((await outcome(second.opened))[1]).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true });
    expect(await codeOf(first.opened)).toBe("pending");
    expect(await codeOf(peer.session.closed)).toBe("pending");
  });

  it("a frame other than SETTINGS first is told in words, with a hint for muxado", async () => {
    const peer = new RawPeer({ role: "server" });
    const frames = await peer.say(syn(1, "x"));
    expect(only(frames, "GOAWAY")).toMatchObject([{ code: 1 }]);
    expect(String((await outcome(peer.session.closed))[1])).toContain("{ wire: muxado() }");
  });

  it("is told the peer after our own SETTINGS, so that it knows who speaks", async () => {
    const peer = new RawPeer({ role: "server" });
    const frames = await peer.say(settings(), data(1, "x"));
    expect(frames.map(({ type }) => type)).toEqual(["SETTINGS", "GOAWAY"]);
  });

  it("after it nothing more is taken", async () => {
    const peer = await started({ role: "server" });
    await peer.say(data(1, "x"), syn(1), syn(3, "y"));
    expect(peer.session.stats()).toMatchObject({ accepted: 0, streams: 0 });
    expect(await peer.say(syn(5))).toEqual([]);
    expect(await codeOf(peer.session.accept())).toBe("ERR_ASTRANET_PROTOCOL");
  });
});
