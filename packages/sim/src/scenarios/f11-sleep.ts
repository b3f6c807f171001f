import { cast, idleTimeoutMs, isLinked, link, lists, propagationMs } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A laptop sleeps for ten minutes, and wakes. */
export const sleep: Scenario = {
  id: "F11",
  title: "a laptop sleeps for ten minutes",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { laptop, r, b } = cast(world, ["laptop", "r", "b"]);
    link([laptop, r], [b, r]);
    await within(world, 10_000, "everybody sees everybody's services", () => lists(b, laptop, "laptop") && lists(laptop, b, "b"));
    await world.run(30_000);
    const deaths: string[] = [];
    r.running.router.subscribe((event) => {
      if (event.type === "linkdown" && event.peer !== laptop.id) deaths.push(event.peer);
    });
    laptop.pause({ counts: world.random.chance(0.5) });
    await within(world, idleTimeoutMs + 1000 + propagationMs(2, 10), "its services are gone", () => !lists(b, laptop, "laptop"));
    await world.run(600_000 - 16_000);
    laptop.resume();
    await within(world, 3000, "it has noticed that its link is dead", () => !isLinked(laptop, r) || isLinked(r, laptop));
    await within(world, 5000, "it is linked again", () => isLinked(laptop, r) && isLinked(r, laptop));
    await within(world, propagationMs(2, 10) + 2000, "its services are back, and it sees those of others", () => lists(b, laptop, "laptop") && lists(laptop, b, "b"));
    must("nobody else was taken for dead", deaths.length === 0);
    await world.run(10_000);
    await world.quiet();
  },
};
