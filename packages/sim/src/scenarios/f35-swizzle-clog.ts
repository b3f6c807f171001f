import { cast, link, reaches } from "./cast.ts";
import { within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** Every link is stopped, one by one, and goes on in another order. */
export const swizzleClog: Scenario = {
  id: "F35",
  title: "links stop one by one, and go on in random order",
  world: { conditions: { latencyMs: 10 } },
  async run({ world, workload }) {
    const { random } = world;
    const nodes = Object.values(cast(world, Array.from({ length: 12 }, (_, i) => `r${i}` as const)));
    for (const [i, node] of nodes.entries()) {
      if (i > 0) link([node, nodes[random.integer(0, i - 1)]!]);
      if (i > 1) link([node, nodes[random.integer(0, i - 2)]!]);
    }
    await within(world, 30_000, "everybody reaches everybody", () => nodes.every((from) => nodes.every((to) => reaches(from, to))));
    const pairs = nodes.flatMap((from, i) => nodes.slice(i + 1).map((to) => [from.host, to.host] as const));
    for (const [a, b] of random.shuffled(pairs)) {
      world.network.between(a, b, { blocked: true });
      await world.run(5000 / pairs.length);
    }
    for (const node of nodes) workload.offerEcho(node, "meanwhile");
    await world.run(random.between(1000, 20_000));
    for (const [a, b] of random.shuffled(pairs)) {
      world.network.between(a, b, { blocked: false });
      await world.run(random.between(0, 200));
    }
    // Links that died meanwhile are dialled again after a back-off that has grown to some seconds.
    await within(world, 45_000, "every store is the same", () => new Set(nodes.map(({ running }) => JSON.stringify(running.store.digest))).size === 1 && nodes.every((from) => nodes.every((to) => reaches(from, to))));
    await world.run(5000);
    await world.quiet();
  },
};
