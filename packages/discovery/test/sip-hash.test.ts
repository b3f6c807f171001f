import { describe, expect, it } from "vitest";
import { sipHash } from "../src/sip-hash.ts";

/** Of 0, 1, 2, … bytes 00 01 02 …: the vectors that its authors publish, as numbers. */
const published = [
  [0, "726fdb47dd0e0e31"],
  [1, "74f839c593dc67fd"],
  [2, "0d6c8009d9a94f5a"],
  [3, "85676696d7fb7e2d"],
  [7, "ab0200f58b01d137"],
  [8, "93f5f5799a932462"],
  [9, "9e0082df0ba9e4b0"],
  [15, "a129ca6149be45e5"],
  [63, "958a324ceb064572"],
] as const;

describe("sipHash", () => {
  it.each(published)("of %i bytes is the published one", (length, expected) => {
    const { hi, lo } = sipHash(Uint8Array.from({ length }, (_, i) => i));
    expect(hi.toString(16).padStart(8, "0") + lo.toString(16).padStart(8, "0")).toBe(expected);
  });
});
