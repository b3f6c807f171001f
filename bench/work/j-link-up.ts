import type { BenchLink, BenchStream } from "../peers/peer.ts";
import { timed } from "./timed.ts";
import type { Answers, Measures, Work } from "./work.ts";

type Connect = () => Promise<BenchLink>;

const WARM_UP = 40;
/** Each link leaves a socket in TIME_WAIT for a minute. */
const MOST = 4_000;
const AT_ONCE = 32;
/** J2 asks what a node can do that links all day. V8 needs a thousand links until a link costs no less any more: the first ones take three times as long. */
const WARM_LINKS = AT_ONCE * 40;

/** A byte there and back on the link's first stream. */
async function firstByte(link: BenchLink, byte: number): Promise<void> {
  const stream = await link.open();
  const echo = await new Promise<Uint8Array>((resolve, reject) => {
    stream.read(resolve, () => {
      reject(new Error("the first stream ended before its byte came back"));
    });
    void stream.write(Uint8Array.of(byte));
  });
  if (echo.byteLength !== 1 || echo[0] !== byte) throw new Error("another byte came back than was sent");
  stream.end();
}

async function closed(link: BenchLink): Promise<void> {
  if (link.close === undefined) throw new Error("the peer's links cannot be closed");
  await link.close();
}

function serve(answers: Answers): (stream: BenchStream) => void {
  let streams = 0;
  answers["streams"] = () => ({ streams });
  return (stream) => {
    streams++;
    stream.read(
      (chunk) => void stream.write(chunk),
      () => {
        stream.end();
      },
    );
  };
}

/** Links and closes `count` times, and gives how long each took from the dial until the first byte was back, in milliseconds. */
async function linkUps(connect: Connect, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const link = await connect();
    await firstByte(link, i & 0xff);
    times.push(performance.now() - start);
    await closed(link);
  }
  return times;
}

/** J: one link after the other, each from nothing to the first byte that came back over it. */
export const linkUp: Work = {
  serve,
  async run(_link, ask, options, dials): Promise<Measures> {
    const connect = await dials.dialler();
    await linkUps(connect, WARM_UP);
    const warm = await linkUps(connect, WARM_UP);
    const ms = warm.reduce((sum, each) => sum + each, 0) / WARM_UP;
    const count = Math.round(Math.min(Math.max((options.seconds * 1000) / ms, WARM_UP), MOST));
    const times = (await linkUps(connect, count)).sort((a, b) => a - b);
    const { streams } = await ask("streams");
    if (streams !== count + 2 * WARM_UP) throw new Error(`the server saw ${String(streams)} streams of ${String(count + 2 * WARM_UP)}`);
    return { p50Ms: times[count >> 1] ?? NaN, p99Ms: times[Math.floor(count * 0.99)] ?? NaN, count };
  },
};

async function linkMany(clients: readonly Connect[], count: number): Promise<number> {
  const start = performance.now();
  let begun = 0;
  await Promise.all(
    clients.map(async (connect) => {
      while (begun < count) {
        const byte = begun++ & 0xff;
        const link = await connect();
        await firstByte(link, byte);
        await closed(link);
      }
    }),
  );
  return performance.now() - start;
}

/** J2: the same by many clients at once, each of which links, sends its byte, closes, and links again. */
export const linksASecond: Work = {
  serve,
  async run(_link, ask, options, dials): Promise<Measures> {
    const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => dials.dialler()));
    const warmUp = AT_ONCE * 4;
    await linkMany(clients, WARM_LINKS);
    const ms = await linkMany(clients, warmUp);
    const count = Math.round(Math.min(Math.max((warmUp / ms) * 1000 * options.seconds, warmUp), MOST));
    const spent = await timed(ask, options, () => linkMany(clients, count));
    const { streams } = await ask("streams");
    const all = WARM_LINKS + warmUp + count;
    if (streams !== all) throw new Error(`the server saw ${String(streams)} streams of ${String(all)}`);
    return { linksPerSecond: count / spent.seconds, count, ...spent };
  },
};
