import { cast, isLinked, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** Two nodes with different keys claim one id. */
export const oneId: Scenario = {
  id: "F10",
  title: "two keys, one id",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { r, first } = cast(world, ["r", "first"]);
    link([first, r]);
    await within(world, 10_000, "the first is linked", () => isLinked(r, first) && reaches(r, first));
    const second = world.add({ name: "second", identity: { id: first.id, key: new Uint8Array(16).fill(9) } });
    second.start();
    let told: unknown;
    second.running.router.subscribe((event) => {
      if (event.type === "linkerror") told ??= event.error;
    });
    link([second, r]);
    await world.run(30_000);
    must(`the second one is told why: ${String(told)}`, String(told).includes("ERR_ASTRANET_ID_CONFLICT"));
    must("it has no link", second.running.router.links.every(({ state }) => state !== "up"));
    must("the first is not affected", isLinked(r, first) && isLinked(first, r));
  },
};
