import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gather, joinShort, lengthOf, splitTag } from "../src/crypto/bytes.ts";
import { FrameReader } from "../src/connection/frame-reader.ts";
import { toHex } from "./support/hex.ts";
import { framed } from "./support/wire.ts";

const bytes = (length: number): Uint8Array => new Uint8Array(length).map((_, i) => i * 31 + length);
const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 20_000 })), { maxLength: 12 });

/** Cuts bytes into chunks of the given sizes, over and over. */
function cut(whole: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < whole.length; i += 1) {
    const size = sizes[i % sizes.length] ?? whole.length;
    chunks.push(whole.slice(at, at + size));
    at += size;
  }
  return chunks;
}

describe("messages behind their lengths", () => {
  it("come out as they went in, wherever the bytes are cut, each length checked once", () => {
    fc.assert(
      fc.property(lengths, fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9_000 })), { minLength: 1, maxLength: 6 }), (sizes, cuts) => {
        const reader = new FrameReader();
        const checked: number[] = [];
        const got: string[] = [];
        for (const chunk of cut(gather(sizes.map((length) => framed(bytes(length)))), cuts)) {
          reader.feed(chunk);
          for (let frame = reader.next((length) => checked.push(length)); frame !== undefined; frame = reader.next((length) => checked.push(length))) {
            expect(lengthOf(frame.pieces)).toBe(frame.length);
            got.push(toHex(gather(frame.pieces)));
          }
        }
        expect(got).toEqual(sizes.map((length) => toHex(bytes(length))));
        expect(checked).toEqual(sizes);
        expect(reader.bytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("are not copied where they come whole", () => {
    const reader = new FrameReader();
    const chunk = gather([framed(bytes(5_000)), framed(bytes(10))]);
    reader.feed(chunk);
    for (const length of [5_000, 10]) {
      const frame = reader.next(() => undefined);
      expect(frame?.length).toBe(length);
      expect(frame?.pieces.map(({ buffer }) => buffer)).toEqual([chunk.buffer]);
    }
  });

  it("are not copied where only their beginning has come: only a short one that would keep a large buffer is", () => {
    const check = (): void => undefined;
    for (const [rest, before, copied] of [
      [4_096, 5_000, false],
      [4_095, 5_000, true],
      [4_095, 0, true],
      [4_094, 0, false],
      [20, 10, false],
    ] as const) {
      const reader = new FrameReader();
      const chunk = gather([...(before > 0 ? [framed(bytes(before))] : []), framed(bytes(9_000)).slice(0, rest + 2)]);
      reader.feed(chunk);
      if (before > 0) reader.next(check);
      expect(reader.next(check)).toBeUndefined();
      reader.feed(bytes(9_000).slice(rest));
      const frame = reader.next(check)!;
      expect(toHex(gather(frame.pieces))).toBe(toHex(bytes(9_000)));
      expect(frame.pieces[0]!.buffer === chunk.buffer).toBe(!copied);
    }
  });

  it("come out though a chunk of nothing comes before them", () => {
    const reader = new FrameReader();
    for (const chunk of [new Uint8Array(0), framed(bytes(300)), new Uint8Array(0)]) reader.feed(chunk);
    expect(toHex(gather(reader.next(() => undefined)!.pieces))).toBe(toHex(bytes(300)));
  });

  it("that come a byte at a time are a few pieces, not thousands", () => {
    const reader = new FrameReader();
    for (const byte of framed(bytes(60_000))) reader.feed(Uint8Array.of(byte));
    const frame = reader.next(() => undefined);
    expect(frame?.pieces.length).toBeLessThan(20);
    expect(toHex(gather(frame?.pieces ?? []))).toBe(toHex(bytes(60_000)));
  });

  it("leave no large buffer behind: a short rest is copied out of it", () => {
    const reader = new FrameReader();
    const chunk = gather([framed(bytes(50_000)), framed(bytes(100)).subarray(0, 40)]);
    reader.feed(chunk);
    expect(reader.next(() => undefined)?.length).toBe(50_000);
    expect(reader.next(() => undefined)).toBeUndefined();
    reader.feed(framed(bytes(100)).subarray(40));
    const frame = reader.next(() => undefined);
    expect(toHex(gather(frame?.pieces ?? []))).toBe(toHex(bytes(100)));
    for (const piece of frame?.pieces ?? []) expect(piece.buffer.byteLength).toBeLessThanOrEqual(4_096);
  });

  it("are refused by their length before they come", () => {
    const reader = new FrameReader();
    reader.feed(Uint8Array.of(0xff, 0xff));
    expect(() =>
      reader.next((length) => {
        throw new Error(`no ${length}`);
      }),
    ).toThrow("no 65535");
  });

  it("are forgotten by clear", () => {
    const reader = new FrameReader();
    reader.feed(new Uint8Array(100));
    reader.clear();
    expect(reader.bytes).toBe(0);
    reader.feed(framed(bytes(3)));
    expect(toHex(gather(reader.next(() => undefined)?.pieces ?? []))).toBe(toHex(bytes(3)));
  });
});

describe("chunks", () => {
  it("stay the same bytes when short ones are joined, and long ones are not copied", () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 1_000 }), (sizes, short) => {
        const chunks = sizes.map(bytes);
        const joined = joinShort(chunks, short);
        expect(toHex(gather(joined))).toBe(toHex(gather(chunks)));
        for (const chunk of chunks) if (chunk.length > short) expect(joined).toContain(chunk);
        for (let i = 1; i < joined.length; i += 1) expect(chunks.some((chunk) => chunk.length > short && (chunk === joined[i - 1] || chunk === joined[i]))).toBe(true);
      }),
    );
  });

  it("of a sealed message are its ciphertext and its tag, wherever they are cut", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }), (length, cuts) => {
        const whole = bytes(length + 16);
        const { ciphertext, tag } = splitTag(cut(whole, cuts));
        expect(toHex(tag)).toBe(toHex(whole.subarray(length)));
        expect(toHex(gather(ciphertext))).toBe(toHex(whole.subarray(0, length)));
        expect(ciphertext.every((chunk) => chunk.length > 0)).toBe(true);
      }),
    );
  });
});
