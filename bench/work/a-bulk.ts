import { CHUNK, pattern } from "./pattern.ts";
import { Kind, Sinks, transfer, verify } from "./sink.ts";
import { timed } from "./timed.ts";
import type { Work } from "./work.ts";

const MIB = 1024 * 1024;
const MOST_BYTES = 4096 * MIB;

/** A size that lasts about `seconds` at the rate that `warmUp` bytes in `ms` show, in whole `unit`s. */
export function sizeFor(seconds: number, warmUp: number, ms: number, unit: number): number {
  const wanted = Math.min(Math.max((warmUp / ms) * 1000 * seconds, 64 * MIB), MOST_BYTES);
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
    let size = 64 * MIB;
    let ms = 0;
    for (const warmUp of [64 * MIB, 128 * MIB]) {
      const start = performance.now();
      await transfer(await link.open(), Kind.count, [pattern], warmUp);
      ms = performance.now() - start;
      size = warmUp;
    }
    const total = sizeFor(options.seconds, size, ms, CHUNK);
    const stream = await link.open();
    const spent = await timed(ask, options, () => transfer(stream, Kind.count, [pattern], total));
    await verify(await link.open(), [pattern], 8 * MIB);
    return { bytesPerSecond: total / spent.seconds, bytes: total, ...spent };
  },
};
