import { describe, expect, it } from "vitest";
import { mistakes, play, scenarios } from "@astranet/sim";

const plots = [...scenarios.values()].filter(({ id }) => id !== "chaos");

describe("a scenario comes out as it should, with every invariant kept", () => {
  it.each(plots.map((scenario) => [scenario.id, scenario.title, scenario] as const))("%s: %s", async (_id, _title, scenario) => {
    const { error, world } = await play(scenario, { seed: 1 });
    expect(error, world.trace.tail(20)).toBeUndefined();
  });

  it("has a name of its own", () => {
    expect(scenarios.size).toBeGreaterThan(20);
  });
});

describe("a scenario that does not come out", () => {
  it("is told with what did not hold, and when", async () => {
    // Where nobody hands anything on, nobody knows of who is behind a neighbour.
    const mistake = mistakes.find(({ name }) => name === "no-forwarding")!;
    const { error, world } = await play(scenarios.get("F4")!, { seed: 1, node: { tampering: mistake.tampering() } });
    expect(String(error)).toContain("not within 10000 ms: everybody reaches everybody");
    expect(world.now).toBe(10_000);
  });
});
