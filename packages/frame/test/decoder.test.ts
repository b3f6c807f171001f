import { Flag, FrameDecoder, FrameEncoder, FrameError, type FrameHandler, WireCode } from "@astranet/frame";
import { describe, expect, it } from "vitest";
import { Collector, decode, encode, type Frame } from "./support/frames.ts";
import { concat, fromHex } from "./support/hex.ts";

const data = (streamId: number, payload: string, flags = 0): Frame => ({ type: "DATA", streamId, flags, payload });

/** Bytes as a runtime may hand them in: `slice` of this one is a view, as a Node Buffer's is. */
class SharingArray extends Uint8Array {
  override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
    return super.subarray(start, end);
  }
}

describe("payload", () => {
  it("goes up without a copy: each piece is a part of the chunk it came in", () => {
    const { bytes } = encode([data(1, "aabbcc"), data(3, "dd")]);
    const { pieces } = decode(bytes);
    expect(pieces.map((piece) => piece.buffer === bytes.buffer)).toEqual([true, true]);
  });

  it("goes up at once, before the rest of its frame came", () => {
    const collector = new Collector();
    const decoder = new FrameDecoder(collector);
    const { bytes } = encode([data(1, "aabbcc")]);
    decoder.push(bytes.subarray(0, 10));
    expect(collector.pieces.map((piece) => [...piece])).toEqual([[0xaa, 0xbb]]);
    expect(collector.frames).toEqual([]);
  });

  it("is announced with the length of its frame before a byte of it came", () => {
    const said: unknown[] = [];
    const handler = new Collector();
    handler.data = (...args): number => said.push(args);
    new FrameDecoder(handler).push(fromHex("00ffff1200000005"));
    expect(said).toEqual([[5, Flag.SYN, 65_535, -1]]);
  });

  it("of a typed SYN comes after its type, whose four bytes are in the length and not in the pieces", () => {
    const said: unknown[] = [];
    const handler = new Collector();
    handler.data = (...args): number => said.push(args);
    handler.payload = (chunk, start, end): number => said.push([...chunk.subarray(start, end)]);
    handler.dataEnd = (): number => said.push("end");
    const decoder = new FrameDecoder(handler);
    decoder.push(fromHex("00000616000000050102"));
    expect(said).toEqual([]);
    decoder.push(fromHex("0304aabb"));
    expect(said).toEqual([[5, Flag.SYN | Flag.TYPED, 6, 0x01020304], [0xaa, 0xbb], "end"]);
  });
});

describe("what is held back", () => {
  it("is the handler's own where it may keep it: GOAWAY's debug bytes", () => {
    const chunk = new SharingArray(encode([{ type: "GOAWAY", lastStreamId: 1, code: 2, debug: "616263" }]).bytes);
    let debug: Uint8Array = new Uint8Array(0);
    const handler = new Collector();
    handler.goAway = (_id, _code, bytes): void => {
      debug = bytes;
    };
    new FrameDecoder(handler).push(chunk);
    chunk.fill(0xff);
    expect([...debug]).toEqual([0x61, 0x62, 0x63]);
    expect(debug.buffer.byteLength).toBe(3);
  });

  it("survives the chunk it came in: a header and a control frame in pieces whose bytes change later", () => {
    const frames: Frame[] = [{ type: "STOP", streamId: 0x01020304, code: 0x05060708 }, data(9, "01")];
    const collector = new Collector();
    const decoder = new FrameDecoder(collector);
    for (const byte of encode(frames).bytes) {
      const chunk = Uint8Array.of(byte);
      decoder.push(chunk);
      chunk.fill(0xff);
    }
    expect(collector.frames).toEqual(frames);
  });
});

describe("stop", () => {
  const places: readonly (readonly [name: keyof FrameHandler, frame: Frame])[] = [
    ["data", data(1, "aabb")],
    ["data", data(1, "")],
    ["payload", data(1, "aabb")],
    ["dataEnd", data(1, "aabb")],
    ["goAway", { type: "GOAWAY", lastStreamId: 0, code: 0, debug: "" }],
    ["accept", { type: "ACCEPT", streamId: 1, header: "" }],
  ];

  it.each(places)("from inside %s is the last the handler hears", (name, frame) => {
    const called: string[] = [];
    const handler = new Proxy(new Collector(), {
      get: (_target, method) => (): void => {
        called.push(String(method));
        if (method === name) decoder.stop();
      },
    });
    const decoder = new FrameDecoder(handler);
    decoder.push(encode([frame, data(3, "cc")]).bytes);
    decoder.push(encode([data(5, "")]).bytes);
    expect(called.at(-1)).toBe(name);
  });

  it("drops broken bytes too", () => {
    const decoder = new FrameDecoder(new Collector());
    decoder.stop();
    expect(() => decoder.push(fromHex("0000042000000001ffffffff00000000"))).not.toThrow();
    expect(decoder.counted).toBe(0);
  });
});

