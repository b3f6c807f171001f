import { cast, codeOf, follow, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** Dials of a port where nobody is, of a name that nobody has, of a node that cannot be reached. */
export const nobodyThere: Scenario = {
  id: "F19",
  title: "dials that lead nowhere",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, r, b } = cast(world, ["a", "r", "b"]);
    link([a, r], [b, r]);
    await within(world, 10_000, "a reaches b", () => reaches(a, b));
    // The first dial makes the circuit.
    const first = await world.settle(a.running.dial({ name: "b" }), 1000);
    await world.settle(first.close(), 1000);
    const began = world.now;
    const port = follow(world, a.running.router.connect(b.id, 4711));
    const name = follow(world, a.running.dial({ name: "no-such-name", timeoutMs: 5000 }));
    const id = follow(world, a.running.router.connect("aaaaaaaaaaaaaaaa", 80));
    await world.run(10_000);
    must(`nobody at that port: ${String(port.outcome?.error)}, after ${(port.outcome?.at ?? 0) - began} ms`, codeOf(port.outcome) === "ECONNREFUSED" && port.outcome!.at - began < 60);
    must(`nobody of that name: ${String(name.outcome?.error)}, after ${(name.outcome?.at ?? 0) - began} ms`, codeOf(name.outcome) === "ENOTFOUND" && Math.abs(name.outcome!.at - began - 5000) < 50);
    must(`no way to that node: ${String(id.outcome?.error)}`, codeOf(id.outcome) === "EHOSTUNREACH" && id.outcome!.at - began < 1);
  },
};
