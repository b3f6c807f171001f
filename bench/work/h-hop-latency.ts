import { openPinger, quantiles, type Pinger } from "./e-ping-pong.ts";
import { Sinks } from "./sink.ts";
import type { Measures, Work } from "./work.ts";

const WARM_UP = 2_000;
const MOST = 4_000;
/** The two ways take turns, so that what else the machine does hits both. */
const ROUNDS = 5;

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** H2: ping-pong of 100 bytes through the relay and past it; the difference of the medians is what a hop costs, there and back. */
export const hopLatency: Work = {
  serve(_answers, options) {
    const sinks = new Sinks(options.streams);
    return (stream) => {
      sinks.accept(stream);
    };
  },
  async run(link, _ask, options, dials) {
    const ways: { readonly pinger: Pinger; readonly times: Float64Array[] }[] = [];
    for (const way of [link, await dials.direct()]) ways.push({ pinger: await openPinger(way), times: [] });
    for (const { pinger } of ways) await pinger(WARM_UP, options.seconds);
    for (let round = 0; round < ROUNDS; round++) {
      for (const { pinger, times } of ways) times.push((await pinger(MOST, options.seconds / ROUNDS)).times);
    }
    const [through, past] = ways.map(({ times }) => quantiles(joined(times)));
    const measures = { ...through, directP50Micros: past?.["p50Micros"] ?? NaN } as Measures;
    return { ...measures, addedMicros: (measures["p50Micros"] ?? NaN) - (measures["directP50Micros"] ?? NaN) };
  },
};
