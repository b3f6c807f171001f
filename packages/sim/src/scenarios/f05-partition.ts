import type { Offer } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { cast, link, lists, propagationMs, reaches } from "./cast.ts";
import { must, throughout, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const partedMs = 600_000;

interface Rival {
  readonly node: SimNode;
  readonly offer: Offer;
}

/** An exclusive service of each of these. */
function compete(name: string, nodes: readonly SimNode[]): Rival[] {
  return nodes.map((node) => ({ node, offer: node.running.bind({ name, exclusive: true, onconn: (conn) => conn.reset() }) }));
}

/** Whether all of these nodes list one of the rivals, the oldest, then that with the smallest id, and the owners of the others know. */
function agreeOnOldest(name: string, nodes: readonly SimNode[], rivals: readonly Rival[]): boolean {
  const [winner] = [...rivals].sort((a, b) => a.offer.exclusiveSince! - b.offer.exclusiveSince! || (a.node.id < b.node.id ? -1 : 1));
  const isListed = nodes.every((node) => node.running.directory.providers(name).every(({ id }, i) => i === 0 && id === winner!.node.id) && lists(node, winner!.node, name));
  return isListed && rivals.every(({ offer }) => (offer.beatenBy === undefined) === (offer === winner!.offer));
}

/** Ten and ten nodes, apart for ten minutes, in which services come and go on both sides; of exclusive ones each side has its own, until they meet again. */
export const partition: Scenario = {
  id: "F5",
  title: "a partition of ten minutes heals",
  world: { conditions: { latencyMs: 10 } },
  async run({ world, workload }) {
    const { random } = world;
    const nodes = Object.values(cast(world, Array.from({ length: 20 }, (_, i) => `r${i}` as const)));
    const sides = [nodes.slice(0, 10), nodes.slice(10)] as const;
    for (const side of sides) for (const [i, node] of side.entries()) if (i > 0) link([node, side[random.integer(0, i - 1)]!]);
    const bridges = [0, 1, 2].map(() => [random.pick(sides[0]), random.pick(sides[1])] as const);
    link(...bridges);
    const gone = nodes.map((node) => node.running.bind({ name: "closed-while-apart", onconn: (conn) => conn.reset() }));
    await within(world, 30_000, "everybody reaches everybody", () => nodes.every((from) => nodes.every((to) => reaches(from, to))));
    await world.run(30_000);
    world.network.partition(sides.map((side) => side.map(({ host }) => host)), world.hosts);
    await within(world, 22_000 + propagationMs(9, 10), "each side sees itself only", () => sides.every((side) => side.every((from) => nodes.every((to) => reaches(from, to) === side.includes(to)))));
    await world.run(1);
    for (const { listener } of gone) void listener.close();
    for (const node of nodes) workload.offerEcho(node, "new");
    // Of the leaders those on the right are older; of the twins all are equally old.
    const rivalsOf = (name: string, side: number): Rival[] => compete(name, [sides[side]![3]!, sides[side]![7]!]);
    const twins = [rivalsOf("twin", 0), rivalsOf("twin", 1)] as const;
    const right = rivalsOf("leader", 1);
    await world.run(10);
    const leaders = [rivalsOf("leader", 0), right] as const;
    const isOneEach = (): boolean => sides.every((side, i) => agreeOnOldest("leader", side, leaders[i]!) && agreeOnOldest("twin", side, twins[i]!));
    await within(world, propagationMs(9, 10), "each side has one leader and one twin", isOneEach);
    await throughout(world, partedMs, "each side sees its own services, and those only", () =>
      sides.every((side) => side.every((from) => [...from.running.directory.registry()].every(({ id }) => side.some((node) => node.id === id)))),
    );
    must("each side has one leader and one twin still", isOneEach());
    world.network.partition(undefined, world.hosts);
    // The bridges' back-off is 30 s by now, and a SYN may just have been lost.
    await within(world, 40_000, "a bridge is up", () => bridges.some(([a, b]) => a.running.router.links.some(({ peer, state }) => peer === b.id && state === "up")));
    await within(world, 4 * 10 + propagationMs(19, 10) + 5000, "every store is the same", () => new Set(nodes.map((node) => JSON.stringify(node.running.store.digest))).size === 1);
    must("what was closed has not come back", nodes.every((from) => nodes.every((to) => !lists(from, to, "closed-while-apart"))));
    await within(world, propagationMs(9, 10) + 5000, "everybody sees what is new", () => nodes.every((from) => nodes.every((to) => lists(from, to, "new"))));
    await within(world, propagationMs(9, 10), "there is one leader and one twin everywhere", () => agreeOnOldest("leader", nodes, leaders.flat()) && agreeOnOldest("twin", nodes, twins.flat()));
    await world.quiet();
  },
};
