import { expect, it } from "vitest";
import fc from "fast-check";
import { TestNetwork, type TestNode } from "./support/network.ts";
import { CableTransport } from "./support/pulled-cable.ts";

const nodeCount = 4;

type Step =
  | { readonly type: "join"; readonly from: number; readonly to: number }
  | { readonly type: "pull" | "silence" | "close"; readonly which: number }
  | { readonly type: "wait"; readonly ms: number };

const index = fc.nat({ max: nodeCount - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("join" as const), from: index, to: index }),
  fc.record({ type: fc.constantFrom("pull" as const, "silence" as const, "close" as const), which: fc.nat({ max: 1000 }) }),
  fc.record({ type: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 30, 700, 1100, 6000, 16_000) }),
);

/** Who is linked with whom, over others too. */
function componentOf(start: number, wanted: ReadonlySet<string>): number[] {
  const found = new Set([start]);
  for (const m of found) for (const pair of wanted) if (pair.split("-").includes(String(m))) for (const end of pair.split("-")) found.add(Number(end));
  return [...found].sort();
}

it("however links break, nodes that want each other end up with one link, and with the services of all that can be reached", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.integer({ min: 0, max: 20 }), async (steps, latencyMs) => {
      const net = new TestNetwork({ latencyMs });
      const cables = new CableTransport(net.transport, net.clock);
      const nodes: TestNode[] = [];
      for (let n = 0; n < nodeCount; n += 1) {
        const node = net.node(n + 1, { transports: [cables], limits: { maxPendingPerHost: 1000 } });
        nodes.push(node);
        void node.router.listen("memory", `node-${n}`);
        node.directory.publish({ name: `service-${n}`, port: 80 });
        // What is up is never less than what is said to be reachable.
        node.router.subscribe((event) => {
          if (event.type === "linkup") expect(node.router.reachability.cost(event.peer)).toBeDefined();
        });
      }
      await net.clock.advance(1);
      const wanted = new Set<string>();
      for (const each of steps) {
        if (each.type === "wait") await net.clock.advance(each.ms);
        else if (each.type === "join") {
          nodes[each.from]!.router.join("memory", `node-${each.to}`, { retry: { maxDelayMs: 1000 } }).catch(() => undefined);
          if (each.from !== each.to) wanted.add([each.from, each.to].sort().join("-"));
        } else if (each.type === "close") {
          const links = nodes.flatMap(({ router }) => router.links);
          if (links.length > 0) void links[each.which % links.length]!.close();
        } else if (cables.cables.length > 0) cables.cables[each.which % cables.cables.length]![each.type]();
      }
      await net.clock.advance(120_000);
      for (const [n, node] of nodes.entries()) {
        const neighbours = nodes.flatMap((_, m) => (wanted.has([n, m].sort().join("-")) ? [m] : []));
        // All of them listen, so all relay.
        const others = componentOf(n, wanted).filter((m) => m !== n);
        expect(node.router.routes().map(({ id }) => id).sort()).toEqual(others.map((m) => nodes[m]!.id));
        expect(node.router.links.map(({ state }) => state)).toEqual(neighbours.map(() => "up"));
        expect(node.directory.services().map(({ name }) => name)).toEqual([n, ...others].sort().map((m) => `service-${m}`));
      }
      for (const { router } of nodes) void router.close();
      await net.clock.advance(10_000);
      expect(net.clock.timers).toBe(0);
    }),
    { numRuns: 60 },
  );
}, 60_000);
