import { cast, link, lists, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A node of a later version writes records of a kind that nobody here knows. */
export const unknownRecords: Scenario = {
  id: "F36",
  title: "records of an unknown kind",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, r1, r2, b } = cast(world, ["a", "r1", "r2", "b"]);
    link([a, r1], [r1, r2], [b, r2]);
    await within(world, 10_000, "a reaches b", () => reaches(a, b) && lists(b, a, "a"));
    const slot = 0x7f_03;
    a.running.store.put(slot, Uint8Array.from([1, 2, 3]));
    await within(world, 1000, "every node has it, as it was written", () => [r1, r2, b].every(({ running }) => [...(running.store.get(a.id, slot)?.payload ?? [])].join() === "1,2,3"));
    a.running.store.put(slot, new Uint8Array());
    await within(world, 1000, "and hears when it says nothing any more", () => [r1, r2, b].every(({ running }) => running.store.get(a.id, slot)?.payload.length === 0));
    must("nothing else has changed", reaches(a, b) && lists(b, a, "a"));
    await world.run(5000);
    await world.quiet();
  },
};
