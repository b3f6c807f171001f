import { describe, expect, it } from "vitest";
import { hashText } from "../src/hash.ts";
import { chooseByAffinity } from "../src/select.ts";
import { idOf } from "./support/world.ts";

describe("hashText", () => {
  it.each([
    ["", 3_338_908_027_751_811],
    ["web", 3_894_741_043_619_583],
    ["registry://user-7", 1_926_688_637_051_883],
    ["é💥", 3_022_406_148_979_001],
  ])("of %j is the same on every node and for ever", (text, hash) => {
    expect(hashText(text)).toBe(hash);
  });
});

describe("affinity", () => {
  it("sends these keys to these of five nodes, on every node and for ever", () => {
    const candidates = [1, 2, 3, 4, 5].map((n) => ({ service: { name: "web", env: "", id: idOf(n), port: 80, distance: 1, cost: 10, weight: 100, tags: {} }, streams: 0 }));
    expect(["a", "b", "c", "d", "e", "f"].map((key) => chooseByAffinity(candidates, key).id.slice(-1)).join("")).toBe("511124");
  });
});
