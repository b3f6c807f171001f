import { cast, codeOf, follow, isLinked, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A router says that it takes no new circuits. */
export const overloaded: Scenario = {
  id: "F32",
  title: "a router is overloaded",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, r1, r2, b } = cast(world, ["a", "r1", "r2", "b"]);
    link([a, r1], [b, r1]);
    await within(world, 10_000, "a reaches b", () => reaches(a, b) && isLinked(b, r1));
    const running = await world.settle(a.running.dial({ name: "b" }), 1000);
    r1.running.router.overloaded = true;
    await within(world, 1000, "no way leads through it", () => !reaches(a, b) && !reaches(b, a));
    must("it can be reached itself", reaches(a, r1));
    await world.settle(a.running.dial({ name: "r1" }), 1000);
    await world.settle(running.end(new Uint8Array(5)), 1000);
    must("what runs through it goes on", (await world.settle(running.read(), 1000))?.length === 5);
    link([a, r2], [b, r2]);
    await within(world, 5000, "there is a way around it", () => reaches(a, b) && a.running.router.route(b.id)?.via[0] === r2.id);
    r1.running.router.overloaded = false;
    r2.running.router.overloaded = true;
    await within(world, 2000, "the way leads through it again", () => a.running.router.route(b.id)?.via[0] === r1.id);
    const none = follow(world, a.running.router.connect("bbbbbbbbbbbbbbbb", 1));
    await world.run(10);
    must("and nobody else is found by it", codeOf(none.outcome) === "EHOSTUNREACH");
    await world.run(5000);
  },
};
