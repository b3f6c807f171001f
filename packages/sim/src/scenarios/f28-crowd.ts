import type { SimConnection } from "../net/sim-connection.ts";
import { Stranger } from "../mistakes/stranger.ts";
import { modes, preamble } from "../mistakes/words.ts";
import { cast, isLinked, link } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const latencyMs = 5;
const crowd = 10_000;
const hosts = 1000;
/**
 * They come within so long, and then no more do. While they keep coming, a thousand a second say, the 50 handshakes a second are shared with them: a member that is
 * not linked yet may have to wait for the end of that. Those that are linked notice neither.
 */
const arrivalMs = 1000;
const maxPending = 128;
const handshakeMs = 5000;
/** As docs say of handshakes: so many at once, and a second. */
const [burst, perSecond] = [100, 50];
const memberWithinMs = 1000;

/**
 * Ten thousand connect to one node, and never finish a handshake: some say nothing, some a byte a second. (What that costs in memory, real processes measure:
 * docs/evidence/scenarios.md. Here it is counted what there is to be kept.)
 */
export const strangersCrowd: Scenario = {
  id: "F28",
  title: "ten thousand connect, and never finish a handshake",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    const { random } = world;
    const { r, old, fresh } = cast(world, ["r", "old", "fresh"]);
    link([old, r]);
    await within(world, 5000, "a member is linked", () => isLinked(old, r) && isLinked(r, old));
    await world.run(10_000);
    const timersBefore = r.running.process.timers;
    let downs = 0;
    let turnedAway = 0;
    for (const node of [r, old]) {
      node.running.router.subscribe((event) => {
        if (event.type === "linkdown") downs += 1;
        if (event.type === "refused") turnedAway += 1;
      });
    }
    const stranger = new Stranger(world, "stranger");
    // Of a preamble that would do, a byte a second.
    const slowWords = preamble(modes.insecure, 0, random.bytes(8));
    const inside = new Map<SimConnection, number>();
    let cut = 0;
    let most = 0;
    let longest = 0;
    const come = (host: string, isSlow: boolean): void => {
      void stranger.dial(r.address, host).then((connection) => {
        const began = world.now;
        inside.set(connection, began);
        connection.start({
          data: () => undefined,
          drain: () => undefined,
          closed: () => {
            inside.delete(connection);
            cut += 1;
            longest = Math.max(longest, world.now - began);
          },
        });
        for (let i = 0; isSlow && i < slowWords.length; i += 1) stranger.process.setTimer(1000 * i, () => inside.has(connection) && connection.send([slowWords.slice(i, i + 1)]));
      });
    };
    for (let i = 0; i < crowd; i += 1) stranger.process.setTimer(random.between(0, arrivalMs), () => come(`far-${random.integer(1, hosts)}`, random.chance(0.5)));
    const pending = (): number => r.running.router.links.filter(({ state }) => state !== "up").length;
    const watch = async (ms: number): Promise<void> => {
      for (const until = world.now + ms; world.now < until; ) {
        await world.run(5);
        most = Math.max(most, pending());
      }
    };
    await watch(arrivalMs + 4 * latencyMs);
    must(`many were inside at once: ${most}`, most > 50);
    must(`no more than may be: ${most}`, most <= maxPending);
    const letIn = crowd - turnedAway;
    must(`no more were let in than may be, in a second: ${letIn}`, letIn <= burst + (perSecond * arrivalMs) / 1000 + 1);
    must(`what the node keeps for them is bounded: ${r.running.process.timers} timers`, r.running.process.timers <= timersBefore + 3 * maxPending);
    link([fresh, r]);
    const began = world.now;
    while (!isLinked(fresh, r) || !isLinked(r, fresh)) {
      must(`a member is linked within ${memberWithinMs} ms`, world.now - began < memberWithinMs);
      await watch(5);
    }
    await watch(handshakeMs + 1000);
    must(`all of them were cut: ${cut} of ${crowd}, the last after ${longest} ms`, cut === crowd && inside.size === 0 && longest <= handshakeMs + 4 * latencyMs);
    must(`nothing of them is left: ${r.running.process.timers} timers`, pending() === 0 && r.running.process.timers <= timersBefore + 10);
    must("nobody who was linked has noticed", downs === 0 && isLinked(old, r) && isLinked(r, old));
    await world.run(5000);
    await world.quiet();
  },
};
