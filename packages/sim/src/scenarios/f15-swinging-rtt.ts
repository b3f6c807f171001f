import { recordKinds } from "@astranet/discovery";
import type { SimNode } from "../node/sim-node.ts";
import type { World } from "../world.ts";
import { cast, isLinked, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const shortMs = 40;
const longMs = 120;
/** The least time between two advertisements of a node, and between two changes of the way that new circuits take. */
const leastMs = { advertisement: 5000, choice: 10_000 };
/** How often is looked at which way a new circuit would take. */
const lookMs = 1000;

/** a – {r1, r2} – b. The round trip of a – r1 swings, so that the way over r1 is now the shorter one, now the longer. */
export const swingingRtt: Scenario = {
  id: "F15",
  title: "the round trip of a link swings between 40 and 120 ms",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, r1, r2, b } = cast(world, ["a", "r1", "r2", "b"]);
    world.network.between(a.host, r1.host, { latencyMs: shortMs / 2 });
    // 80 ms: neither the shorter nor the longer way all the while.
    world.network.between(a.host, r2.host, { latencyMs: 40 });
    link([a, r1], [a, r2], [b, r1], [b, r2]);
    await within(world, 10_000, "all links are up", () => [a, b].every((end) => isLinked(end, r1) && isLinked(end, r2)) && reaches(a, b));
    // New links cost more, for half a minute. Then the swings begin anywhere between two measurements.
    await world.run(45_000 + world.random.between(0, 10_000));
    const moved: string[] = [];
    for (const end of [a, b]) {
      end.running.router.subscribe(({ type }) => {
        if (type.startsWith("circuit")) moved.push(type);
      });
    }
    const conn = await world.settle(a.running.dial({ name: "b" }), 1000);
    const advertised = [a, r1].map((node) => advertisementsOf(node));
    const chosen = choiceOf(a, b);
    const swing = async (everyMs: number, times: number): Promise<void> => {
      for (let i = 0; i < times; i += 1) {
        world.network.between(a.host, r1.host, { latencyMs: (i % 2 === 0 ? longMs : shortMs) / 2 });
        for (let at = 0; at < everyMs; at += lookMs) {
          await world.run(lookMs);
          await chosen.look(world);
        }
      }
    };
    await swing(5000, 60);
    const [quick, told] = [chosen.changes.length, advertised.flat().length];
    // Slower ones are followed, at the same pace: the costs are no constants.
    await swing(120_000, 4);
    for (const times of advertised) must(`a node tells its costs anew after ${leastMs.advertisement} ms at the soonest: ${times.join(" ")}`, leastGap(times) >= leastMs.advertisement);
    must(`new circuits take another way after ${leastMs.choice} ms at the soonest: ${chosen.changes.join(" ")}`, leastGap(chosen.changes) >= leastMs.choice);
    must(`of 60 swings of 5 s few are told: ${told} advertisements, ${quick} changes of the way`, told <= 10 && quick <= 2);
    must(`4 swings of two minutes are followed: ${chosen.changes.length - quick} changes of the way`, chosen.changes.length - quick >= 3);
    must(`no established circuit was moved: ${moved.join(" ")}`, moved.join(" ") === "circuitup circuitup");
    await world.settle(conn.end(new Uint8Array(7)), 1000);
    must("its stream goes on", (await world.settle(conn.read(), 1000))?.length === 7);
    await world.quiet();
  },
};

/** When a node wrote what its links cost; grows. */
function advertisementsOf(node: SimNode): number[] {
  const times: number[] = [];
  node.running.store.subscribe((origin, record) => {
    if (origin === node.id && record !== undefined && record.slot >> 8 === recordKinds.adjacency) times.push(Math.round(node.world.now));
  });
  return times;
}

/** Which way a new circuit would take, and when that changed. */
function choiceOf(from: SimNode, to: SimNode): { readonly changes: number[]; look(world: World): Promise<void> } {
  const changes: number[] = [];
  let last: string | undefined;
  return {
    changes,
    look: async (world) => {
      // What traces take is what new circuits take.
      const { path } = await world.settle(from.running.router.trace(to.id), lookMs);
      const way = path.join(" ");
      if (last !== undefined && way !== last) changes.push(Math.round(world.now));
      last = way;
    },
  };
}

function leastGap(times: readonly number[]): number {
  return Math.min(...times.slice(1).map((at, i) => at - times[i]!));
}
