import type { SimNode } from "../node/sim-node.ts";
import { cast, isLinked, link, reaches } from "./cast.ts";
import { must, throughout, within } from "./expect.ts";
import { pour, swallow, type Flow } from "./flow.ts";
import type { Scenario } from "./scenario.ts";

/** Bytes a second: ten gigabit, one megabit, and what the others have. */
const floodRate = 1_250_000_000;
const slowRate = 125_000;
const otherRate = 1_000_000;
/** What a relay keeps of one direction of a circuit: the window that a stream begins with. It grows only where the relay gets rid of it as fast. */
const perCircuitBytes = 262_144;
/** What an application gets rid of before anybody has it: a MiB that its session queues, the windows on the way, the socket's. */
const mostUnderWayBytes = 2_097_152;
/** Shares are taken over so long. */
const shareMs = 30_000;
const chunkBytes = 16_384;
/** More than the slow link takes meanwhile: without back-pressure this would end, instead of never. */
const mostBytes = 2 ** 27;

/** a, c and e are at one side of r; b, whose link is slow, and d at the other. c talks to d, e to b, and then a floods b. */
export const flood: Scenario = {
  id: "F17",
  title: "a relay is flooded for a node behind a slow link",
  async run({ world }) {
    const { a, c, e, r, b, d } = cast(world, ["a", "c", "e", "r", "b", "d"]);
    const rates = new Map([[a, floodRate], [b, slowRate]]);
    for (const node of [a, b, c, d, e]) {
      world.network.between(node.host, r.host, { latencyMs: world.random.between(2, 20), bytesPerSecond: rates.get(node) ?? otherRate });
      link([node, r]);
    }
    await within(world, 10_000, "all reach each other", () => [a, c, e].every((from) => reaches(from, b) && reaches(from, d)));
    const start = async (from: SimNode, to: SimNode): Promise<{ readonly sent: Flow; readonly got: Flow }> => {
      let got: Flow | undefined;
      const { listener } = to.running.bind({ name: `from-${from.name}`, onconn: (conn) => (got = swallow(conn)) });
      // Behind what others have under way on the slow link a dial takes its time, too.
      const conn = await world.settle(from.running.router.connect(to.id, listener.port), 10_000);
      return { sent: pour(conn, { chunkBytes, goesOn: ({ bytes }) => bytes < mostBytes }), got: got! };
    };
    const [toD, toB] = [await start(c, d), await start(e, b)];
    const share = async (flows: readonly { readonly got: Flow }[], look = (): boolean => true): Promise<number[]> => {
      const before = flows.map(({ got }) => got.bytes);
      await throughout(world, shareMs, "bytes under way are bounded", look);
      return flows.map(({ got }, i) => (got.bytes - before[i]!) / (shareMs / 1000));
    };
    await world.run(5000);
    const [aloneToD, aloneToB] = await share([toD, toB]);
    const flooding = await start(a, b);
    let [mostHeld, mostUnderWay] = [0, 0];
    const look = (): boolean => {
      mostHeld = Math.max(mostHeld, r.running.router.circuits.relayBytes);
      mostUnderWay = Math.max(mostUnderWay, flooding.sent.bytes - flooding.got.bytes);
      return true;
    };
    await throughout(world, 5000, "the flood begins", look);
    const [bySideOfIt, withIt, ofIt] = await share([toD, toB, flooding], look);
    const { relayed, shed, refused } = r.running.router.circuits;
    must(`back-pressure reaches a's application: ${mostUnderWay} bytes that it got rid of were under way`, mostUnderWay <= mostUnderWayBytes);
    must(`the relay holds a window for each circuit at most, not ${mostHeld} bytes`, mostHeld <= relayed * perCircuitBytes);
    must(`no circuit was reset, and none refused, to make room: ${shed}, ${refused}`, relayed === 3 && shed === 0 && refused === 0);
    must(`who does not meet the flood does not notice: ${bySideOfIt} bytes a second of ${aloneToD}`, bySideOfIt! >= 0.9 * aloneToD!);
    must(`who has its way to b has half of it: ${withIt} bytes a second of ${aloneToB}`, withIt! >= 0.9 * (aloneToB! / 2));
    must(`and so has the flood: ${ofIt}`, ofIt! >= 0.9 * (aloneToB! / 2));
    must("the slow link lives", isLinked(r, b) && isLinked(b, r));
  },
};
