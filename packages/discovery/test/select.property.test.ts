import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { ServiceInfo } from "@astranet/discovery";
import { chooseByAffinity, chooseInTurn, chooseLeastStreams, chooseNearest, chooseRandom, chooseWeighted, type Candidate } from "../src/select.ts";
import { idOf, seededRandom } from "./support/world.ts";

function candidate(n: number, change: Partial<ServiceInfo> = {}, streams = 0): Candidate {
  return { service: { name: "web", env: "", id: idOf(n), port: 80, distance: 1, cost: 10, weight: 100, tags: {}, ...change }, streams };
}

const several = (count: number): Candidate[] => Array.from({ length: count }, (_, n) => candidate(n));

describe("affinity", () => {
  it("moves about one key in n when one of n providers goes, and only the keys of that one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 0, max: 1_000_000 }), (count, salt) => {
        const keys = 2000;
        const all = several(count);
        const gone = salt % count;
        const left = all.filter((_, n) => n !== gone);
        let moved = 0;
        for (let i = 0; i < keys; i += 1) {
          const before = chooseByAffinity(all, `${salt}-${i}`);
          const after = chooseByAffinity(left, `${salt}-${i}`);
          if (before === after) continue;
          moved += 1;
          expect(before.id).toBe(idOf(gone));
        }
        // One in n, and no more than four standard deviations beside it.
        const expected = keys / count;
        expect(Math.abs(moved - expected)).toBeLessThan(4 * Math.sqrt(keys * (1 / count) * (1 - 1 / count)));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it("gives a provider of twice the weight twice the keys", () => {
    const both = [candidate(1, { weight: 100 }), candidate(2, { weight: 200 })];
    const keys = Array.from({ length: 6000 }, (_, i) => chooseByAffinity(both, `key-${i}`).id);
    expect(keys.filter((id) => id === idOf(2)).length / 6000).toBeCloseTo(2 / 3, 1);
  });

  it("gives each of many providers as many keys as its weight says", () => {
    const all = Array.from({ length: 11 }, (_, n) => candidate(n, { weight: n === 0 ? 100 : 10 }));
    const keys = Array.from({ length: 4000 }, (_, i) => chooseByAffinity(all, `key-${i}`).id);
    expect(keys.filter((id) => id === idOf(0)).length / 4000).toBeCloseTo(1 / 2, 1);
  });

  it("does not depend on the order of the candidates", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(several(8), { minLength: 8 }), fc.string(), (shuffled, key) => {
        expect(chooseByAffinity(shuffled, key).id).toBe(chooseByAffinity(several(8), key).id);
      }),
    );
  });
});

describe("the other choices", () => {
  it("nearest leaves out whoever is more than a quarter and a millisecond worse than the best", () => {
    const random = seededRandom(1);
    const candidates = [candidate(1, { cost: 10 }), candidate(2, { cost: 13 }), candidate(3, { cost: 14 }), candidate(4, { cost: 100 })];
    const chosen = new Set(Array.from({ length: 200 }, () => chooseNearest(candidates, random).id));
    // 13 is near enough, and loses against 10 whenever the two meet, which they always do.
    expect(chosen).toEqual(new Set([idOf(1)]));
  });

  it("nearest takes those that are exactly a quarter and a millisecond worse for near enough", () => {
    const random = seededRandom(1);
    const candidates = [candidate(1, { cost: 10 }), candidate(2, { cost: 13.5 }), candidate(3, { cost: 13.5 })];
    const chosen = new Set(Array.from({ length: 200 }, () => chooseNearest(candidates, random).id));
    // One of the other two is chosen when they meet each other.
    expect(chosen).toEqual(new Set([1, 2, 3].map(idOf)));
  });

  it("nearest spreads over equals, and counts open streams as distance", () => {
    const random = seededRandom(2);
    const equals = [candidate(1), candidate(2), candidate(3, {}, 50)];
    const chosen = new Set(Array.from({ length: 200 }, () => chooseNearest(equals, random).id));
    expect(chosen).toEqual(new Set([idOf(1), idOf(2)]));
  });

  it("random is even, weighted follows the weights", () => {
    const random = seededRandom(3);
    const share = (choose: () => ServiceInfo): number => Array.from({ length: 4000 }, choose).filter(({ id }) => id === idOf(1)).length / 4000;
    expect(share(() => chooseRandom([candidate(1), candidate(2)], random))).toBeCloseTo(0.5, 1);
    expect(share(() => chooseWeighted([candidate(1, { weight: 30 }), candidate(2, { weight: 10 })], random))).toBeCloseTo(0.75, 1);
  });

  it("least-streams takes the fewer of two", () => {
    const random = seededRandom(4);
    const candidates = [candidate(1, {}, 9), candidate(2, {}, 0)];
    for (let i = 0; i < 50; i += 1) expect(chooseLeastStreams(candidates, random).id).toBe(idOf(2));
    expect(chooseLeastStreams([candidate(1)], random).id).toBe(idOf(1));
  });

  it("round-robin takes one after the other, whatever their order", () => {
    const three = several(3);
    expect([0, 1, 2, 3, 4].map((turn) => chooseInTurn(turn % 2 === 0 ? three : [...three].reverse(), turn).id)).toEqual([0, 1, 2, 0, 1].map(idOf));
  });
});
