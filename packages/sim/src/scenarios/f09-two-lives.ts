import { cast, link } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** Two processes live under one key at once. */
export const twoLives: Scenario = {
  id: "F9",
  title: "two processes with one key",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { r1, r2, b } = cast(world, ["r1", "r2", "b"]);
    link([r1, r2], [b, r2]);
    const older = world.add({ name: "older", router: { role: "peer" } });
    older.start();
    link([older, r1]);
    await world.run(20_000);
    const younger = world.add({ name: "younger", router: { role: "peer" }, identity: older.identity });
    const generations = new Set<bigint>();
    const note = (): void => {
      const incarnation = b.running.store.incarnationOf(older.id);
      if (incarnation !== undefined) generations.add(incarnation);
    };
    b.running.store.subscribe(note);
    note();
    const life = older.running;
    younger.start();
    link([younger, r2]);
    await within(world, 30_000, "the older one has given way", () => life.superseded);
    await within(world, 10_000, "it has stopped", () => !older.isRunning);
    await world.run(30_000);
    must("the younger one has not", !younger.running.superseded);
    must(`there were ${generations.size} generations of records, 6 at most`, generations.size <= 6);
    must("the others see one node", b.running.router.routes().filter(({ id }) => id === older.id).length === 1);
  },
};
