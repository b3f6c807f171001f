import { describe, expect, it } from "vitest";
import type { RandomSource } from "@astranet/transport";
import type { ServiceInfo } from "@astranet/discovery";
import { Balancer } from "../src/balancer.ts";
import { HandClock, idOf, seededRandom } from "./support/world.ts";

function provider(n: number, change: Partial<ServiceInfo> = {}): ServiceInfo {
  return { name: "web", env: "", id: idOf(n), port: 80, distance: 1, cost: 10, weight: 100, tags: {}, ...change };
}

const [one, other] = [provider(1), provider(2)];

/** Always draws what is so far between nothing and everything. */
const drawing = (unit: number): RandomSource => (length) => Uint8Array.from({ length }, (_, i) => (i === 0 ? unit * 256 : 0));

function makeBalancer(random: RandomSource = seededRandom(1)): { clock: HandClock; balancer: Balancer } {
  const clock = new HandClock();
  return { clock, balancer: new Balancer(clock, random) };
}

describe("what a balancer knows of providers", () => {
  it("is how many streams are open to each", () => {
    const { balancer } = makeBalancer();
    const streams = (): number[] => balancer.facts([one, other]).map((facts) => facts.streams);
    expect(streams()).toEqual([0, 0]);
    const [first, second] = [balancer.opened(one), balancer.opened(one)];
    expect(streams()).toEqual([2, 0]);
    first();
    expect(streams()).toEqual([1, 0]);
    second();
    expect(streams()).toEqual([0, 0]);
  });

  it("is for how long one that failed is left out: twice as long each time, 30 s at most, until a stream to it opens", () => {
    const { clock, balancer } = makeBalancer();
    const all = [one, other, provider(3)];
    const leftOut: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      balancer.failed(one);
      leftOut.push(balancer.facts(all)[0]!.ejectedForMs);
      clock.advance(100);
    }
    expect(leftOut).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(balancer.facts(all)).toEqual([
      { service: one, streams: 0, ejectedForMs: 29_900 },
      { service: other, streams: 0, ejectedForMs: 0 },
      { service: all[2], streams: 0, ejectedForMs: 0 },
    ]);
    clock.advance(29_900);
    expect(balancer.facts(all)[0]!.ejectedForMs).toBe(0);
    balancer.opened(one);
    balancer.failed(one);
    expect(balancer.facts(all)[0]!.ejectedForMs).toBe(1000);
  });
});

describe("of providers that failed", () => {
  it.each([
    [[one, other]],
    [[other, one]],
  ])("those that are left out for the longest are, and never more than half of all", (providers) => {
    for (const [worse, better] of [[one, other], [other, one]] as const) {
      const { balancer } = makeBalancer();
      for (const each of [worse, worse, better]) balancer.failed(each);
      expect(balancer.choose(providers, "nearest", undefined)).toBe(better);
    }
  });
});

describe("a balancer", () => {
  it("draws evenly under 'random', whatever streams are open", () => {
    const { balancer } = makeBalancer(drawing(0));
    balancer.opened(one);
    expect(balancer.choose([one, other], "random", undefined)).toBe(one);
    expect(balancer.choose([one, other], "least-streams", undefined)).toBe(other);
  });

  it("draws by weight under 'weighted', whoever's turn it is", () => {
    const { balancer } = makeBalancer(drawing(0.5));
    const [light, heavy] = [provider(1, { weight: 1 }), provider(2, { weight: 255 })];
    for (let i = 0; i < 3; i += 1) expect(balancer.choose([light, heavy], "weighted", undefined)).toBe(heavy);
    const even = [provider(1, { weight: 100 }), provider(2, { weight: 100 })];
    expect(balancer.choose(even, "weighted", undefined)).toBe(even[1]);
  });

  it("counts turns by name and namespace, and a rehearsal takes none", () => {
    const { balancer } = makeBalancer();
    const [here, there, api] = [[one, other], [1, 2].map((n) => provider(n, { env: "prod" })), [1, 2].map((n) => provider(n, { name: "api" }))] as const;
    const turn = (all: readonly ServiceInfo[], rehearsal = false): number => all.indexOf(balancer.choose(all, "round-robin", undefined, rehearsal));
    expect([turn(here), turn(there), turn(api), turn(here, true), turn(here, true), turn(here), turn(there), turn(api), turn(here)]).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 0]);
  });

  it("does not make a key stick by a rehearsal", () => {
    const { balancer } = makeBalancer();
    const keys = Array.from({ length: 40 }, (_, i) => `user-${i}`);
    for (const key of keys) expect(balancer.choose([one], "sticky", key, true)).toBe(one);
    expect(keys.map((key) => balancer.choose([one, other], "sticky", key))).toContain(other);
    expect(keys.map((key) => balancer.choose([one], "sticky", key)).every((chosen) => chosen === one)).toBe(true);
    expect(keys.map((key) => balancer.choose([one, other], "sticky", key)).every((chosen) => chosen === one)).toBe(true);
  });

  it("remembers 8,192 keys, and beyond forgets the one that was asked for longest ago", () => {
    const { balancer } = makeBalancer();
    const all = Array.from({ length: 10 }, (_, n) => provider(n));
    // Keys that would go to others if they had not been somewhere before.
    const keys: string[] = [];
    for (let i = 0; keys.length < 8193; i += 1) if (balancer.choose(all, "sticky", `user-${i}`, true) !== all[0]) keys.push(`user-${i}`);
    const stuck = (key: string): boolean => balancer.choose(all, "sticky", key, true) === all[0];
    const stick = (key: string): void => void balancer.choose([all[0]!], "sticky", key);
    for (const key of keys.slice(0, 8192)) stick(key);
    stick(keys[0]!);
    expect(keys.slice(0, 8192).every(stuck)).toBe(true);
    stick(keys[8192]!);
    expect(keys.filter((key) => !stuck(key))).toEqual([keys[1]]);
  });

  it("says what is wrong when a function chooses somebody else", () => {
    const { balancer } = makeBalancer();
    expect(() => balancer.choose([one], () => other, undefined)).toThrow(
      expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("select gave back something that was not among the candidates") as string }),
    );
  });
});
