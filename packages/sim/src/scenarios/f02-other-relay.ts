import { cast, follow, isLinked, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** a – {r1, r2} – b; the relay of the way that a dial takes dies once the circuit has left a. */
export const otherRelay: Scenario = {
  id: "F2",
  title: "a relay dies during a dial, which succeeds over another",
  world: { conditions: { latencyMs: 20 } },
  async run({ world }) {
    const { a, r1, r2, b } = cast(world, ["a", "r1", "r2", "b"]);
    link([a, r1], [a, r2], [b, r1], [b, r2]);
    await within(world, 5000, "all links are up", () => [a, b].every((end) => isLinked(end, r1) && isLinked(end, r2)) && reaches(a, b));
    await world.run(2000);
    const { path } = await world.settle(a.running.router.trace(b.id), 5000);
    const [used, other] = path.includes(r1.id) ? [r1, r2] : [r2, r1];
    let accepted = 0;
    b.running.bind({ name: "once", port: 99, onconn: () => (accepted += 1) });
    const dial = follow(world, a.running.router.connect(b.id, 99));
    // It has left a, and not yet arrived at the relay.
    await world.run(10);
    used.crash("reset");
    await within(world, 10_000, "the dial succeeds", () => dial.outcome !== undefined);
    must(`the dial succeeds: ${String(dial.outcome?.error)}`, dial.outcome?.value !== undefined);
    must("the listener saw one connection", accepted === 1);
    const after = await world.settle(a.running.router.trace(b.id), 5000);
    must("the way leads over the other relay", after.path.includes(other.id));
  },
};
