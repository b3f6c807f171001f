import { cast, isLinked, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A router's event loop stands still for five seconds, again and again. */
export const blockedLoop: Scenario = {
  id: "F12",
  title: "a router's event loop is blocked for five seconds",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, b, r } = cast(world, ["a", "b", "r"]);
    link([a, r], [b, r]);
    await within(world, 10_000, "a reaches b", () => reaches(a, b) && reaches(b, a));
    await world.run(10_000);
    let changes = 0;
    for (const node of [a, b, r]) node.running.router.subscribe((event) => {
        if (event.type === "linkdown" || (event.type === "reachability" && event.cost === undefined)) changes += 1;
      });
    const conn = await world.settle(a.running.dial({ name: "b" }), 1000);
    for (let i = 0; i < 5; i += 1) {
      r.pause();
      await world.run(5000);
      r.resume();
      await world.run(world.random.between(100, 3000));
    }
    must("no link was declared dead", changes === 0 && isLinked(a, r) && isLinked(r, b));
    await world.settle(conn.end(new Uint8Array(7)), 1000);
    must("what ran goes on", (await world.settle(conn.read(), 1000))?.length === 7);
  },
};
