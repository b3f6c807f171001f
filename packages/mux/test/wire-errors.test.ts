import { WireCode } from "@astranet/frame";
import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { accepted, bytes, goAway, rst, settings, started, stop, syn } from "./support/frames.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { codeOf, outcome } from "./support/session-pair.ts";

const onStream: [code: number, error: string, retryable: boolean][] = [
  [WireCode.NO_ERROR, "ECONNRESET", false],
  [WireCode.PROTOCOL, "ECONNRESET", false],
  [WireCode.INTERNAL, "ECONNRESET", false],
  [WireCode.FLOW_CONTROL, "ECONNRESET", false],
  [WireCode.STREAM_CLOSED, "ECONNRESET", false],
  [WireCode.STREAM_REFUSED, "ECONNREFUSED", true],
  [WireCode.STREAM_CANCELLED, "ECONNRESET", false],
  [WireCode.STREAM_RESET, "ECONNRESET", false],
  [WireCode.FRAME_SIZE, "ECONNRESET", false],
  [WireCode.ACCEPT_QUEUE_FULL, "ECONNREFUSED", true],
  [WireCode.ENHANCE_YOUR_CALM, "ERR_ASTRANET_OVERLOAD", false],
  [WireCode.REMOTE_GONE_AWAY, "ERR_ASTRANET_SESSION_CLOSED", true],
  [WireCode.STREAMS_EXHAUSTED, "ERR_ASTRANET_SESSION_DRAINING", false],
  [WireCode.WRITE_TIMEOUT, "ETIMEDOUT", false],
  [WireCode.SESSION_CLOSED, "ERR_ASTRANET_SESSION_CLOSED", false],
  [WireCode.PEER_EOF, "ECONNRESET", false],
  [16, "ECONNRESET", false],
  [256, "ECONNRESET", false],
  [0xffff_ffff, "ECONNRESET", false],
];

const onSession: [code: number, error: string | undefined][] = [
  [WireCode.NO_ERROR, undefined],
  [WireCode.PROTOCOL, "ERR_ASTRANET_PROTOCOL"],
  [WireCode.INTERNAL, "ECONNRESET"],
  [WireCode.FLOW_CONTROL, "ERR_ASTRANET_PROTOCOL"],
  [WireCode.FRAME_SIZE, "ERR_ASTRANET_PROTOCOL"],
  [WireCode.ENHANCE_YOUR_CALM, "ERR_ASTRANET_PROTOCOL"],
  [WireCode.STREAMS_EXHAUSTED, "ERR_ASTRANET_SESSION_DRAINING"],
  [WireCode.WRITE_TIMEOUT, "ETIMEDOUT"],
  [99, "ECONNRESET"],
  [255, "ECONNRESET"],
  [256, undefined],
  [0xffff_ffff, undefined],
];

describe("an RST", () => {
  it.each(onStream)("with code %i breaks its stream with %s (retryable: %s)", async (code, error, retryable) => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    const pending = [stream.opened, stream.read()];
    for (const promise of pending) expect(await outcome(promise)).toEqual(["pending"]);
    await peer.say(rst(stream.id, code));
    for (const promise of pending) {
      const [, reason] = await outcome(promise);
      expect(AstraError.is(reason)).toBe(true);
      expect(reason).toMatchObject({ code: error, retryable, remoteCode: code });
    }
    expect(await codeOf(stream.write(bytes("x")))).toBe(error);
    expect(peer.session.streamCount).toBe(0);
  });

  it.each([
    [WireCode.NO_ERROR, "the peer reset the stream (NO_ERROR)"],
    [WireCode.STREAM_RESET, "the peer reset the stream (STREAM_RESET)"],
    [WireCode.PEER_EOF, "the peer reset the stream (PEER_EOF)"],
    [16, "the peer reset the stream (code 16)"],
    [300, "the peer reset the stream (code 300)"],
  ])("with code %i says so in words", async (code, message) => {
    const peer = await started({ role: "client" });
    const [plain, empty, explained] = [peer.session.open(), peer.session.open(), peer.session.open()];
    await peer.listen();
    const reason = (streamId: number, text: string): Frame => ({ type: "REASON", streamId, code, nodeId: "0000000000000000", text });
    await peer.say(rst(plain.id, code), reason(empty.id, ""), rst(empty.id, code), reason(explained.id, "the disk is full"), rst(explained.id, code));
    const errors = await Promise.all([plain, empty, explained].map(async (stream) => (await outcome(stream.read()))[1] as AstraError));
    expect(errors.map((error) => error.message)).toEqual([message, message, `${message}: the disk is full`].map((text) => expect.stringMatching(new RegExp(`${text.replace(/[()]/g, "\\$&")}$`)) as string));
    // Of the stack there is only what would be printed: frames of the decoder would tell nobody anything, and each reset would cost them.
    for (const error of errors) expect(error.stack).toBe(`${error.name}: ${error.message}`);
  });

  it("is told from one with another code, and shares its error with one that says the same", async () => {
    const peer = await started({ role: "client" });
    const streams = [peer.session.open(), peer.session.open(), peer.session.open()];
    await peer.listen();
    await peer.say(rst(1, 7), rst(3, 7), rst(5, 300));
    const [one, two, three] = await Promise.all(streams.map(async (stream) => (await outcome(stream.read()))[1]));
    expect(two).toBe(one);
    expect([one, three]).toMatchObject([{ remoteCode: 7 }, { remoteCode: 300 }]);
  });

  it("is explained by the REASON before it", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    const other = peer.session.open();
    await peer.listen();
    await peer.say({ type: "REASON", streamId: stream.id, code: 7, nodeId: "0000000000000000", text: "the disk is full" }, rst(other.id, 7));
    expect(String((await outcome(other.read()))[1])).not.toContain("the disk is full");
    await peer.say({ type: "REASON", streamId: stream.id, code: 7, nodeId: "0000000000000000", text: "the disk is full" }, rst(stream.id, 7));
    expect(String((await outcome(stream.read()))[1])).toContain("the disk is full");
  });
});

