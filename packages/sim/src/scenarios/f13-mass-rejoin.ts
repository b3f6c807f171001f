import type { Conn } from "@astranet/router";
import type { SimNode } from "../node/sim-node.ts";
import type { World } from "../world.ts";
import { cast, isLinked, link, reaches } from "./cast.ts";
import { must, within, withinAbout } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** See RouterLimits: how many connections a router takes at once, and a second. */
const burst = 100;
const perSecond = 50;
/** … and how many handshakes it has under way. */
const maxPending = 128;
/** The longest back-off. */
const maxDelayMs = 30_000;
const maxControlBytes = 2_000_000;
const maxP99Ms = 200;
/** r1 takes all its leaves at once: how they came there is not what this is about. */
const unlimited = { handshakesPerSecond: 100_000, handshakeBurst: 100_000, maxPendingHandshakes: 100_000 };

/**
 * All leaves of r1 lose it at one moment, and dial r2, which has links with r3, x and y, and carries a stream of x and y.
 *
 * Everybody keeps the records of everybody, so this costs the square of the number of nodes: by default there are 200, twice what r2 takes at
 * once. `--nodes 1000` is the whole of it, for those who have minutes and gigabytes.
 */
export const massRejoin: Scenario = {
  id: "F13",
  title: "a router dies, and all its leaves join another one",
  nodes: 200,
  // 100 Mbit: what is told of the leaves stands before the stream. And checks of all nodes against all less often than every second.
  world: { conditions: { latencyMs: 5, bytesPerSecond: 12_500_000 }, sweepMs: 10_000 },
  async run({ world, nodes }) {
    const { r2, r3, x, y } = cast(world, ["r2", "r3", "x", "y"]);
    const { r1 } = cast(world, ["r1"], { router: { role: "router", limits: unlimited } });
    link([r1, r2], [r3, r2], [x, r2], [y, r2]);
    const leaves = Array.from({ length: nodes }, (_, i) => world.add({ name: `leaf${i}`, router: { role: "peer" } }));
    for (const leaf of leaves) {
      leaf.start();
      leaf.join(r1.address);
      await world.run(5);
    }
    await withinAbout(world, 60_000, 1000, "every leaf is linked with r1", () => leaves.every((leaf) => isLinked(r1, leaf)));
    await within(world, 10_000, "x reaches y", () => reaches(x, y));
    await world.run(30_000);
    must("x reaches the leaves", leaves.every((leaf) => reaches(x, leaf)));

    const conn = await world.settle(x.running.dial({ name: "y" }), 1000);
    const roundTrips = talk(x, conn);
    const before = [r3, x, y].map((node) => bytesBetween(world, node, r2));
    const back: number[] = [];
    let linksLost = 0;
    r2.running.router.subscribe((event) => {
      if (event.type === "linkup") back.push(world.now);
      if (event.type === "linkdown" && event.peer !== r1.id) linksLost += 1;
    });
    for (const leaf of leaves) {
      leaf.running.router.subscribe((event) => {
        if (event.type !== "linkdown" || event.peer !== r1.id) return;
        leaf.leave(r1.address);
        leaf.join(r2.address);
      });
    }
    r1.crash("reset");
    const diedAt = world.now;
    const knock = (): boolean => {
      const open = [...world.network.connections()].filter((pair) => pair.some((end) => end.process === r2.running.process && !end.gone)).length;
      must(`r2 has ${open} connections, no more than links and handshakes`, open <= r2.running.router.links.length + maxPending);
      return back.length >= nodes;
    };
    // All within 25 s, for a thousand, cannot be: 18 s is what 50 a second take, and by then those that were turned away again and again, as a thousand at the
    // door of fifty are, wait for up to 30 s (exponential back-off). Measured are 38 to 41 s. What must hold is that nobody waits for more than one back-off
    // beyond the time at which there is room for all.
    const roomAfterMs = (Math.max(nodes - burst, 0) / perSecond) * 1000;
    await withinAbout(world, roomAfterMs + maxDelayMs, 1000, "every leaf is back", knock);
    must("every leaf has a link with r2", leaves.every((leaf) => isLinked(r2, leaf) && isLinked(leaf, r2)));
    for (const [i, at] of back.entries()) {
      const most = burst + ((at - diedAt) * perSecond) / 1000 + 1;
      must(`r2 has taken ${i + 1} in ${Math.round(at - diedAt)} ms, ${Math.floor(most)} at most`, i + 1 <= most);
    }
    await world.run(5000);
    must("everybody reaches the leaves again", [r3, x, y].every((node) => leaves.every((leaf) => reaches(node, leaf))));
    const most = Math.max(...[r3, x, y].map((node, i) => bytesBetween(world, node, r2) - before[i]!));
    must(`what is told on a link that was there is ${most} bytes, ${maxControlBytes} at most`, most <= maxControlBytes);
    const sorted = [...roundTrips].sort((a, b) => a - b);
    const p99 = sorted[Math.floor(sorted.length * 0.99)]!;
    must(`a running stream goes on: of ${sorted.length} round trips 99 % take ${p99} ms at most`, sorted.length > 100 && p99 < maxP99Ms);
    must("no link that was there is lost", linksLost === 0);
  },
};

/** Bytes of everything on the connections of two nodes, both ways: the few of the stream too. */
function bytesBetween(world: World, a: SimNode, b: SimNode): number {
  let bytes = 0;
  for (const [near, far] of world.network.connections()) {
    const isTheirs = [a, b].every((node) => near.process === node.running.process || far.process === node.running.process);
    if (isTheirs) bytes += near.out.sentBytes + far.out.sentBytes;
  }
  return bytes;
}

/** Says a word twenty times a second, and notes how long each takes to come back. */
function talk(node: SimNode, conn: Conn): readonly number[] {
  const took: number[] = [];
  const { process } = node.running;
  const run = async (): Promise<void> => {
    for (;;) {
      const saidAt = process.now();
      await conn.write(new Uint8Array(16));
      for (let got = 0; got < 16; ) got += (await conn.read())!.length;
      took.push(process.now() - saidAt);
      await new Promise<void>((resolve) => void process.setTimer(50, resolve));
    }
  };
  // Then there are too few round trips, which says enough.
  run().catch(() => undefined);
  return took;
}
