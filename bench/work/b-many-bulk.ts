import type { BenchLink } from "../peers/peer.ts";
import { MOST_BYTES, sizeFor } from "./a-bulk.ts";
import { CHUNK, pattern } from "./pattern.ts";
import { Kind, Sinks, transfer, verify } from "./sink.ts";
import { timed } from "./timed.ts";
import { warmUp } from "./warm-up.ts";
import type { Work } from "./work.ts";

const MIB = 1024 * 1024;

async function sendOnAll(link: BenchLink, streams: number, kind: Kind, bytesEach: number): Promise<void> {
  const opened = await Promise.all(Array.from({ length: streams }, async () => link.open()));
  await Promise.all(opened.map((stream) => transfer(stream, kind, [pattern], bytesEach)));
}

/** B: bulk streams side by side; the fairness is slowest ÷ fastest when the first of them is complete. */
export const manyBulk: Work = {
  serve(answers, options) {
    const sinks = new Sinks(options.streams);
    answers["fairness"] = () => ({ slowestToFastest: sinks.fairness, serverPeakRss: process.resourceUsage().maxRSS * 1024 });
    return (stream) => {
      sinks.accept(stream);
    };
  },
  async run(link, ask, options) {
    const { streams } = options;
    const first = Math.ceil((64 * MIB) / streams / CHUNK) * CHUNK;
    const rate = await warmUp(options, { first, most: Math.ceil(MOST_BYTES / streams) }, (bytesEach) => sendOnAll(link, streams, Kind.count, bytesEach));
    const each = sizeFor(options.seconds, rate * streams, streams * CHUNK) / streams;
    const spent = await timed(ask, options, () => sendOnAll(link, streams, Kind.fair, each));
    const clientPeakRss = process.resourceUsage().maxRSS * 1024;
    const fairness = await ask("fairness");
    await verify(await link.open(), [pattern], 8 * MIB);
    return { bytesPerSecond: (each * streams) / spent.seconds, bytes: each * streams, ...spent, clientPeakRss, ...fairness };
  },
};
