import { recordKinds } from "@astranet/discovery";
import { cast, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A link comes and goes ten times a second for a minute. */
export const flapping: Scenario = {
  id: "F14",
  title: "a link flaps ten times a second for a minute",
  world: { conditions: { latencyMs: 2 } },
  async run({ world }) {
    const { r1, r2, r3, a } = cast(world, ["r1", "r2", "r3", "a"], { router: { role: "router", limits: { handshakesPerSecond: 1000, handshakeBurst: 1000 } } });
    link([r1, r3], [r2, r3], [a, r3]);
    await within(world, 10_000, "all are linked", () => [r1, r2, r3].every((node) => reaches(a, node)));
    await world.run(30_000);
    let written = 0;
    let strangers = 0;
    r1.running.store.subscribe((origin, record) => {
      if (origin === r1.id && record !== undefined && record.slot >> 8 === recordKinds.adjacency) written += 1;
    });
    a.running.router.subscribe((event) => {
      if (event.type === "reachability" && event.id === r3.id) strangers += 1;
    });
    const conn = await world.settle(a.running.dial({ name: "r3" }), 1000);
    for (let i = 0; i < 600; i += 1) {
      if (i % 2 === 0) {
        const [connection] = [...world.network.connections()].filter((pair) => pair.every((end) => end.process === r1.running.process || end.process === r2.running.process));
        if (connection === undefined) r1.join(r2.address);
      } else {
        r1.leave(r2.address);
        world.disturbed();
      }
      await world.run(100);
    }
    must(`r1 wrote its links anew ${written} times, 5 at once and once a second at most`, written <= 2 * (5 + 60));
    must("ways that the link is no part of stayed", strangers <= 1);
    await world.settle(conn.end(new Uint8Array(7)), 1000);
    must("an unrelated stream goes on", (await world.settle(conn.read(), 1000))?.length === 7);
    r1.join(r2.address);
    await world.run(30_000);
    must("everything is as it was, with the link", r1.running.router.links.some(({ peer, state }) => peer === r2.id && state === "up"));
    await world.quiet();
  },
};
