import { cast, link } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const count = 64;

/** 64 nodes that all want a link with each other start at the same moment. */
export const fullMesh: Scenario = {
  id: "F31",
  title: "a full mesh of 64 nodes starts at one moment",
  world: { conditions: { latencyMs: 5 } },
  async run({ world }) {
    const limits = { handshakesPerSecond: 1000, handshakeBurst: 1000, maxPendingPerHost: 1000, maxPendingHandshakes: 1000, maxDials: 64 };
    const nodes = Object.values(cast(world, Array.from({ length: count }, (_, i) => `r${i}` as const), { router: { role: "router", limits } }));
    for (const [i, node] of nodes.entries()) link(...nodes.slice(i + 1).map((other) => [node, other] as const));
    const linked = (): boolean => nodes.every((node) => node.running.router.links.filter(({ state }) => state === "up").length >= count - 1);
    // Looked at now and then: after each of very many events it would take most of the time.
    for (let i = 0; i < 50 && !linked(); i += 1) await world.run(100);
    must("every node has a link with every other within 5 s", linked());
    const equal = (): boolean => {
      const { hi, lo, count: records } = nodes[0]!.running.store.digest;
      return nodes.every(({ running }) => running.store.digest.hi === hi && running.store.digest.lo === lo && running.store.digest.count === records);
    };
    const tookMs = await within(world, 10_000, "every store is the same", equal);
    must(`within 5 s of the last link: ${tookMs}`, tookMs <= 5000);
  },
};
