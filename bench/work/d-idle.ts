import { setImmediate as turn } from "node:timers/promises";
import type { BenchLink, BenchStream } from "../peers/peer.ts";
import { settledRss } from "./memory.ts";
import type { Measures, Work } from "./work.ts";

/** Streams that wait for their byte at the same time while they are being opened. */
const IN_FLIGHT = 8_192;
const WARM_UP = 2_000;
const SAMPLES = 1_000;
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

/** Streams the way their user would hold them: in an array, without the adapter where it can be left out. */
class Held {
  readonly #kept: object[] = [];
  #adapter: BenchStream | undefined;

  get count(): number {
    return this.#kept.length;
  }

  /** Whether a read can be begun on them, and left pending. */
  get canPull(): boolean {
    return this.#adapter?.pull !== undefined;
  }

  add(stream: BenchStream): void {
    this.#adapter = stream;
    this.#kept.push(stream.bare?.() ?? stream);
  }

  clear(): BenchStream[] {
    return this.#kept.splice(0).map((kept) => this.#wrap(kept));
  }

  /** Some streams spread over all. */
  *samples(): Generator<BenchStream> {
    const step = Math.max(1, Math.floor(this.#kept.length / SAMPLES));
    for (let i = 0; i < this.#kept.length; i += step) yield this.#wrap(this.#kept[i] as object);
  }

  /** Begins a read on every stream and leaves it pending. */
  async readOnAll(): Promise<void> {
    for (let i = 0; i < this.#kept.length; i++) {
      void this.#wrap(this.#kept[i] as object).pull?.();
      if (i % 10_000 === 0) await turn();
    }
  }

  #wrap(kept: object): BenchStream {
    return this.#adapter?.wrap?.(kept) ?? (kept as BenchStream);
  }
}

async function openAll(link: BenchLink, count: number, held: Held): Promise<number> {
  const start = performance.now();
  let opened = 0;
  let done = 0;
  await new Promise<void>((resolve) => {
    const got = (): void => {
      if (++done === count) resolve();
      else next();
    };
    const use = (stream: BenchStream): void => {
      held.add(stream);
      takeOne(stream, got);
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

/** One byte more each way on some of them: that they still live is part of the claim. */
async function sample(held: Held): Promise<number> {
  let checked = 0;
  for (const stream of held.samples()) {
    void stream.write(one);
    const chunk = await stream.pull?.();
    if (chunk?.byteLength !== 1) throw new Error("an idle stream did not answer");
    checked++;
  }
  return checked;
}

/** D: streams that are open and idle, one byte each way. */
export const idle: Work = {
  serve(answers) {
    const held = new Held();
    let base = 0;
    const grown = async (): Promise<Measures> => ({ bytes: (await settledRss()) - base });
    answers["base"] = async () => {
      held.clear();
      base = await settledRss();
      return {};
    };
    answers["rss"] = grown;
    answers["streams"] = () => ({ streams: held.count });
    answers["echo-again"] = () => {
      for (const stream of held.samples()) void stream.pull?.().then(() => void stream.write(one));
      return {};
    };
    answers["read"] = async () => {
      await held.readOnAll();
      return grown();
    };
    return (stream) => {
      held.add(stream);
      takeOne(stream, () => void stream.write(one));
    };
  },
  async run(link, ask, options) {
    const count = options.idle;
    const warm = new Held();
    await openAll(link, Math.min(WARM_UP, count / 4), warm);
    for (const stream of warm.clear()) stream.end();
    await ask("base");
    const base = await settledRss();
    const bytesEach = async (): Promise<number> => ((await settledRss()) - base) / count;
    const serverBytesEach = async (question: string): Promise<number> => ((await ask(question))["bytes"] ?? NaN) / count;
    const held = new Held();
    const openSeconds = (await openAll(link, count, held)) / 1000;
    const { streams } = await ask("streams");
    if (streams !== count) throw new Error(`the server holds ${String(streams)} streams of ${String(count)}`);
    const measures: Measures = { count, openSeconds, streamsPerSecond: count / openSeconds };
    const client = await bytesEach();
    const server = await serverBytesEach("rss");
    if (!held.canPull) return { ...measures, clientPendingBytes: client, serverPendingBytes: server };
    await ask("echo-again");
    const unread: Measures = { ...measures, checked: await sample(held), clientHeldBytes: client, serverHeldBytes: server };
    if (!options.reading) return unread;
    await held.readOnAll();
    return { ...unread, clientPendingBytes: await bytesEach(), serverPendingBytes: await serverBytesEach("read") };
  },
};
