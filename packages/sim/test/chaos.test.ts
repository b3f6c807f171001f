import { describe, expect, it } from "vitest";
import { play, scenarios } from "@astranet/sim";

describe("nodes on a network that does its worst", () => {
  // Fresh seeds are played by `pnpm sim`; these are always the same, so that a failure here is somebody's change.
  it.each([1, 2, 3])("keep every invariant, and agree in the end: seed %d", async (seed) => {
    const { error, workload } = await play(scenarios.get("chaos")!, { seed, nodes: 10, minutes: 4 });
    expect(error).toBeUndefined();
    expect(workload.stats.done).toBeGreaterThan(0);
  });
});
