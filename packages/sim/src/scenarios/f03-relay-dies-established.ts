import type { Conn } from "@astranet/router";
import { AstraError } from "@astranet/transport";
import { cast, isLinked, link, propagationMs, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** a – {r1, r2} – b; the relay in use dies under a stream; what is dialled next goes over the other. */
export const relayDiesEstablished: Scenario = {
  id: "F3",
  title: "a relay dies under streams, and the next dial goes over another",
  world: { conditions: { latencyMs: 20 } },
  async run({ world }) {
    const { a, r1, r2, b } = cast(world, ["a", "r1", "r2", "b"]);
    link([a, r1], [a, r2], [b, r1], [b, r2]);
    await within(world, 5000, "all links are up", () => [a, b].every((end) => isLinked(end, r1) && isLinked(end, r2)) && reaches(a, b));
    await world.run(2000);
    const conn = await world.settle(a.running.dial({ name: "b" }), 5000);
    const { path } = await world.settle(a.running.router.trace(b.id), 5000);
    const used = path.includes(r1.id) ? r1 : r2;
    const broken = fails(conn);
    used.crash("reset");
    const error = await world.settle(broken, 100);
    must(`the stream fails with ECONNRESET: ${String(error)}`, AstraError.is(error, "ECONNRESET"));
    const again = await world.settle(a.running.dial({ name: "b", timeoutMs: propagationMs(2, 20) }), propagationMs(2, 20) + 100);
    await world.settle(again.end(new Uint8Array(3)), 1000);
    const back = await world.settle(again.read(), 1000);
    must("the next dial works", back?.length === 3);
  },
};

async function fails(conn: Conn): Promise<unknown> {
  try {
    for await (const _chunk of conn);
    return undefined;
  } catch (error) {
    return error;
  }
}
