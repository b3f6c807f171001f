import { cast, idleTimeoutMs, isLinked, link, reaches } from "./cast.ts";
import { must, throughout, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** What a says does not arrive at b any more; what b says arrives. */
export const oneWay: Scenario = {
  id: "F6",
  title: "a blackhole in one direction",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, b, r } = cast(world, ["a", "b", "r"]);
    link([a, b], [b, r]);
    await within(world, 10_000, "a and b are linked", () => isLinked(a, b) && isLinked(b, a) && reaches(r, b));
    await world.run(10_000);
    world.network.path(a.host, b.host).change({ blocked: true });
    const tookMs = await within(world, idleTimeoutMs + 6000, "both ends know that the link is dead", () => !isLinked(a, b) && !isLinked(b, a));
    must(`b noticed within the idle timeout: ${tookMs} ms`, tookMs <= idleTimeoutMs + 5000 + 1000);
    await throughout(world, 120_000, "the link does not come up for a moment while that lasts", () => !isLinked(a, b) && !isLinked(b, a));
    world.network.path(a.host, b.host).change({ blocked: false });
    await within(world, 45_000, "a and b are linked again", () => isLinked(a, b) && isLinked(b, a));
    await world.run(5000);
    await world.quiet();
  },
};
