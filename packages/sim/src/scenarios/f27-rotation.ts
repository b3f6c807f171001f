import { cast, codeOf, follow, isLinked, link, propagationMs, reaches } from "./cast.ts";
import { must, withinAbout } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const latencyMs = 5;
const count = 20;
const old = "the secret that was stolen, perhaps";
const fresh = "the secret that takes its place";

/** Twenty nodes go from one secret to another, one after the other: [old], [new, old], [new]. */
export const rotation: Scenario = {
  id: "F27",
  title: "a secret is replaced on twenty nodes, one by one",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    const { random } = world;
    const nodes = Object.values(cast(world, Array.from({ length: count }, (_, i) => `r${i}` as const), { secrets: [old] }));
    for (const [i, node] of nodes.entries()) {
      // A ring and a chord for each, so that no node is the only way to another.
      link([node, nodes[(i + 1) % count]!], [node, nodes[(i + random.integer(2, count - 2)) % count]!]);
    }
    const everybodyReaches = (): boolean => nodes.every((from) => nodes.every((to) => reaches(from, to)));
    const wanted = nodes.flatMap((from) => nodes.filter(({ address }) => from.wants.has(address)).map((to) => [from, to] as const));
    const allLinked = (): boolean => wanted.every(([from, to]) => isLinked(from, to) && isLinked(to, from));
    await withinAbout(world, 10_000, 50, "everybody reaches everybody", () => allLinked() && everybodyReaches());
    await world.run(15_000);
    let restarting = "";
    const lost: string[] = [];
    // For each life; those who link with who restarts may lose that link, and find nobody there for a while.
    const begin = (node: (typeof nodes)[number]): void => {
      node.running.bind({ name: `word-of-${node.name}`, onconn: (conn) => void conn.end(new Uint8Array(3)) });
      node.running.router.subscribe((event) => {
        // Of two links that both sides dialled one is given up a moment later.
        const isAnotherUp = event.type === "linkdown" && node.running.router.links.some(({ peer, state }) => peer === event.peer && state === "up");
        if (event.type === "linkdown" && !isAnotherUp && node.id !== restarting && event.peer !== restarting) lost.push(`${node.name} lost its link with ${event.peer}: ${String(event.error)}`);
        if (event.type === "linkerror" && String(event.error).includes("EACCES")) lost.push(`${node.name} found a secret wrong: ${String(event.error)}`);
      });
    };
    nodes.forEach(begin);
    for (const secrets of [[fresh, old], [fresh]]) {
      for (const node of random.shuffled(nodes)) {
        restarting = node.id;
        await world.settle(node.stop(), 6000);
        node.secrets = secrets;
        node.start();
        begin(node);
        // Its neighbours' back-off grows to a second or two meanwhile.
        await withinAbout(world, 35_000, 50, `${node.name} has all its links again`, allLinked);
        await withinAbout(world, propagationMs(10, latencyMs) + 5000, 50, "everybody reaches everybody", everybodyReaches);
        // End to end, too: over relays of the older list and the newer.
        const other = random.pick(nodes.filter((each) => each !== node));
        for (const [from, to] of [[node, other], [other, node]] as const) {
          const conn = await world.settle(from.running.dial({ name: `word-of-${to.name}` }), 2000);
          must(`${from.name} is served by ${to.name}`, (await world.settle(conn.read(), 2000))?.length === 3);
          await world.settle(conn.end(), 2000);
        }
        must(`no link is lost but those of who restarts: ${lost.join("; ")}`, lost.length === 0);
      }
    }
    const late = world.add({ name: "late", secrets: [old], router: { role: "peer" } });
    late.start();
    const joined = follow(world, late.running.router.join("sim", nodes[0]!.address));
    await world.run(1000);
    must(`the old secret is of no use any more: ${String(joined.outcome?.error)}`, codeOf(joined.outcome) === "EACCES");
    await world.settle(late.stop(), 6000);
    await world.run(5000);
    await world.quiet();
  },
};
