import { pattern, pieces } from "./pattern.ts";
import { Kind, Sinks, transfer, verify } from "./sink.ts";
import { timed } from "./timed.ts";
import type { Work } from "./work.ts";

const MESSAGE = 1024;
const UNIT = pattern.byteLength;
const WARM_UP = 128 * UNIT;
const MOST = 4_000_000;

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
    let ms = 0;
    for (let i = 0; i < 2; i++) {
      const start = performance.now();
      await transfer(await link.open(), Kind.count, parts, WARM_UP);
      ms = performance.now() - start;
    }
    const wanted = Math.min(Math.max((WARM_UP / ms) * 1000 * options.seconds, WARM_UP), MOST * MESSAGE);
    const total = Math.ceil(wanted / UNIT) * UNIT;
    const stream = await link.open();
    const spent = await timed(ask, options, () => transfer(stream, Kind.count, parts, total));
    await verify(await link.open(), parts, 32 * UNIT);
    return { messagesPerSecond: total / MESSAGE / spent.seconds, count: total / MESSAGE, ...spent };
  },
};
