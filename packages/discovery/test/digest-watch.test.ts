import { describe, expect, it } from "vitest";
import { DigestWatch, type DigestVerdict } from "../src/replication/digest-watch.ts";
import type { Digest } from "../src/store-digest.ts";

const digest = (hi: number, lo = 1, count = 1): Digest => ({ hi, lo, count });
const mine = [digest(1), digest(2)];

function judge(watch: DigestWatch, theirs: Digest, told: { ask?: boolean; comes?: boolean } = {}, expected: readonly Digest[] = mine): DigestVerdict {
  return watch.judge(theirs, expected, { ask: false, comes: false, ...told });
}

/** One that has met its neighbour, and agreed. */
function settled(): DigestWatch {
  const watch = new DigestWatch();
  expect(judge(watch, digest(1))).toBe("same");
  return watch;
}

describe("DigestWatch", () => {
  it("looks into a difference at once when it is the first, unless everything seems to be about to come: then it asks whether it did", () => {
    expect(judge(new DigestWatch(), digest(9))).toBe("pull");
    expect(judge(new DigestWatch(), digest(9), { ask: true })).toBe("pull");
    const waiting = new DigestWatch();
    expect([waiting.isFirst, judge(waiting, digest(9), { comes: true }), waiting.isFirst]).toEqual([true, "ask-again", false]);
    expect(judge(waiting, digest(9), { comes: true })).toBe("ask-again");
  });

  it("takes any of the expected ones for the same, and nothing that differs in a part", () => {
    expect([judge(settled(), digest(1)), judge(settled(), digest(2))]).toEqual(["same", "same"]);
    for (const other of [digest(3), digest(1, 2), digest(1, 1, 2)]) expect(judge(settled(), other)).toBe("ask-again");
  });

  it("asks again before it looks into a later one, and forgets its suspicion when they agree", () => {
    const watch = settled();
    expect([judge(watch, digest(9)), judge(watch, digest(8))]).toEqual(["ask-again", "pull"]);
    expect([judge(watch, digest(7)), judge(watch, digest(1)), judge(watch, digest(7))]).toEqual(["ask-again", "same", "ask-again"]);
  });

  it("is not made suspicious by who asks, but does take that for the second one", () => {
    const watch = settled();
    expect([judge(watch, digest(9), { ask: true }), judge(watch, digest(9), { ask: true })]).toEqual(["wait", "wait"]);
    expect([judge(watch, digest(9)), judge(watch, digest(9), { ask: true })]).toEqual(["ask-again", "pull"]);
  });

  it("leaves out 1, 2, 4, 8, 16, 16 … digests while neither side changes, and begins anew when one does", () => {
    const watch = settled();
    const pauses = (expected: readonly Digest[]): number[] => {
      const found: number[] = [];
      for (let waits = 0; found.length < 7; ) {
        const verdict = judge(watch, digest(9), {}, expected);
        if (verdict === "wait") waits += 1;
        if (verdict !== "pull") continue;
        found.push(waits);
        waits = 0;
      }
      return found;
    };
    expect(pauses(mine)).toEqual([0, 1, 2, 4, 8, 16, 16]);
    expect(pauses([digest(5)])).toEqual([0, 1, 2, 4, 8, 16, 16]);
    expect(judge(watch, digest(1))).toBe("same");
    expect(pauses(mine)).toEqual([0, 1, 2, 4, 8, 16, 16]);
  });
});
