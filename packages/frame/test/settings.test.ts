import { decodeSettings, encodeSettings, FrameError, PROTOCOL_VERSION, type Settings, SETTINGS_FLOOR } from "@astranet/frame";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "./support/hex.ts";

const ours: Settings = { version: PROTOCOL_VERSION, features: 1, initialWindow: 262_144, linkWindow: 2_097_152, maxStreams: 5_000, idleTimeoutMs: 1_500, maxHeader: 4_096 };
const magic = "4153545201";

describe("settings", () => {
  it("decode to what was encoded", () => {
    expect(decodeSettings(encodeSettings(ours))).toEqual(ours);
    expect(decodeSettings(encodeSettings(SETTINGS_FLOOR))).toEqual(SETTINGS_FLOOR);
  });

  it("decode from the middle of a larger buffer", () => {
    const payload = encodeSettings(ours);
    const buffer = new Uint8Array(payload.length + 7).fill(0xff);
    buffer.set(payload, 3);
    expect(decodeSettings(buffer.subarray(3, 3 + payload.length))).toEqual(ours);
  });

  it("have their floor where an item is missing, however long the list of unknown ones is", () => {
    const unknown = `c8ff${"00".repeat(255)}`;
    expect(decodeSettings(fromHex(magic + unknown.repeat(3) + "ff00"))).toEqual(SETTINGS_FLOOR);
  });

  it("say what is wrong with them", () => {
    const cases: readonly (readonly [hex: string, code: number, message: string])[] = [
      ["41535452", 1, "SETTINGS does not begin with 'ASTR' and a version"],
      ["4153545301", 1, "SETTINGS does not begin with 'ASTR' and a version"],
      ["4153545200", 1, "SETTINGS has version 0"],
      [`${magic}01`, 1, "SETTINGS ends inside item 1"],
      [`${magic}010400`, 1, "SETTINGS ends inside item 1"],
      [`${magic}ff0100ff0100ff02ff`, 1, "SETTINGS ends inside item 255"],
      [`${magic}010400000000010400000000`, 1, "SETTINGS repeats item 1"],
      [`${magic}010200ff`, 1, "SETTINGS has item 1 of 2 bytes"],
      [`${magic}060400000fff`, 1, "SETTINGS has item 6 of 4 bytes"],
      [`${magic}02040000ffff`, 1, "SETTINGS has initialWindow 65535, below the floor of 65536"],
      [`${magic}0304000fffff`, 1, "SETTINGS has linkWindow 1048575, below the floor of 1048576"],
      [`${magic}0404000003ff`, 1, "SETTINGS has maxStreams 1023, below the floor of 1024"],
      [`${magic}060203ff`, 1, "SETTINGS has maxHeader 1023, below the floor of 1024"],
      [`${magic}020480000000`, 3, "SETTINGS has an initialWindow of 2147483648, at most 2147483647 is possible"],
      [`${magic}${"c800".repeat(510)}`, 8, "SETTINGS of 1025 bytes"],
    ];
    for (const [hex, wireCode, message] of cases) {
      let error: unknown;
      try {
        decodeSettings(fromHex(hex));
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(FrameError);
      expect(error).toMatchObject({ wireCode, message });
    }
  });

  it("may be longer than ours: 1,024 bytes pass", () => {
    expect(decodeSettings(fromHex(`${magic}${"c800".repeat(508)}c80100`))).toEqual(SETTINGS_FLOOR);
  });

  it("encode in the order of their ids", () => {
    expect(toHex(encodeSettings(ours))).toBe("41535452010104000000010204000400000304002000000404000013880504000005dc06021000");
  });
});
