import {
  DEFAULT_MAX_GOAWAY_DEBUG,
  DEFAULT_MAX_HEADER,
  FrameDecoder,
  type FrameDecoderOptions,
  FrameType,
  MAX_DATA_LENGTH,
  MAX_LENGTH,
  MAX_REASON_LENGTH,
  MAX_SETTINGS_LENGTH,
  MAX_UNKNOWN_LENGTH,
  WireCode,
} from "@astranet/frame";
import { describe, expect, it } from "vitest";
import { Collector, decode } from "./support/frames.ts";
import { concat } from "./support/hex.ts";

const UPDATE = 1;

function header(type: number, flags: number, length: number, streamId: number): Uint8Array {
  return Uint8Array.of(length >>> 16, length >>> 8, length, (type << 4) | flags, streamId >>> 24, streamId >>> 16, streamId >>> 8, streamId);
}

interface Limit {
  readonly name: string;
  readonly type: number;
  readonly flags?: number;
  readonly streamId: number;
  readonly most: number;
  readonly options?: FrameDecoderOptions;
  /** What the error calls the frame. */
  readonly called: string;
}

const limits: Limit[] = [
  { name: "DATA", type: FrameType.DATA, streamId: 1, most: MAX_DATA_LENGTH, called: "DATA of 65537 bytes" },
  { name: "DATA with maxDataLength", type: FrameType.DATA, streamId: 1, most: 10, options: { maxDataLength: 10 }, called: "DATA of 11 bytes" },
  { name: "RST", type: FrameType.RST, streamId: 1, most: 4, called: "RST of 5 bytes" },
  { name: "WNDINC", type: FrameType.WNDINC, streamId: 1, most: 4, called: "WNDINC of 5 bytes" },
  { name: "GOAWAY", type: FrameType.GOAWAY, streamId: 0, most: 8 + DEFAULT_MAX_GOAWAY_DEBUG, called: "GOAWAY of 65545 bytes" },
  { name: "GOAWAY with maxGoAwayDebug", type: FrameType.GOAWAY, streamId: 0, most: 28, options: { maxGoAwayDebug: 20 }, called: "GOAWAY of 29 bytes" },
  { name: "SETTINGS", type: FrameType.SETTINGS, streamId: 0, most: MAX_SETTINGS_LENGTH, called: "SETTINGS of 1025 bytes" },
  { name: "PING", type: FrameType.PING, streamId: 0, most: 8, called: "PING of 9 bytes" },
  { name: "OPEN", type: FrameType.OPEN, streamId: 1, most: 1 + DEFAULT_MAX_HEADER, called: "OPEN of 4098 bytes" },
  { name: "OPEN with maxHeader", type: FrameType.OPEN, streamId: 1, most: 1 + 1_024, options: { maxHeader: 1_024 }, called: "OPEN of 1026 bytes" },
  { name: "OPEN with UPDATE", type: FrameType.OPEN, flags: UPDATE, streamId: 1, most: 1, called: "OPEN of 2 bytes" },
  { name: "ACCEPT", type: FrameType.ACCEPT, streamId: 1, most: DEFAULT_MAX_HEADER, called: "ACCEPT of 4097 bytes" },
  { name: "ACCEPT with maxHeader", type: FrameType.ACCEPT, streamId: 1, most: 1_024, options: { maxHeader: 1_024 }, called: "ACCEPT of 1025 bytes" },
  { name: "STOP", type: FrameType.STOP, streamId: 1, most: 4, called: "STOP of 5 bytes" },
  { name: "LINK", type: FrameType.LINK, streamId: 0, most: 16, called: "LINK of 17 bytes" },
  { name: "REASON", type: FrameType.REASON, streamId: 1, most: MAX_REASON_LENGTH, called: "REASON of 257 bytes" },
  { name: "an unknown type", type: 11, streamId: 0, most: MAX_UNKNOWN_LENGTH, called: "a frame of unknown type 11 with 16385 bytes" },
  { name: "an extension on the wire 'muxado'", type: FrameType.OPEN, streamId: 1, most: MAX_UNKNOWN_LENGTH, options: { wire: "muxado" }, called: "a frame of unknown type 6 with 16385 bytes" },
];

