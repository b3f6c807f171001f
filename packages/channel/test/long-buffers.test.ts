import { describe, expect, it } from "vitest";
import { LongBuffers } from "../src/message/long-buffers.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

describe("a buffer of long messages", () => {
  it("has room, and is used again once it was given back", () => {
    const buffers = new LongBuffers();
    const first = buffers.take(65_600);
    expect(first.length).toBeGreaterThanOrEqual(65_600);
    expect(buffers.take(65_600).buffer).not.toBe(first.buffer);
    buffers.giveBack(first.subarray(10, 20));
    const again = buffers.take(65_000);
    expect(again.buffer).toBe(first.buffer);
    expect([again.byteOffset, again.length]).toEqual([0, first.length]);
    expect(buffers.take(65_000).buffer).not.toBe(first.buffer);
  });

  it("is not used for a message that is longer, or much shorter", () => {
    const buffers = new LongBuffers();
    const kept = buffers.take(200_000);
    buffers.giveBack(kept);
    expect(buffers.take(kept.length + 1).buffer).not.toBe(kept.buffer);
    expect(buffers.take(20_000).buffer).not.toBe(kept.buffer);
    expect(buffers.take(kept.length).buffer).toBe(kept.buffer);
  });

  it("that is given back twice is not two", () => {
    const buffers = new LongBuffers();
    const once = buffers.take(65_536);
    buffers.giveBack(once);
    buffers.giveBack(once);
    expect(buffers.take(65_536).buffer).toBe(once.buffer);
    expect(buffers.take(65_536).buffer).not.toBe(once.buffer);
  });

  it("is none that somebody else has made", () => {
    const buffers = new LongBuffers();
    const foreign = new Uint8Array(65_536);
    buffers.giveBack(foreign);
    expect(buffers.take(65_536).buffer).not.toBe(foreign.buffer);
  });

  it("is kept while there are no more than 4 MiB of them: the oldest goes first, and a longer one at once", () => {
    const buffers = new LongBuffers();
    const taken = Array.from({ length: 5 }, () => buffers.take(MIB));
    for (const each of taken) buffers.giveBack(each);
    const again = Array.from({ length: 5 }, () => buffers.take(MIB).buffer);
    expect(again.slice(0, 4)).toEqual(taken.slice(1).reverse().map(({ buffer }) => buffer));
    expect(taken.map(({ buffer }) => buffer)).not.toContain(again[4]);
    const long = buffers.take(4 * MIB + 1);
    buffers.giveBack(long);
    expect(buffers.take(4 * MIB + 1).buffer).not.toBe(long.buffer);
  });
});
