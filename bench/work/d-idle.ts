import { setImmediate as turn } from "node:timers/promises";
import type { BenchLink, BenchStream } from "../peers/peer.ts";
import { settledRss } from "./memory.ts";
import type { Measures, Work, WorkOptions } from "./work.ts";

/** Streams that wait for their byte at the same time while they are being opened. */
const IN_FLIGHT = 8_192;
const WARM_UP = 2_000;
const one = new Uint8Array([1]);

/** Takes exactly one byte off the stream, then calls `done`; leaves nothing pending where the peer can pull. */
function takeOne(stream: BenchStream, done: () => void): void {
  const check = (chunk: Uint8Array | null): void => {
    if (chunk?.byteLength !== 1) throw new Error(`expected one byte, got ${String(chunk?.byteLength)}`);
    done();
  };
  if (stream.pull !== undefined) void stream.pull().then(check);
  else stream.read(check, () => undefined);
}

async function openAll(link: BenchLink, count: number, held: BenchStream[]): Promise<number> {
  const start = performance.now();
  let opened = 0;
  let done = 0;
  await new Promise<void>((resolve) => {
    const use = (stream: BenchStream): void => {
      held.push(stream);
      takeOne(stream, () => {
        if (++done === count) resolve();
        else next();
      });
      void stream.write(one);
    };
    const next = (): void => {
      if (opened === count) return;
      opened++;
      const stream = link.open();
      if (stream instanceof Promise) void stream.then(use);
      else use(stream);
    };
    for (let i = 0; i < Math.min(IN_FLIGHT, count); i++) next();
  });
  return performance.now() - start;
}

/** Begins a read on every stream and leaves it pending. */
async function readOnAll(held: readonly BenchStream[]): Promise<void> {
  for (let i = 0; i < held.length; i++) {
    void held[i]?.pull?.();
    if (i % 10_000 === 0) await turn();
  }
}

/** One byte more each way on some streams spread over all: that they still live is part of the claim. */
async function sample(held: readonly BenchStream[]): Promise<number> {
  let checked = 0;
  const step = Math.max(1, Math.floor(held.length / 1_000));
  for (let i = 0; i < held.length; i += step) {
    const stream = held[i];
    if (stream?.pull === undefined) return 0;
    void stream.write(one);
    const chunk = await stream.pull();
    if (chunk?.byteLength !== 1) throw new Error("an idle stream did not answer");
    checked++;
  }
  return checked;
}

/** D: streams that are open and idle, one byte each way. */
export const idle: Work = {
  serve(answers) {
    const held: BenchStream[] = [];
    let base = 0;
    let echoing = 0;
    const rss = async (): Promise<Measures> => ({ bytes: (await settledRss()) - base });
    answers["base"] = async () => {
      held.length = 0;
      base = await settledRss();
      return {};
    };
    answers["rss"] = rss;
    answers["streams"] = () => ({ streams: held.length });
    answers["echo-again"] = () => {
      // Answers the client's second byte on the streams that it samples.
      echoing = Math.max(1, Math.floor(held.length / 1_000));
      for (let i = 0; i < held.length; i += echoing) {
        const stream = held[i];
        if (stream?.pull !== undefined) void stream.pull().then(() => void stream.write(one));
      }
      return {};
    };
    answers["read"] = async () => {
      await readOnAll(held);
      return rss();
    };
    return (stream) => {
      held.push(stream);
      takeOne(stream, () => void stream.write(one));
    };
  },
  async run(link, ask, options: WorkOptions) {
    const warm: BenchStream[] = [];
    await openAll(link, Math.min(WARM_UP, options.idle / 4), warm);
    for (const stream of warm.splice(0)) stream.end();
    await ask("base");
    const base = await settledRss();
    const count = options.idle;
    const held: BenchStream[] = [];
    const openSeconds = (await openAll(link, count, held)) / 1000;
    const { streams } = await ask("streams");
    if (streams !== count) throw new Error(`the server holds ${String(streams)} streams of ${String(count)}`);
    const measures: Measures = { count, openSeconds, streamsPerSecond: count / openSeconds };
    const client = ((await settledRss()) - base) / count;
    const server = ((await ask("rss"))["bytes"] ?? 0) / count;
    if (held[0]?.pull === undefined) return { ...measures, clientPendingBytes: client, serverPendingBytes: server };
    await ask("echo-again");
    const checked = await sample(held);
    const unread: Measures = { ...measures, checked, clientHeldBytes: client, serverHeldBytes: server };
    if (!options.reading) return unread;
    await readOnAll(held);
    const clientPendingBytes = ((await settledRss()) - base) / count;
    const serverPendingBytes = ((await ask("read"))["bytes"] ?? 0) / count;
    return { ...unread, clientPendingBytes, serverPendingBytes };
  },
};
