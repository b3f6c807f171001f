import type { BenchLink, BenchStream } from "../peers/peer.ts";
import { timed } from "./timed.ts";
import { warmUp } from "./warm-up.ts";
import type { Work } from "./work.ts";

const SIZE = 100;
const IN_FLIGHT = 100;
const WARM_UP = 2_500;

/** Payloads that differ, so that an echo on the wrong stream is noticed. */
const payloads = Array.from({ length: 251 }, (_, i) => new Uint8Array(SIZE).fill(i));

/** Opens `count` streams, 100 at a time: 100 bytes, their echo, our end, the other side's end. */
async function openMany(link: BenchLink, count: number): Promise<void> {
  let opened = 0;
  let ended = 0;
  await new Promise<void>((resolve) => {
    const use = (stream: BenchStream, payload: Uint8Array): void => {
      let got = 0;
      stream.read(
        (chunk) => {
          if (chunk[0] !== payload[0] || chunk[chunk.byteLength - 1] !== payload[0]) throw new Error("an echo came on the wrong stream");
          got += chunk.byteLength;
          if (got === SIZE) stream.end();
        },
        () => {
          if (got !== SIZE) throw new Error(`a stream ended after ${String(got)} bytes`);
          if (++ended === count) resolve();
          else next();
        },
      );
      void stream.write(payload);
    };
    const next = (): void => {
      if (opened === count) return;
      const payload = payloads[opened++ % payloads.length] as Uint8Array;
      const stream = link.open();
      if (stream instanceof Promise) void stream.then((ready) => { use(ready, payload); });
      else use(stream, payload);
    };
    for (let i = 0; i < IN_FLIGHT; i++) next();
  });
}

/** C: short streams. */
export const openEchoClose: Work = {
  serve(answers) {
    let streams = 0;
    let bytes = 0;
    answers["counted"] = () => ({ streams, bytes });
    return (stream) => {
      streams++;
      stream.read(
        (chunk) => {
          bytes += chunk.byteLength;
          void stream.write(chunk);
        },
        () => {
          stream.end();
        },
      );
    };
  },
  async run(link, ask, options) {
    let warm = 0;
    const rate = await warmUp(options, { first: Math.min(WARM_UP, options.maxOpens / 8), most: options.maxOpens / 4 }, (streams) => {
      warm += streams;
      return openMany(link, streams);
    });
    const count = Math.round(Math.min(Math.max(rate * options.seconds, IN_FLIGHT), options.maxOpens - warm));
    const spent = await timed(ask, options, () => openMany(link, count));
    const counted = await ask("counted");
    if (counted["streams"] !== warm + count || counted["bytes"] !== (warm + count) * SIZE) {
      throw new Error(`the server counted ${JSON.stringify(counted)}, not ${String(warm + count)} streams`);
    }
    return { streamsPerSecond: count / spent.seconds, count, ...spent };
  },
};