describe("the longest frame", () => {
  it.each(limits)("of $name passes its header", ({ type, flags = 0, streamId, most, options }) => {
    expect(decode(header(type, flags, most, streamId), options).error).toBeUndefined();
  });

  it.each(limits)("of $name is the longest: one byte more is FRAME_SIZE at the header, and nothing is kept for it", ({ type, flags = 0, streamId, most, options, called }) => {
    const decoded = decode(header(type, flags, most + 1, streamId), options);
    expect(decoded.error?.wireCode).toBe(WireCode.FRAME_SIZE);
    expect(decoded.error?.message).toBe(called);
    expect(decoded.buffered).toBe(0);
  });

  it("of DATA on the wire 'muxado' is what 24 bits can say: the window bounds it", () => {
    // 16 MiB as hex would take seconds.
    let [bytes, ends] = [0, 0];
    const counter = Object.assign(new Collector(), {
      payload: (_chunk: Uint8Array, start: number, end: number) => (bytes += end - start),
      dataEnd: () => ends++,
    });
    const decoder = new FrameDecoder(counter, { wire: "muxado" });
    decoder.push(header(FrameType.DATA, 0, MAX_LENGTH, 1));
    const piece = new Uint8Array(65_535);
    for (let i = 0; i < 256; i++) decoder.push(piece);
    decoder.push(piece.subarray(0, 255));
    expect(decoder.counted).toBe(8 + MAX_LENGTH);
    expect([bytes, ends]).toEqual([MAX_LENGTH, 1]);
  });
});

const shortest: readonly (readonly [type: number, least: number, streamId: number])[] = [
  [FrameType.RST, 4, 1],
  [FrameType.WNDINC, 4, 1],
  [FrameType.GOAWAY, 8, 0],
  [FrameType.SETTINGS, 5, 0],
  [FrameType.PING, 8, 0],
  [FrameType.OPEN, 1, 1],
  [FrameType.STOP, 4, 1],
  [FrameType.LINK, 16, 0],
  [FrameType.REASON, 12, 1],
];

describe("the shortest frame", () => {
  it.each(shortest)("of type %i has %i bytes: one less is FRAME_SIZE", (type, least, streamId) => {
    expect(decode(header(type, 0, least, streamId)).error).toBeUndefined();
    expect(decode(header(type, 0, least - 1, streamId)).error?.wireCode).toBe(WireCode.FRAME_SIZE);
  });

  it("of a typed SYN has 4 bytes", () => {
    expect(decode(header(FrameType.DATA, 6, 4, 1)).error).toBeUndefined();
    expect(decode(header(FrameType.DATA, 6, 3, 1)).error?.message).toBe("a typed DATA of 3 bytes");
  });
});

describe("memory", () => {
  it("is taken for a control frame only when a part of it came, and as long as its header says", () => {
    const decoder = new FrameDecoder(new Collector());
    decoder.push(header(FrameType.GOAWAY, 0, 1_000, 0));
    expect(decoder.buffered).toBe(0);
    decoder.push(Uint8Array.of(0));
    expect(decoder.buffered).toBe(1_000);
    decoder.push(new Uint8Array(999));
    expect(decoder.buffered).toBe(0);
  });

  it("is not taken for payload, nor for what is skipped", () => {
    const decoder = new FrameDecoder(new Collector());
    decoder.push(concat([header(FrameType.DATA, 0, 60_000, 1), new Uint8Array(59_999)]));
    expect(decoder.buffered).toBe(0);
    decoder.push(concat([new Uint8Array(1), header(12, 0, 16_000, 1), new Uint8Array(15_999)]));
    expect(decoder.buffered).toBe(0);
  });

  it("holds the part of a header that came", () => {
    const decoder = new FrameDecoder(new Collector());
    decoder.push(Uint8Array.of(0, 0, 4));
    expect(decoder.buffered).toBe(3);
  });
});
