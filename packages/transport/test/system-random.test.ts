import { systemRandom } from "@astranet/transport";
import { describe, expect, it } from "vitest";

describe("systemRandom", () => {
  it.each([0, 1, 32, 65_535, 65_536, 65_537, 131_072, 200_000])("gives %d bytes, more than one call of Web Crypto can", (length) => {
    expect(systemRandom(length).length).toBe(length);
  });

  it("fills all of them: no stretch is left as zeroes", () => {
    const bytes = systemRandom(200_000);
    // 64 zeroes in a row come by chance once in 2^512.
    for (let at = 0; at + 64 <= bytes.length; at += 64) expect(bytes.subarray(at, at + 64).some((byte) => byte !== 0)).toBe(true);
  });

  it("gives other bytes each time, in a fresh array", () => {
    const [first, second] = [systemRandom(32), systemRandom(32)];
    expect(first).not.toEqual(second);
    expect(first.buffer).not.toBe(second.buffer);
    expect(first.buffer.byteLength).toBe(32);
  });
});