describe("an error", () => {
  it("of the format has a name, a wire code and words", () => {
    const { error } = decode(fromHex("0000011000000000"));
    expect(error).toBeInstanceOf(FrameError);
    expect(error).toMatchObject({ name: "FrameError", wireCode: WireCode.PROTOCOL, message: "DATA on stream 0" });
  });

  it("that a handler throws leaves push as it is, and stops the decoder", () => {
    const refusal = new FrameError(WireCode.FLOW_CONTROL, "too much");
    const handler = new Collector();
    handler.data = (): never => {
      throw refusal;
    };
    const decoder = new FrameDecoder(handler);
    const { bytes } = encode([data(1, "aa"), { type: "STOP", streamId: 1, code: 6 }]);
    expect(() => decoder.push(bytes)).toThrow(refusal);
    decoder.push(bytes);
    expect(handler.frames).toEqual([]);
  });

  it.each([
    ["0000041000000000", "DATA on stream 0"],
    ["0000040000000000", "RST on stream 0"],
    ["0000042000000000", "WNDINC on stream 0"],
    ["0000083000000007", "GOAWAY on stream 7"],
    ["0000054000000007", "SETTINGS on stream 7"],
    ["0000085000000007", "PING on stream 7"],
    ["0000016000000000", "OPEN on stream 0"],
    ["0000007000000000", "ACCEPT on stream 0"],
    ["0000048000000000", "STOP on stream 0"],
    ["0000109000000007", "LINK on stream 7"],
    ["00000ca000000000", "REASON on stream 0"],
    ["0000042000000001" + "00000000", "WNDINC of 0"],
    ["0000041400000001", "TYPED without SYN"],
    ["0000016000000001" + "08", "OPEN with urgency 8"],
    ["0000109000000000" + "ff".repeat(16), "LINK with a number of 2^53 or more"],
  ])("says what was wrong: %s is %s", (hex, message) => {
    expect(decode(fromHex(hex)).error).toMatchObject({ message, wireCode: WireCode.PROTOCOL });
  });
});

describe("counted", () => {
  it("grows with each byte that comes, from the end of the header on", () => {
    const decoder = new FrameDecoder(new Collector());
    const seen: number[] = [];
    for (const byte of encode([data(1, "aabb"), { type: "PING", ack: false, opaque: "0000000000000000" }, { type: "STOP", streamId: 1, code: 6 }]).bytes) {
      decoder.push(Uint8Array.of(byte));
      seen.push(decoder.counted);
    }
    const ping = new Array<number>(16).fill(10);
    expect(seen).toEqual([0, 0, 0, 0, 0, 0, 0, 8, 9, 10, ...ping, 10, 10, 10, 10, 10, 10, 10, 18, 19, 20, 21, 22]);
  });

  it("already holds a piece of payload when the handler gets it", () => {
    const handler = new Collector();
    const seen: number[] = [];
    handler.payload = (): number => seen.push(decoder.counted);
    handler.dataEnd = (): void => undefined;
    const decoder = new FrameDecoder(handler);
    decoder.push(encode([data(1, "aabbcc")]).bytes);
    expect(seen).toEqual([11]);
  });

  it("holds what is skipped", () => {
    expect(decode(fromHex("000003c000000000aabbcc")).counted).toBe(11);
    expect(decode(fromHex("000003c000000000aa")).counted).toBe(9);
    expect(decode(fromHex("000000c000000000")).counted).toBe(8);
  });
});

it("an empty chunk changes nothing", () => {
  const encoder = new FrameEncoder();
  encoder.stop(1, 6);
  const bytes = concat(encoder.take());
  const collector = new Collector();
  const decoder = new FrameDecoder(collector);
  for (const cut of [0, 5, 8, 10, 12]) {
    decoder.push(new Uint8Array(0));
    decoder.push(bytes.subarray(cut === 0 ? 0 : cut - (cut === 5 ? 5 : cut === 8 ? 3 : 2), cut));
    decoder.push(new Uint8Array(0));
  }
  expect(collector.frames).toEqual([{ type: "STOP", streamId: 1, code: 6 }]);
});
