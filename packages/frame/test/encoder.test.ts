import { Flag, FrameEncoder } from "@astranet/frame";
import { describe, expect, it } from "vitest";
import { decode } from "./support/frames.ts";
import { concat, toHex } from "./support/hex.ts";

function send(encoder: FrameEncoder, payload: Uint8Array): void {
  encoder.data(1, 0, payload.length);
  encoder.payload(payload, 0, payload.length);
}

describe("payload", () => {
  it("of 2,048 bytes and more goes by reference, between the headers around it", () => {
    const encoder = new FrameEncoder();
    const large = new Uint8Array(2_048).fill(7);
    send(encoder, large);
    encoder.stop(1, 6);
    const chunks = encoder.take();
    expect(chunks.map(({ length }) => length)).toEqual([8, 2_048, 12]);
    expect(chunks[1]).toBe(large);
  });

  it("below is copied beside its header", () => {
    const encoder = new FrameEncoder();
    const small = new Uint8Array(2_047).fill(7);
    send(encoder, small);
    small.fill(8);
    const frame = decode(concat(encoder.take())).frames[0];
    expect(frame).toEqual({ type: "DATA", streamId: 1, flags: 0, payload: "07".repeat(2_047) });
  });

  it("is the part of its chunk that was named", () => {
    for (const length of [3, 3_000]) {
      const encoder = new FrameEncoder();
      const chunk = Uint8Array.from({ length: length + 20 }, (_, index) => index);
      encoder.data(1, Flag.FIN, length);
      encoder.payload(chunk, 10, 10 + length);
      expect(decode(concat(encoder.take())).frames).toEqual([{ type: "DATA", streamId: 1, flags: 1, payload: toHex(chunk.subarray(10, 10 + length)) }]);
    }
  });

  it("may come in pieces", () => {
    const encoder = new FrameEncoder();
    encoder.data(1, Flag.SYN, 3_003, 9);
    encoder.payload(Uint8Array.of(1), 0, 1);
    encoder.payload(new Uint8Array(3_000), 0, 3_000);
    encoder.payload(Uint8Array.of(2, 3), 0, 2);
    expect(decode(concat(encoder.take())).frames).toEqual([{ type: "DATA", streamId: 1, flags: 6, streamType: 9, payload: `01${"00".repeat(3_000)}0203` }]);
  });
});

describe("take", () => {
  it("gives nothing where nothing was encoded", () => {
    expect(new FrameEncoder().take()).toEqual([]);
  });

  it("gives chunks that later frames do not touch", () => {
    const encoder = new FrameEncoder();
    encoder.stop(1, 6);
    const first = encoder.take();
    const before = toHex(concat(first));
    for (let i = 0; i < 10_000; i++) encoder.windowIncrement(3, 0x7fff_ffff);
    encoder.take();
    expect(toHex(concat(first))).toBe(before);
  });

  it("lays small frames side by side: few chunks for many", () => {
    const encoder = new FrameEncoder();
    for (let i = 0; i < 10_000; i++) encoder.windowIncrement(3, 1);
    expect(encoder.length).toBe(120_000);
    expect(encoder.take().length).toBeLessThanOrEqual(6);
  });

  it("holds a small slab while little is sent, and at most 64 KiB later", () => {
    const encoder = new FrameEncoder();
    const sizes: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      encoder.windowIncrement(3, 1);
      for (const { buffer } of encoder.take()) sizes.push(buffer.byteLength);
    }
    expect([...new Set(sizes)]).toEqual([1_024, 4_096, 16_384, 65_536]);
  });
});

describe("REASON", () => {
  it("is cut between characters so that it fits into 256 bytes", () => {
    const encoder = new FrameEncoder();
    encoder.reason(1, 6, 0n, "🌊".repeat(100));
    const bytes = concat(encoder.take());
    expect(bytes.length).toBe(8 + 12 + 244);
    expect(decode(bytes).frames).toMatchObject([{ text: "🌊".repeat(61) }]);
    encoder.reason(1, 6, 0n, `a${"🌊".repeat(100)}`);
    expect(decode(concat(encoder.take())).frames).toMatchObject([{ text: `a${"🌊".repeat(60)}` }]);
  });
});
