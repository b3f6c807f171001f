import { cast, isLinked, link, lists } from "./cast.ts";
import { must, throughout, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** a's side of a connection is gone, b goes on believing in it, and a dials again at once. */
export const halfOpen: Scenario = {
  id: "F7",
  title: "a connection dies on one side, and its node dials again",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, b } = cast(world, ["a", "b"]);
    link([a, b]);
    await within(world, 10_000, "a and b are linked, and b sees a's service", () => isLinked(a, b) && isLinked(b, a) && lists(b, a, "a"));
    // Between two of the pings that come every five seconds: to what b says before a dials again, a's host would answer with a reset.
    await world.run(32_000);
    const conn = await world.settle(b.running.dial({ name: "a" }), 1000);
    let broken = 0;
    void conn.read().catch(() => (broken += 1));
    const downs: string[] = [];
    const superseded: unknown[] = [];
    b.running.router.subscribe((event) => {
      if (event.type === "reachability" && event.cost === undefined) downs.push(event.id);
      if (event.type === "linkdown") superseded.push(event.error);
    });
    world.disturbed();
    for (const [near] of world.network.connections()) if (near.process === a.running.process) near.forget();
    await throughout(world, 5000, "b sees a's service all the while", () => lists(b, a, "a"));
    must("a and b are linked again", isLinked(a, b) && isLinked(b, a));
    must("b never took a for unreachable", downs.length === 0);
    must(`b ended the old link because a newer one took its place: ${String(superseded[0])}`, superseded.length === 1 && String(superseded[0]).includes("SUPERSEDED"));
    must("the stream on the old link failed once", broken === 1);
  },
};
