import { cast, follow, link, lists } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A provider is gone when a dial comes that was meant for it: another one is taken. */
export const nextProvider: Scenario = {
  id: "F20",
  title: "a provider closes between being chosen and being dialled",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, r, b, c } = cast(world, ["a", "r", "b", "c"]);
    link([a, r], [b, r], [c, r]);
    let served = "";
    const offers = [b, c].map((node) => node.running.bind({ name: "work", onconn: (conn) => ((served = node.name), void conn.close()) }));
    await within(world, 10_000, "a sees both", () => lists(a, b, "work") && lists(a, c, "work"));
    for (const node of [b, c]) {
      const first = await world.settle(a.running.dial({ name: node.name }), 1000);
      await world.settle(first.close(), 1000);
    }
    // a does not know yet, and prefers nobody.
    void offers[0]!.listener.close();
    const dials = Array.from({ length: 8 }, () => follow(world, a.running.dial({ name: "work", select: "round-robin" })));
    await world.run(200);
    must("every dial succeeded", dials.every(({ outcome }) => outcome?.value !== undefined));
    must("at who still offers it", served === "c");
  },
};
