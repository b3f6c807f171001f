import { describe, expect, it } from "vitest";
import { Violation, mistakes, play, scenarios } from "@astranet/sim";

/** More than any of them needs: most are found in the first. */
const seeds = 20;

describe("a mistake", () => {
  it.each(mistakes.map((mistake) => [mistake.name, mistake] as const))("is found, with the invariant that it breaks: %s", async (_name, mistake) => {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { error } = await play(scenarios.get("chaos")!, { seed, nodes: 8, minutes: 4, node: { tampering: mistake.tampering() } });
      if (error === undefined) continue;
      expect(error).toBeInstanceOf(Violation);
      expect(mistake.breaks).toContain((error as Violation).invariant);
      return;
    }
    expect.fail(`not found with ${seeds} seeds: ${mistake.says}`);
  });

  it("has a name of its own, and there are 25 of them", () => {
    expect(new Set(mistakes.map(({ name }) => name)).size).toBe(25);
  });
});
