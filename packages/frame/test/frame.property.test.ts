import { FrameDecoder, FrameEncoder, FrameError } from "@astranet/frame";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyFrame, baseFrame } from "./support/arbitrary.ts";
import { byteByByte, Collector, decode, encode, encodeFrame, type Frame } from "./support/frames.ts";
import { concat, toHex } from "./support/hex.ts";

const wires = [
  { wire: "astranet" as const, frame: anyFrame },
  { wire: "muxado" as const, frame: baseFrame },
];

/** A place to cut, as a fraction of the whole, so that it shrinks with the frames. */
const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

/** Bytes that often look like frames: valid ones with some bytes changed, cut or put in, among others that are just random. */
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(fc.array(anyFrame, { minLength: 1, maxLength: 5 }), fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { minLength: 1, maxLength: 4 }))
    .map(([frames, changes]) => {
      const bytes = [...encode(frames).bytes];
      for (const [where, byte, kind] of changes) bytes.splice(where % (bytes.length + 1), kind === 2 ? 0 : 1, ...(kind === 1 ? [] : [byte]));
      return Uint8Array.from(bytes);
    }),
);

describe.each(wires)("frames on the wire $wire", ({ wire, frame }) => {
  it("decode to what was encoded, wherever the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fractions, (frames, places) => {
        const { bytes } = encode(frames);
        const decoded = decode(bytes, { wire }, places.map((place) => Math.floor(place * bytes.length)));
        expect(decoded.error).toBeUndefined();
        expect(decoded.frames).toEqual(frames);
        expect(decoded.buffered).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("decode to the same when they come byte by byte", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), (frames) => {
        const { bytes } = encode(frames);
        expect(decode(bytes, { wire }, byteByByte(bytes)).frames).toEqual(frames);
      }),
      { numRuns: 60 },
    );
  });

  it("are counted alike on both sides", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fractions, (frames, places) => {
        const { bytes, counted, length } = encode(frames);
        expect(length).toBe(bytes.length);
        expect(decode(bytes, { wire }, places.map((place) => Math.floor(place * bytes.length))).counted).toBe(counted);
        const free = frames.filter(({ type }) => type === "SETTINGS" || type === "PING" || type === "LINK");
        expect(counted).toBe(bytes.length - encode(free).length);
      }),
    );
  });
});

describe("the encoder", () => {
  it("gives the same bytes however often they are taken", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyFrame, fc.boolean()), { maxLength: 20 }), (steps) => {
        const encoder = new FrameEncoder();
        const taken: Uint8Array[] = [];
        for (const [frame, take] of steps) {
          encodeFrame(encoder, frame);
          if (!take) continue;
          const { length } = encoder;
          const chunks = encoder.take();
          expect(concat(chunks)).toHaveLength(length);
          expect(encoder.length).toBe(0);
          taken.push(...chunks);
        }
        taken.push(...encoder.take());
        const { bytes, counted } = encode(steps.map(([frame]) => frame));
        expect(toHex(concat(taken))).toBe(toHex(bytes));
        expect(encoder.counted).toBe(counted);
        expect(taken.every(({ length }) => length > 0)).toBe(true);
      }),
    );
  });
});

describe("any bytes", () => {
  it.each(wires)("either decode on the wire $wire or throw FrameError, and the cuts change nothing of it", ({ wire }) => {
    fc.assert(
      fc.property(hostile, fractions, (bytes, places) => {
        const whole = decode(bytes, { wire });
        const cut = decode(bytes, { wire }, places.map((place) => Math.floor(place * bytes.length)));
        expect(cut.frames).toEqual(whole.frames);
        expect(cut.error?.message).toBe(whole.error?.message);
        expect(cut.error?.wireCode).toBe(whole.error?.wireCode);
        expect(cut.counted).toBe(whole.counted);
        if (whole.error !== undefined) expect([1, 3, 8]).toContain(whole.error.wireCode);
      }),
      { numRuns: 1_000 },
    );
  });

  it("never make the decoder hold more than the longest control frame", () => {
    const limits = { maxHeader: 100, maxGoAwayDebug: 200 };
    // Settings are the longest frame then: 1,024 bytes.
    fc.assert(
      fc.property(hostile, (bytes) => {
        expect(decode(bytes, limits, byteByByte(bytes)).mostBuffered).toBeLessThanOrEqual(1_024);
      }),
      { numRuns: 300 },
    );
  });

  it("reach nobody after the first error", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 3 }), fc.array(anyFrame, { minLength: 1, maxLength: 3 }), (before, after) => {
        const collector = new Collector();
        const decoder = new FrameDecoder(collector);
        const broken = Uint8Array.of(0, 0, 4, 0x20, 0, 0, 0, 1, 0, 0, 0, 0);
        expect(() => decoder.push(concat([encode(before).bytes, broken, encode(after).bytes]))).toThrow(FrameError);
        decoder.push(encode(after).bytes);
        expect(collector.frames).toEqual(before satisfies Frame[]);
      }),
    );
  });
});
