import { describe, expect, it, vi } from "vitest";
import { Follower, type FollowFilter } from "../src/follower.ts";
import { TestNetwork, idOf } from "./support/network.ts";

function follower(filter: FollowFilter): { follower: Follower; clock: TestNetwork["clock"] } {
  const { clock } = new TestNetwork();
  const dial = (): never => {
    throw new Error("nobody is to be dialled");
  };
  return { clock, follower: new Follower({ clock, filter, maxLinks: 8, addresses: () => ["memory x"], hasLink: () => false, linkCount: () => 0, dial }) };
}

describe("a follower", () => {
  it("takes a filter that throws for a no, passes on what it threw, and goes on asking it", async () => {
    const thrown: unknown[] = [];
    const queue = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((callback) => {
      try {
        callback();
      } catch (error) {
        thrown.push(error);
      }
    });
    try {
      const { follower: fresh, clock } = follower(({ id }) => {
        throw new Error(id);
      });
      for (const n of [2, 3, 4]) fresh.circuitUp(idOf(n));
      await clock.settle();
      fresh.close();
      expect(thrown).toEqual([2, 3, 4].map((n) => new Error(idOf(n))));
    } finally {
      queue.mockRestore();
    }
  });

  it("that is closed waits for nothing, whatever circuits come after it", () => {
    const { follower: fresh, clock } = follower(() => true);
    fresh.close();
    const before = clock.timers;
    fresh.circuitUp(idOf(2));
    expect(clock.timers).toBe(before);
  });
});
