import type { BenchLink, BenchStream } from "../peers/peer.ts";
import { CHUNK, pattern } from "./pattern.ts";
import { PING_BYTES, Ping } from "./ping.ts";
import { Kind, Sinks, introduce, pump } from "./sink.ts";
import type { Measures, Work } from "./work.ts";

const WARM_UP = 3_000;
const MOST = 20_000;
const MOST_BYTES = 64 * 1024 * 1024 * 1024;

interface Pings {
  readonly times: Float64Array;
  /** The server's bulk counter, as the first and last echo carried it, and the time between. */
  readonly bulkBytes: number;
  readonly seconds: number;
}

/** Pings one stream: `count` times at most, or `seconds` long. */
export type Pinger = (count: number, seconds: number) => Promise<Pings>;

/** Opens a stream whose other end sends each ping back. */
export async function openPinger(link: BenchLink): Promise<Pinger> {
  const stream = await link.open();
  const reader: { onecho: (echo: Uint8Array) => void } = { onecho: () => undefined };
  const pings = new Ping((echo) => {
    reader.onecho(echo);
  });
  stream.read(
    (chunk) => {
      pings.add(chunk);
    },
    () => undefined,
  );
  await introduce(stream, Kind.echo);
  return (count, seconds) => ping(stream, reader, count, seconds);
}

/** Sends a ping and waits for their echo, again and again, at most `count` times or `seconds` long. */
function ping(stream: BenchStream, reader: { onecho: (echo: Uint8Array) => void }, count: number, seconds: number): Promise<Pings> {
  const payload = new Uint8Array(PING_BYTES).fill(7);
  const times = new Float64Array(count);
  const start = performance.now();
  return new Promise((resolve) => {
    let done = 0;
    let sentAt = start;
    let first = 0;
    let firstAt = 0;
    reader.onecho = (echo) => {
      const now = performance.now();
      if (echo[8] !== 7 || echo[PING_BYTES - 1] !== 7) throw new Error("a wrong echo");
      const counter = new DataView(echo.buffer).getFloat64(0);
      if (done === 0) {
        first = counter;
        firstAt = now;
      }
      times[done++] = now - sentAt;
      if (done === count || now - start > seconds * 1000) {
        resolve({ times: times.slice(0, done), bulkBytes: counter - first, seconds: (now - firstAt) / 1000 });
        return;
      }
      sentAt = performance.now();
      void stream.write(payload);
    };
    void stream.write(payload);
  });
}

export function quantiles(times: Float64Array): Measures {
  const sorted = Float64Array.from(times).sort();
  const at = (q: number): number => (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN) * 1000;
  return { p50Micros: at(0.5), p99Micros: at(0.99), pings: sorted.length };
}

function pingWork(underBulk: boolean): Work {
  return {
    serve(answers, options) {
      const sinks = new Sinks(options.streams);
      answers["bulk"] = async (expected) => {
        const deadline = performance.now() + 10_000;
        while (sinks.endless.received < expected && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
        return { received: sinks.endless.received };
      };
      return (stream) => {
        sinks.accept(stream);
      };
    },
    async run(link, ask, options) {
      const pinger = await openPinger(link);
      await pinger(WARM_UP, options.seconds);
      if (!underBulk) return quantiles((await pinger(MOST, options.seconds * 2)).times);
      const bulkStream = await link.open();
      let stop = false;
      await introduce(bulkStream, Kind.endless);
      const pumped = pump(bulkStream, [pattern], MOST_BYTES, () => stop);
      // The first half second of both together is warm-up.
      await pinger(MOST, options.seconds / 3);
      const seen = await pinger(MOST, options.seconds * 2);
      stop = true;
      const sent = await pumped;
      const { received } = await ask("bulk", sent);
      if (received !== sent) throw new Error(`${String(sent)} bulk bytes were sent, ${String(received)} came`);
      return { ...quantiles(seen.times), bytesPerSecond: seen.bulkBytes / seen.seconds, bytes: Math.floor(sent / CHUNK) * CHUNK };
    },
  };
}

/** E: ping-pong of 100 bytes, alone on the link. */
export const pingPong: Work = pingWork(false);
/** E2: the same while one bulk stream fills the link. */
export const pingPongUnderBulk: Work = pingWork(true);
