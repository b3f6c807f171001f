import type { Conn } from "@astranet/router";
import { cast, link, reaches } from "./cast.ts";
import { must, throughout, within } from "./expect.ts";
import { pour, swallow } from "./flow.ts";
import type { Scenario } from "./scenario.ts";

const streams = 1000;
/** Of each link; and so what each stream has of it when all have the same. */
const bytesPerSecond = 4_000_000;
const fairShare = bytesPerSecond / streams;
/** Turns of the scheduler are 16 KiB: only after twenty of them, 82 s here, a stream that is one turn behind has 95 % of its share. */
const shareMs = 100_000;
const chunkBytes = 1024;
/** What a stream may send before anybody reads, and what a relay keeps of one direction of a circuit. */
const windowBytes = 262_144;
const minuteMs = 60_000;

/** a – r – b, and a thousand streams from a to b, of which b reads all but one. */
export const slowReader: Scenario = {
  id: "F16",
  title: "one of a thousand streams over a relay is not read",
  async run({ world }) {
    const { a, r, b } = cast(world, ["a", "r", "b"]);
    for (const node of [a, b]) {
      world.network.between(node.host, r.host, { latencyMs: world.random.between(2, 5), bytesPerSecond });
      link([node, r]);
    }
    await within(world, 10_000, "a reaches b", () => reaches(a, b));
    const open = async (): Promise<readonly [near: Conn, far: Conn]> => {
      let far: Conn | undefined;
      const { listener } = b.running.bind({ name: "one", onconn: (conn) => (far = conn) });
      const near = await world.settle(a.running.router.connect(b.id, listener.port), 5000);
      await listener.close();
      return [near, far!];
    };
    const [near, unread] = await open();
    const read: (readonly [near: Conn, far: Conn])[] = [];
    for (let i = 1; i < streams; i += 1) read.push(await open());
    // Everybody writes as fast as it gets rid of it; who is not read begins, so that it has its window full at once.
    let isPouring = true;
    const stuck = pour(near, { chunkBytes, goesOn: () => isPouring });
    await world.run(5000);
    const got = read.map(([, far]) => swallow(far));
    for (const [other] of read) pour(other, { chunkBytes, goesOn: () => isPouring });

    const stuckBytes = stuck.bytes;
    const held = (): number => r.running.router.circuits.relayBytes;
    const isStuck = (): boolean => stuck.bytes === stuckBytes && unread.readableLength <= windowBytes;
    const bounded = "the writer waits for a reader, and the relay holds a window at most";
    await throughout(world, 5000, bounded, () => isStuck() && held() <= windowBytes);
    const before = got.map(({ bytes }) => bytes);
    await throughout(world, shareMs, bounded, () => isStuck() && held() <= windowBytes);
    const least = Math.min(...got.map(({ bytes }, i) => (bytes - before[i]!) / (shareMs / 1000)));
    must(`every other stream has 95 % of its share: one has ${least} bytes a second of ${fairShare}`, least >= 0.95 * fairShare);
    must("nothing more can be written to it", !near.tryWrite(new Uint8Array(1)));

    // An hour, in which all are used now and then. What a real process keeps is for real processes to show; here is counted what there is to keep.
    isPouring = false;
    await world.run(5000);
    // (One or two come and go with the costs of links.)
    const mostTimers = r.running.process.timers + 2;
    const connections = [...world.network.connections()].length;
    for (let minute = 0; minute < 60; minute += 1) {
      for (const [other] of read) await world.settle(other.write(new Uint8Array(100)), 1000);
      await throughout(world, minuteMs, bounded, () => isStuck() && held() <= windowBytes);
      must(`after minute ${minute} the relay holds what it did: ${held()} bytes`, held() === 0 && r.running.router.circuits.relayed === 1);
      must("and no more timers and connections", r.running.process.timers <= mostTimers && [...world.network.connections()].length === connections);
    }

    const late = swallow(unread);
    await within(world, 5000, "all that was written is there when it is read", () => late.bytes > 0 && late.bytes === stuck.bytes);
    await world.settle(near.write(new Uint8Array(7)), 1000);
    await within(world, 1000, "and what is written then", () => late.bytes === stuck.bytes + 7);
  },
};
