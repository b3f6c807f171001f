import type { LocalLink, LocalMessage } from "../peers/local-peer.ts";
import { cpuSeconds } from "./timed.ts";
import { pattern } from "./pattern.ts";
import { warmUp } from "./warm-up.ts";
import type { Work } from "./work.ts";

const DATA = 100;
const WARM_UP = 4_096;
const MOST = 50_000_000;

async function passAll(link: LocalLink, count: number): Promise<void> {
  const data = pattern.slice(0, DATA);
  let next = 0;
  await link.pass(
    count,
    (id): LocalMessage => ({ id, name: "message", data }),
    (message) => {
      if (message.id !== next++ || message.name !== "message" || message.data[DATA - 1] !== data[DATA - 1]) throw new Error(`message ${String(next - 1)} is another one than was sent`);
    },
  );
  if (next !== count) throw new Error(`${String(count)} messages were sent, ${String(next)} came`);
}

/** K: messages from one loop to another within one process. */
export const messagesInProcess: Work<LocalLink, never> = {
  serve() {
    throw new Error("K has no server");
  },
  async run(link, _ask, options) {
    const rate = await warmUp(options, { first: WARM_UP, most: MOST }, (count) => passAll(link, count));
    const count = Math.ceil(Math.min(Math.max(rate * options.seconds, WARM_UP), MOST));
    const before = cpuSeconds();
    const start = performance.now();
    await passAll(link, count);
    const seconds = (performance.now() - start) / 1000;
    return { messagesPerSecond: count / seconds, count, seconds, clientCpuSeconds: cpuSeconds() - before };
  },
};
