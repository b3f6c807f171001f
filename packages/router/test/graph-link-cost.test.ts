import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LinkCost } from "../src/graph/link-cost.ts";

/** The costs told over time, each with the moment at which it was first told, for a round trip sampled every `everyMs`. */
function told(cost: LinkCost, fromMs: number, untilMs: number, everyMs: number, rttAt: (nowMs: number) => number): [number, number][] {
  const changes: [number, number][] = [];
  let before = cost.advertised(fromMs);
  for (let now = fromMs; now <= untilMs; now += 100) {
    if ((now - fromMs) % everyMs === 0) cost.sample(rttAt(now), now);
    const after = cost.advertised(now);
    if (after !== before) changes.push([now, after]);
    before = after;
  }
  return changes;
}

/** A link whose newness is over. */
function settled(rttMs: number, factor?: number): LinkCost {
  const cost = new LinkCost({ rttMs, nowMs: -60_000, factor });
  cost.advertised(0);
  return cost;
}

describe("a link's cost", () => {
  it("is its round trip and one, in steps of 19 %", () => {
    expect(settled(0).advertised(0)).toBe(1);
    expect(settled(1).advertised(0)).toBe(2);
    expect(settled(10).advertised(0)).toBe(11);
    expect(settled(10.9).advertised(0)).toBe(11);
    expect(settled(100).advertised(0)).toBe(108);
    expect(settled(1e9).advertised(0)).toBe(10_000);
  });

  it("is half as much again for the first 30 s", () => {
    const cost = new LinkCost({ rttMs: 10, nowMs: 1000 });
    expect(cost.advertised(1000)).toBe(17);
    expect(cost.nextChangeAt).toBe(31_000);
    expect(cost.advertised(30_999)).toBe(17);
    expect(cost.advertised(31_000)).toBe(11);
    expect(cost.nextChangeAt).toBeUndefined();
  });

  it("is multiplied by what the administrator says", () => {
    expect(settled(10, 3).advertised(0)).toBe(34);
    expect(settled(10, 0.001).advertised(0)).toBe(1);
  });

  it("changes when the round trip is two steps off for 10 s", () => {
    const cost = settled(100);
    const changes = told(cost, 0, 60_000, 1000, () => 60);
    expect(changes[0]![0]).toBeGreaterThanOrEqual(10_000);
    expect(changes[0]![0]).toBeLessThan(20_000);
    expect(changes[changes.length - 1]![1]).toBe(64);
  });

  it("changes when it is six steps off for 2 s", () => {
    const cost = settled(1000);
    const [first] = told(cost, 0, 60_000, 100, () => 100);
    expect(first![0]).toBeGreaterThanOrEqual(2000);
    expect(first![0]).toBeLessThan(5000);
  });

  it("changes within 6 s when it is exactly six steps off", () => {
    // 1,001 is step 40, and 361 is step 34.
    const [first] = told(settled(1000), 0, 60_000, 100, () => 360);
    expect(first![0]).toBeGreaterThanOrEqual(2000);
    expect(first![0]).toBeLessThan(6000);
  });

  it("counts the handshake's round trip among those of the first 10 s", () => {
    const cost = new LinkCost({ rttMs: 10, nowMs: 0 });
    const [first] = told(cost, 0, 60_000, 100, () => 500);
    expect(first![0]).toBeGreaterThanOrEqual(12_000);
    expect(first![0]).toBeLessThan(13_500);
  });

  it("waits anew when the change turns round at once, in the very moment in which it would have been told", () => {
    const cost = settled(100);
    for (const [rttMs, atMs] of [[60, 0], [60, 100], [0, 200]] as const) cost.sample(rttMs, atMs);
    // Two steps too dear since 200 ms, for exactly the 10 s that this round trip is the least.
    const [first] = told(cost, 300, 60_000, 100, () => 1000);
    expect(first![0]).toBeGreaterThanOrEqual(12_000);
    expect(first![0]).toBeLessThan(14_000);
  });

  it("keeps what is less than two steps off also when it changes for another reason", () => {
    const cost = new LinkCost({ rttMs: 100, nowMs: 0 });
    expect(told(cost, 0, 60_000, 1000, () => 82)).toEqual([[30_000, 108]]);
  });

  it("rises only when the least of 10 s has risen", () => {
    const cost = settled(10);
    const [first] = told(cost, 0, 60_000, 100, (now) => (now === 0 ? 10 : 500));
    expect(first![0]).toBeGreaterThanOrEqual(12_000);
    expect(first![0]).toBeLessThan(13_500);
  });

  it("waits anew when the change turns round: too dear for a while and then too cheap is no 10 s of either", () => {
    const [first] = told(settled(100), 0, 60_000, 100, (now) => (now < 17_000 ? 150 : 60));
    // Above from 11 s on, below from 18 s on.
    expect(first![0]).toBeGreaterThanOrEqual(27_500);
    expect(first![0]).toBeLessThan(29_000);
  });

  it("does not change by less than two steps", () => {
    expect(told(settled(100), 0, 120_000, 1000, () => 82)).toEqual([]);
    expect(told(settled(100), 0, 120_000, 1000, () => 119)).toEqual([]);
  });

  it.each([1000, 5000])("that swings between 40 and 120 ms every 5 s, sampled every %i ms, settles instead of following", (everyMs) => {
    const cost = new LinkCost({ rttMs: 40, nowMs: 0 });
    const changes = told(cost, 0, 600_000, everyMs, (now) => (Math.floor(now / 5000) % 2 === 0 ? 40 : 120));
    for (const [i, [at]] of changes.entries()) expect(at - (changes[i - 1]?.[0] ?? -Infinity)).toBeGreaterThanOrEqual(5000);
    expect(changes.length).toBeLessThanOrEqual(3);
    expect(changes.filter(([at]) => at > 120_000)).toEqual([]);
  });

  it("doubles when the queue was long for 10 s, until it has been short for 30 s", () => {
    const cost = settled(10);
    cost.congested(true, 0);
    expect(cost.advertised(9999)).toBe(11);
    expect(cost.advertised(10_000)).toBe(23);
    cost.congested(false, 20_000);
    expect(cost.advertised(49_999)).toBe(23);
    cost.congested(true, 50_000 - 1);
    cost.congested(false, 55_000);
    expect(cost.advertised(84_999)).toBe(23);
    expect(cost.advertised(85_000)).toBe(11);
  });

  it("doubles when the queue was long for 10 s, however often that is said", () => {
    const cost = settled(10);
    for (let now = 0; now < 10_000; now += 1000) cost.congested(true, now);
    expect(cost.advertised(10_000)).toBe(23);
    for (let now = 20_000; now < 50_000; now += 1000) cost.congested(false, now);
    expect(cost.advertised(50_000)).toBe(11);
  });

  it("does not double for a queue that was long for less", () => {
    const cost = settled(10);
    for (let now = 0; now < 100_000; now += 10_000) {
      cost.congested(true, now);
      cost.congested(false, now + 9000);
    }
    expect(cost.advertised(200_000)).toBe(11);
  });

  it("ignores what is no round trip", () => {
    const cost = settled(10);
    for (let i = 0; i < 5; i += 1) for (const rtt of [Number.NaN, Infinity, -5]) cost.sample(rtt, 1);
    expect(cost.advertised(100_000)).toBe(11);
    expect(told(cost, 100_000, 160_000, 1000, () => 0).at(-1)![1]).toBe(1);
    expect(new LinkCost({ rttMs: Number.NaN, nowMs: 0 }).advertised(60_000)).toBe(1);
  });

  it("changes by itself only when it says that it does: who asks then, and at no other time, sees each change in its moment", () => {
    const event = fc.record({
      after: fc.integer({ min: 0, max: 200 }),
      what: fc.constantFrom("sample", "sample", "long", "short"),
      rttMs: fc.constantFrom(0, 5, 20, 60, 300, 3000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const [watched, woken] = [0, 0].map(() => new LinkCost({ rttMs: 20, nowMs: 0 })) as [LinkCost, LinkCost];
        let [now, last, next] = [0, woken.advertised(0), woken.nextChangeAt];
        // Everything here takes a multiple of 100 ms, so who asks that often misses nothing.
        const until = (endMs: number): void => {
          for (; now <= endMs; now += 100) {
            if (next !== undefined && next <= now) [last, next] = [woken.advertised(now), woken.nextChangeAt];
            const cost = watched.advertised(now);
            if (cost !== last) expect([now, last]).toEqual([now, cost]);
          }
          now = endMs;
        };
        for (const { after, what, rttMs } of events) {
          until(now + 100 * after);
          for (const cost of [watched, woken]) {
            if (what === "sample") cost.sample(rttMs, now);
            else cost.congested(what === "long", now);
          }
          [last, next] = [woken.advertised(now), woken.nextChangeAt];
        }
        until(now + 60_000);
      }),
      { numRuns: 100 },
    );
  });

  it("is told at most every 5 s and within its range, whatever is measured, and however late somebody asks", () => {
    const event = fc.record({
      afterMs: fc.integer({ min: 0, max: 20_000 }),
      what: fc.constantFrom("sample", "long", "short"),
      rttMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.double()),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const watched = new LinkCost({ rttMs: 20, nowMs: 0 });
        const asleep = new LinkCost({ rttMs: 20, nowMs: 0 });
        let [now, toldAt, last] = [0, -Infinity, watched.advertised(0)];
        const look = (atMs: number): void => {
          const cost = watched.advertised(atMs);
          expect(Number.isInteger(cost) && cost >= 1 && cost <= 10_000).toBe(true);
          if (cost === last) return;
          expect(atMs - toldAt).toBeGreaterThanOrEqual(5000);
          [toldAt, last] = [atMs, cost];
        };
        for (const { afterMs, what, rttMs } of events) {
          const until = now + afterMs;
          // One is asked whenever it says that something changes, the other only now and then.
          for (let at = watched.nextChangeAt; at !== undefined && at <= until; at = watched.nextChangeAt) {
            expect(at).toBeGreaterThanOrEqual(now);
            look(at);
          }
          now = until;
          for (const cost of [watched, asleep]) {
            if (what === "sample") cost.sample(rttMs, now);
            else cost.congested(what === "long", now);
          }
          look(now);
        }
        expect(asleep.advertised(now)).toBe(last);
      }),
      { numRuns: 300 },
    );
  });
});
