import { cast, isLinked, link, propagationMs, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A ring of five routers, of which one link is cut, silently: the ways lead around. */
export const ring: Scenario = {
  id: "F4",
  title: "a link of a ring is cut",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const nodes = Object.values(cast(world, ["r0", "r1", "r2", "r3", "r4"]));
    link(...nodes.map((node, i) => [node, nodes[(i + 1) % 5]!] as const));
    await within(world, 10_000, "everybody reaches everybody", () => nodes.every((from) => nodes.every((to) => reaches(from, to))));
    await world.run(60_000);
    const [first, second] = [nodes[0]!, nodes[1]!];
    world.network.between(first.host, second.host, { blocked: true });
    const everybodyReaches = (): boolean => nodes.every((from) => nodes.every((to) => reaches(from, to)));
    await world.run(16_000);
    await within(world, 5000, "the link is known to be dead", () => !isLinked(first, second) && !isLinked(second, first));
    await within(world, propagationMs(4, 10), "everybody reaches everybody again", everybodyReaches);
    await world.run(10_000);
    const route = first.running.router.route(second.id);
    must(`the way leads around: ${route?.hops ?? 0} hops`, route?.hops === 4);
    await world.quiet();
  },
};
