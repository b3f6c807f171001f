import { cast, link, lists } from "./cast.ts";
import { within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A process starts again with the same identity, under a clock that is an hour behind. */
export const clockBehind: Scenario = {
  id: "F8",
  title: "a process starts again with its clock an hour behind",
  world: { conditions: { latencyMs: 10 } },
  async run({ world, workload }) {
    const { a, r, b } = cast(world, ["a", "r", "b"]);
    link([a, r], [b, r]);
    workload.offerEcho(a, "old");
    await within(world, 10_000, "b sees what a offers", () => lists(b, a, "old"));
    a.crash("reset");
    a.wallOffsetMs = -3_600_000;
    await world.run(1000);
    a.start();
    workload.offerEcho(a, "new");
    await within(world, 5000, "the link is up", () => a.running.router.links.some(({ state }) => state === "up"));
    await within(world, 2000, "b sees what a offers now, and nothing older", () => lists(b, a, "new") && !lists(b, a, "old"));
    await world.run(10_000);
    await world.quiet();
  },
};
