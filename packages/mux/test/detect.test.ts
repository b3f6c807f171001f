import { DEFAULT_MAX_GOAWAY_DEBUG, SETTINGS_FLOOR } from "@astranet/frame";
import { detect, Session } from "@astranet/mux";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { encode } from "../../frame/test/support/frames.ts";
import { fromHex, toHex } from "../../frame/test/support/hex.ts";
import { RawPeer } from "./support/raw-peer.ts";

const settings: Frame = { type: "SETTINGS", ...SETTINGS_FLOOR };
const syn = (streamId: number, payload: string): Frame => ({ type: "DATA", streamId, flags: 2, payload });
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

function detecting(): RawPeer {
  return new RawPeer({ role: "server", wire: detect() });
}

describe("wire 'detect'", () => {
  it("says nothing until the first four bytes came", async () => {
    const p = detecting();
    expect(await p.listen()).toEqual([]);
    const { bytes } = encode([settings]);
    for (const byte of bytes.subarray(0, 3)) expect(await p.say(Uint8Array.of(byte))).toEqual([]);
    expect(p.bytes).toHaveLength(0);
    const said = await p.say(bytes.subarray(3, 4));
    expect(said).toMatchObject([{ type: "SETTINGS" }]);
    await p.say(bytes.subarray(4), syn(1, "aa"));
    expect(toHex((await (await p.session.accept()).read())!)).toBe("aa");
  });

  it("finds SETTINGS of the wire 'astranet', whatever their length", async () => {
    for (const length of [5, 1_024]) {
      const p = detecting();
      const payload = new Uint8Array(length);
      payload.set(fromHex("4153545201"));
      // One unknown item after another fills the rest.
      for (let at = 5; at < length; ) {
        const size = Math.min(255, length - at - 2);
        payload.set([200, size], at);
        at += 2 + size;
      }
      const said = await p.say(Uint8Array.of(0, length >> 8, length & 255, 0x40, 0, 0, 0, 0), payload);
      expect(said[0]).toMatchObject({ type: "SETTINGS" });
      expect(p.over).toBeUndefined();
    }
  });

  it.each([
    ["an empty SYN", "0000001200000003"],
    ["a SYN with the longest payload of a window", "0400001200000003" + "00".repeat(262_144)],
    ["a frame of another type", "0000042000000003" + "00000001"],
    ["a SYN with a FIN", "0000001300000003"],
    ["a reset", "0000040000000003" + "00000006"],
  ])("finds the wire 'muxado' by %s, and speaks it", async (_what, hex) => {
    const p = detecting();
    const bytes = fromHex(hex);
    for (const byte of bytes.subarray(0, 8)) await p.say(Uint8Array.of(byte));
    await p.say(bytes.subarray(8), syn(5, "bb"));
    expect(p.bytes).toHaveLength(0);
    const stream = p.session.open();
    void stream.write(text("hi"));
    await p.clock.settle();
    expect(toHex(p.bytes)).toBe("0000001200000002" + "0000021000000002" + toHex(text("hi")));
  });

  it.each([
    ["the shortest", "", "000008"],
    ["one with the longest text", "e".repeat(DEFAULT_MAX_GOAWAY_DEBUG), (8 + DEFAULT_MAX_GOAWAY_DEBUG).toString(16).padStart(6, "0")],
  ])("finds the wire 'muxado' by a GOAWAY: %s", async (_what, debug, length) => {
    const p = detecting();
    await p.say(fromHex(`${length}3000000000` + "00000000" + "00000000"), text(debug));
    await p.end();
    expect(await p.session.closed).toEqual({ code: 0, debug, remote: true });
  });

  it.each([
    ["DATA without SYN", "00000010"],
    ["DATA with a flag that there is not", "00000016"],
    ["a reset of five bytes", "00000500"],
    ["a reset with a flag", "00000401"],
    ["credit of three bytes", "00000320"],
    ["a GOAWAY of seven bytes", "00000730"],
    ["a GOAWAY with a text that is too long", `${(9 + DEFAULT_MAX_GOAWAY_DEBUG).toString(16).padStart(6, "0")}30`],
    ["a GOAWAY with a flag", "00000831"],
    ["a frame of a type that there is not", "00000850"],
  ])("takes no first frame for muxado's that muxado's peers do not begin with: %s", async (_what, hex) => {
    const p = detecting();
    await p.say(fromHex(hex));
    await expect(p.session.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
  });

  it("sends what was opened before, once it knows the wire", async () => {
    const p = detecting();
    const stream = p.session.open();
    void stream.write(text("early"));
    expect(await p.listen()).toEqual([]);
    await p.say(fromHex("0000001200000003"));
    expect(toHex(p.bytes)).toBe("0000001200000002" + "0000051000000002" + toHex(text("early")));

    const q = detecting();
    void q.session.open().write(text("early"));
    const said = await q.say(settings);
    expect(said).toMatchObject([{ type: "SETTINGS" }, { type: "DATA", streamId: 2, flags: 2, payload: toHex(text("early")) }]);
  });

  it("gives what was opened before muxado's window", async () => {
    const p = detecting();
    void p.session.open().write(new Uint8Array(300_000));
    await p.say(fromHex("0000001200000003"));
    // The SYN and each frame have a header of eight bytes.
    const sent = p.bytes.length;
    expect(sent).toBeGreaterThan(262_144);
    expect(sent).toBeLessThan(262_144 + 200);
  });

  it.each([
    ['"GET "', text("GET / HTTP/1.1\r\n\r\n")],
    ['"PRI "', text("PRI * HTTP/2.0\r\n\r\n")],
    ['"\\u0016\\u0003\\u0001\\u0002"', fromHex("160301020001")],
    ['"ASTR"', text("ASTR....")],
    ['"ÿÿÿÿ"', fromHex("ffffffffffff")],
    ['"SSH-"', text("SSH-2.0-OpenSSH")],
  ])("says what it met where it is neither: %s", async (what, bytes) => {
    const p = detecting();
    await p.say(bytes);
    await expect(p.session.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining(what) as string });
    expect(p.over).toBeDefined();
  });

  it("with a peer that goes before it spoke is the end of a connection without GOAWAY", async () => {
    const p = detecting();
    await p.say(Uint8Array.of(0));
    await p.end();
    await expect(p.session.closed).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(p.bytes).toHaveLength(0);
  });

  it("is for servers: of a client it is EINVAL", () => {
    const [connection] = memoryPair();
    expect(() => new Session(connection, { role: "client", wire: detect() })).toThrow(expect.objectContaining({ code: "EINVAL" }) as Error);
  });
});

describe("wire 'astranet'", () => {
  it("that meets muxado says how to speak it", async () => {
    const p = new RawPeer({ role: "server" });
    await p.say(fromHex("000005120000000368656c6c6f"));
    await expect(p.session.closed).rejects.toMatchObject({
      code: "ERR_ASTRANET_PROTOCOL",
      message: expect.stringContaining("for muxado pass { wire: muxado() }") as string,
    });
  });

  it.each([
    ['"GET "', text("GET / HTTP/1.1\r\n\r\n")],
    ['"HTTP"', text("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ['"\\u0016\\u0003\\u0001\\u0002"', fromHex("160301020001")],
    ['"\\u0001\\u0000\\u0000@"', fromHex("0100004000000000")],
  ])("that meets a stranger shows its first bytes: %s", async (what, bytes) => {
    const p = new RawPeer({ role: "client" });
    await p.say(bytes);
    await expect(p.session.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining(what) as string });
  });
});
