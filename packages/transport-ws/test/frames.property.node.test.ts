import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { framesOf } from "../src/node/frames.ts";

const chunk = fc.integer({ min: 0, max: 200_000 }).map((length) => new Uint8Array(length));
const small = fc.integer({ min: 0, max: 300 }).map((length) => new Uint8Array(length));

describe("framesOf", () => {
  it("gives the chunks' bytes in order, in messages of 64 KiB at most, none of them empty, and no frame of nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(chunk, small), { maxLength: 12 }), (chunks) => {
        let next = 0;
        for (const bytes of chunks) for (let i = 0; i < bytes.length; i += 1) bytes[i] = next++ % 251;
        const messages = framesOf(chunks);
        expect(Buffer.concat(messages.flat()).equals(Buffer.concat(chunks))).toBe(true);
        for (const message of messages) expect(message.length > 0 && message.reduce((sum, { length }) => sum + length, 0) <= 65_536).toBe(true);
        expect(messages.flat().every(({ length }) => length > 0)).toBe(true);
        // Only the last may have room left.
        expect(messages.slice(0, -1).every((message) => message.reduce((sum, { length }) => sum + length, 0) === 65_536)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("copies neither a long chunk nor a chunk by itself, and gathers small neighbours", () => {
    const long = new Uint8Array(32_768);
    const header = new Uint8Array(8);
    expect(framesOf([header])[0]![0]!.buffer).toBe(header.buffer);
    const [message] = framesOf([header, header, long, header, header]);
    expect(message!.map(({ length }) => length)).toEqual([16, 32_768, 16]);
    expect(message![1]!.buffer).toBe(long.buffer);
  });
});
