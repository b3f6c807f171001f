import { pattern, pieces } from "./pattern.ts";
import { Kind, Sinks, transfer, verify } from "./sink.ts";
import { timed } from "./timed.ts";
import { warmUp } from "./warm-up.ts";
import type { Work } from "./work.ts";

const MESSAGE = 1024;
const UNIT = pattern.byteLength;
const WARM_UP = 128 * UNIT;
const MOST = 16_000_000;

/** F: 1 KiB messages on one stream. */
export const messages: Work = {
  serve(_answers, options) {
    const sinks = new Sinks(options.streams);
    return (stream) => {
      sinks.accept(stream);
    };
  },
  async run(link, ask, options) {
    const parts = pieces(MESSAGE);
    const rate = await warmUp(options, { first: WARM_UP, most: MOST * MESSAGE }, async (bytes) => transfer(await link.open(), Kind.count, parts, bytes));
    const wanted = Math.min(Math.max(rate * options.seconds, WARM_UP), MOST * MESSAGE);
    const total = Math.ceil(wanted / UNIT) * UNIT;
    const stream = await link.open();
    const spent = await timed(ask, options, () => transfer(stream, Kind.count, parts, total));
    await verify(await link.open(), parts, 32 * UNIT);
    return { messagesPerSecond: total / MESSAGE / spent.seconds, count: total / MESSAGE, ...spent };
  },
};