describe("reset()", () => {
  it("says why in a REASON before the RST, to a peer that understands it", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    await peer.listen();
    stream.reset(300, "no more seats");
    expect(await peer.listen()).toEqual([{ type: "REASON", streamId: 1, code: 300, nodeId: "0000000000000000", text: "no more seats" }, rst(1, 300)]);
  });

  it("keeps its reason from a peer that does not understand it", async () => {
    const peer = await started({ role: "server" }, { features: 0 });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    await peer.listen();
    stream.reset(300, "no more seats");
    expect(await peer.listen()).toEqual([rst(1, 300)]);
  });

  it("sends 6 unless told otherwise, and nothing where the stream is over", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    stream.reset();
    stream.reset(7);
    expect(await peer.listen()).toEqual([rst(1, WireCode.STREAM_CANCELLED)]);
    expect(await codeOf(stream.read())).toBe("ECONNRESET");
    expect(await codeOf(stream.closed)).toBe("ECONNRESET");
  });

  it.each([0, 1, 5, 8, 10, 16, 255, -1, 6.5, 2 ** 32, NaN])("refuses the code %s, which is not an application's", async (code) => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    expect(() => {
      stream.reset(code);
    }).toThrow(new RegExp(`EINVAL.*code 6, 7 and 256 to 2\\^32 − 1, not ${code}$`));
    expect(() => {
      stream.stop(code);
    }).toThrow("EINVAL");
    expect(await peer.listen()).toEqual([]);
  });

  it.each([6, 7, 256, 0xffff_ffff])("sends the code %i, which is an application's", async (code) => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    stream.reset(code);
    expect(await peer.listen()).toEqual([rst(1, code)]);
  });

  it("sends nothing for a stream whose SYN has not left", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.write(bytes("never"));
    stream.reset();
    expect(await peer.listen()).toEqual([]);
    expect(await codeOf(stream.opened)).toBe("ECONNRESET");
    peer.session.open();
    expect(await peer.listen()).toEqual([syn(3)]);
  });
});

describe("a STOP", () => {
  it("fails writes with EPIPE, drops what is queued, and is answered by an empty FIN", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(65_537));
    await peer.listen();
    const write = stream.write(bytes("queued"));
    const end = stream.end();
    expect(await peer.say(stop(1, 300))).toEqual([{ type: "DATA", streamId: 1, flags: 1, payload: "" }]);
    expect((await outcome(write))[1]).toMatchObject({ code: "EPIPE", remoteCode: 300, retryable: false });
    expect(await codeOf(end)).toBe("EPIPE");
    expect(stream.writableLength).toBe(0);
    expect(await codeOf(stream.write(bytes("x")))).toBe("EPIPE");
    expect(() => stream.tryWrite(bytes("x"))).toThrow("EPIPE");
    expect(await codeOf(stream.ready())).toBe("EPIPE");
    await peer.say(accepted(1), syn(2));
    expect(await codeOf(stream.read())).toBe("pending");
  });

  it("after our FIN does nothing", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.end(bytes("all"));
    await peer.listen();
    expect(await peer.say(stop(1))).toEqual([]);
    expect(await codeOf(stream.read())).toBe("pending");
  });
});

describe("a GOAWAY", () => {
  it.each(onSession)("with code %i ends the session with %s", async (code, error) => {
    const peer = new RawPeer({ role: "client" });
    await peer.say(settings(), goAway(0, code, "so it is"));
    await peer.end();
    const [state, value] = await outcome(peer.session.closed);
    if (error === undefined) expect([state, value]).toEqual(["resolved", { code, debug: "so it is", remote: true }]);
    else {
      expect(value).toMatchObject({ code: error, remoteCode: code });
      expect(String(value)).toContain("so it is");
    }
  });
});
