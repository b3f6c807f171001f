import { WireCode } from "@astranet/frame";
import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
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
    }).toThrow("EINVAL");
    expect(() => {
      stream.stop(code);
    }).toThrow("EINVAL");
    expect(await peer.listen()).toEqual([]);
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
