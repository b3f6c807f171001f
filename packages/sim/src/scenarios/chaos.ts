import { Chaos } from "../chaos.ts";
import type { Scenario } from "./scenario.ts";

/** Of a run, the part after which everything is put right, so that it can be seen to come to rest: a little over what forgetting takes. */
const peaceMs = 300_000;

/** Nodes at random, linked at random, and everything that can happen to them. */
export const chaos: Scenario = {
  id: "chaos",
  title: "random trouble on a random network, and peace in the end",
  world: { conditions: { latencyMs: 5, jitterMs: 1 } },
  async run({ world, workload, nodes, minutes }) {
    const { random } = world;
    for (let i = 0; i < nodes; i += 1) {
      const node = world.add({ clock: { rate: random.between(0.9998, 1.0002), startsAt: random.between(0, 1e6) } });
      node.start();
      workload.offerEcho(node, `echo-${i}`);
      // A tree joins all of them; the rest makes it a graph.
      if (i > 0) node.join(world.nodes[random.integer(0, i - 1)]!.address);
      if (i > 1 && random.chance(0.7)) node.join(random.pick(world.nodes.filter((other) => other !== node)).address);
    }
    const chaosMs = Math.max(minutes * 60_000 - peaceMs, minutes * 30_000);
    new Chaos(world, workload, { forMs: chaosMs });
    await world.run(chaosMs + peaceMs);
    await world.quiet();
    for (const node of world.nodes) await world.settle(node.stop(), 30_000);
  },
};
