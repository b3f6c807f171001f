import { describe, expect, it } from "vitest";
import { Follower, type FollowCandidate, type FollowFilter } from "../src/follower.ts";
import { TestNetwork, idOf } from "./support/network.ts";
import { uncaught } from "./support/uncaught.ts";

const nobody = (): never => {
  throw new Error("nobody is to be dialled");
};

function follower(filter: FollowFilter, dial: (network: string) => never = nobody, addresses: readonly string[] = ["memory x"]): { follower: Follower; clock: TestNetwork["clock"] } {
  const { clock } = new TestNetwork();
  return { clock, follower: new Follower({ clock, filter, maxLinks: 8, addresses: () => addresses, hasLink: () => false, linkCount: () => 0, dial }) };
}

describe("a follower", () => {
  it("takes a filter that throws for a no, passes on what it threw, and goes on asking it", async () => {
    const thrown = uncaught();
    const { follower: fresh, clock } = follower(({ id }) => {
      throw new Error(id);
    });
    for (const n of [2, 3, 4]) fresh.circuitUp(idOf(n));
    await clock.settle();
    fresh.close();
    expect(thrown).toEqual([2, 3, 4].map((n) => new Error(idOf(n))));
  });

  it.each<[string, () => unknown]>([
    ["a Promise of false", () => Promise.resolve(false)],
    ["a Promise that rejects", () => Promise.reject(new Error("no database"))],
    ["a text", () => "yes"],
  ])("takes %s for a no", async (_what, answer) => {
    const dialled: string[] = [];
    const { follower: fresh, clock } = follower(answer as FollowFilter, (network) => {
      dialled.push(network);
      throw new Error("refused");
    });
    fresh.circuitUp(idOf(2));
    await clock.settle();
    fresh.close();
    expect(dialled).toEqual([]);
  });

  it("does not ask about what another node gives for an address, and is none", async () => {
    const asked: FollowCandidate[] = [];
    const { follower: fresh, clock } = follower((candidate) => (asked.push(candidate), false), nobody, ["nonsense", " x", "memory x"]);
    fresh.circuitUp(idOf(2));
    await clock.settle();
    fresh.close();
    expect(asked).toEqual([{ id: idOf(2), network: "memory", address: "x" }]);
  });

  it("that is closed waits for nothing, whatever circuits come after it", () => {
    const { follower: fresh, clock } = follower(() => true);
    fresh.close();
    const before = clock.timers;
    fresh.circuitUp(idOf(2));
    expect(clock.timers).toBe(before);
  });
});
