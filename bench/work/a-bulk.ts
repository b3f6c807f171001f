import { CHUNK, pattern } from "./pattern.ts";
import { Kind, Sinks, transfer, verify } from "./sink.ts";
import { timed } from "./timed.ts";
import { warmUp } from "./warm-up.ts";
import type { Work } from "./work.ts";

const MIB = 1024 * 1024;
export const MOST_BYTES = 16_384 * MIB;

/** A size that lasts about `seconds` at `rate` bytes a second, in whole `unit`s. */
export function sizeFor(seconds: number, rate: number, unit: number): number {
  const wanted = Math.min(Math.max(rate * seconds, 64 * MIB), MOST_BYTES);
  return Math.ceil(wanted / unit) * unit;
}

/** A: one bulk stream, 64 KiB writes, until the receiver has confirmed the last byte. */
export const bulk: Work = {
  serve(_answers, options) {
    const sinks = new Sinks(options.streams);
    return (stream) => {
      sinks.accept(stream);
    };
  },
  async run(link, ask, options) {
    const rate = await warmUp(options, { first: 64 * MIB, most: MOST_BYTES }, async (bytes) => transfer(await link.open(), Kind.count, [pattern], bytes));
    const total = sizeFor(options.seconds, rate, CHUNK);
    const stream = await link.open();
    const spent = await timed(ask, options, () => transfer(stream, Kind.count, [pattern], total));
    await verify(await link.open(), [pattern], 8 * MIB);
    return { bytesPerSecond: total / spent.seconds, bytes: total, ...spent };
  },
};
