import { Channels, type DuplexBytes } from "@astranet/channel";
import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { begin } from "./support/peer.ts";
import { state } from "./support/state.ts";

const includes = (words: string): string => expect.stringContaining(words) as string;
const tooLong = "ü".repeat(123) + "x";

class Both implements DuplexBytes {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;

  constructor(readable: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>) {
    this.readable = readable;
    this.writable = writable;
  }
}

/** A source whose controller a test has, and what became of it. */
function source(): { readable: ReadableStream<Uint8Array>; controller: ReadableStreamDefaultController; cancelled: unknown[] } {
  const cancelled: unknown[] = [];
  let controller!: ReadableStreamDefaultController;
  const readable = new ReadableStream<Uint8Array>({ start: (it) => void (controller = it), cancel: (reason) => void cancelled.push(reason) });
  return { readable, controller, cancelled };
}

/** A sink that notes what happens to it; it takes a chunk when `free` is called. */
function sink(isSlow = false): { writable: WritableStream<Uint8Array>; controller: WritableStreamDefaultController; seen: unknown[]; free: () => void } {
  const seen: unknown[] = [];
  const waiting: (() => void)[] = [];
  let controller!: WritableStreamDefaultController;
  const writable = new WritableStream<Uint8Array>({
    start: (it) => void (controller = it),
    write: (chunk) => {
      seen.push(...chunk);
      return isSlow ? new Promise((resolve) => waiting.push(resolve)) : undefined;
    },
    close: () => void seen.push("closed"),
    abort: (reason) => void seen.push(reason),
  });
  return { writable, controller, seen, free: () => waiting.shift()?.() };
}

/** What a raw peer has of a byte stream that was sent to it, and, with its Channels, of one that it sends. */
async function handOver(end: ReadableStream | WritableStream | DuplexBytes): Promise<ReturnType<typeof begin> & { stream: Stream }> {
  const peer = begin();
  const out = peer.channels.open();
  await peer.clock.settle();
  await peer.raw.accept();
  void out.send(end);
  await peer.clock.settle();
  return { ...peer, stream: await peer.raw.accept() };
}

async function receive<T extends ReadableStream | WritableStream | DuplexBytes>(end: T): Promise<ReturnType<typeof begin> & { there: T }> {
  const peer = begin();
  void new Channels(peer.raw).open<T>().send(end);
  await peer.clock.settle();
  const there = await (await peer.channels.accept<T>()).receive();
  await peer.clock.settle();
  return { ...peer, there };
}

describe("a ReadableStream in a message", () => {
  it("that breaks is heard where it goes, with why, cut to what a reset carries", async () => {
    for (const [reason, words] of [[new Error("no power"), /: no power$/], ["just words", /: just words$/], [{ code: 7 }, /\(code 256\)$/], [new Error(tooLong), new RegExp(`: ${"ü".repeat(122)}$`)],
      [`\uFFFD${tooLong}`, new RegExp(`: \uFFFD${"ü".repeat(120)}$`)], [`${"x".repeat(241)}\uFFFD`, /xx\uFFFD$/]] as const) {
      const { readable, controller } = source();
      const { stream, clock } = await handOver(readable);
      expect([...(await stream.read())!]).toEqual([1]);
      controller.error(reason);
      await clock.settle();
      await expect(stream.read()).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 256, message: expect.stringMatching(words) as string });
    }
  });

  it.each([
    ["string", "words"],
    ["object", { bytes: 1 }],
    ["undefined", undefined],
  ])("that gives a %s breaks there, and its source hears why", async (type, chunk) => {
    const { readable, controller, cancelled } = source();
    const { stream, clock } = await handOver(readable);
    await stream.read();
    controller.enqueue(chunk);
    await clock.settle();
    const words = includes(`a byte stream in a message gave a ${type}, not a Uint8Array`);
    await expect(stream.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 256, message: words });
    expect(cancelled).toEqual([expect.objectContaining({ code: "EINVAL", message: words })]);
  });

  it("is cancelled at once when its reader reads no more, or breaks it, also while it gives nothing", async () => {
    for (const reset of [false, true]) {
      const { readable, cancelled } = source();
      const { stream, clock } = await handOver(readable);
      await stream.read();
      void stream.end();
      if (reset) stream.reset(300, "enough");
      else stream.stop();
      await clock.settle();
      expect(cancelled).toEqual([expect.objectContaining(reset ? { code: "ECONNRESET", remoteCode: 300, message: includes("enough") } : { code: "EPIPE" })]);
    }
  });

  it("ends as its source does, drops what comes back, and pays for it", async () => {
    const { readable, controller } = source();
    const { stream, clock } = await handOver(readable);
    await stream.read();
    void stream.write(new Uint8Array(1_000_000));
    await clock.advance(1000);
    expect(stream.writableLength).toBe(0);
    void stream.end();
    controller.enqueue(Uint8Array.of(7));
    controller.close();
    await clock.settle();
    expect([await stream.read(), await stream.read()]).toEqual([Uint8Array.of(7), null]);
    await stream.closed;
  });

  it("arrives as the chunks that came, none of them empty; is told to its peer when it is cancelled, and what waits is paid for", async () => {
    const { readable, controller, cancelled } = source();
    const { there, channels, clock } = await receive(readable);
    const reader = there.getReader();
    controller.enqueue(Uint8Array.of(1, 2));
    await clock.settle();
    expect(await reader.read()).toEqual({ done: false, value: Uint8Array.of(1, 2) });
    controller.enqueue(new Uint8Array(100_000));
    await clock.settle();
    expect(channels.session.stats().unreadBytes).toBe(100_000);
    await reader.cancel();
    await clock.settle();
    expect([cancelled, channels.session.stats().unreadBytes]).toEqual([[expect.objectContaining({ code: "EPIPE" })], 0]);
  });

  it("that breaks with nobody reading yet, or with somebody waiting, is broken there", async () => {
    for (const waits of [false, true]) {
      const { readable, controller } = source();
      const { there, clock } = await receive(readable);
      const reader = there.getReader();
      const read = waits ? reader.read() : undefined;
      for (const each of [read, reader.closed]) each?.catch(() => undefined);
      await clock.settle();
      controller.error(new Error("no power"));
      await clock.settle();
      await expect(read ?? reader.read()).rejects.toMatchObject({ code: "ECONNRESET", message: includes("no power") });
      await expect(reader.closed).rejects.toMatchObject({ code: "ECONNRESET" });
    }
  });
});

describe("a WritableStream in a message", () => {
  it("that breaks stops its writer, who hears EPIPE also while he waits", async () => {
    const { writable, controller } = sink();
    const { there, clock } = await receive(writable);
    const writer = there.getWriter();
    await writer.write(Uint8Array.of(1));
    await clock.settle();
    expect(await state(writer.closed)).toBe("pending");
    controller.error(new Error("disk full"));
    await clock.settle();
    const gone = { code: "EPIPE", message: includes("the peer stopped reading") };
    await expect(writer.closed).rejects.toMatchObject(gone);
    await expect(writer.write(Uint8Array.of(2))).rejects.toMatchObject(gone);
  });

  it("is aborted when its writer aborts it, with his words, and when his session dies", async () => {
    for (const dies of [false, true]) {
      const { writable, seen } = sink();
      const { there, clock, channels } = await receive(writable);
      const writer = there.getWriter();
      await writer.write(Uint8Array.of(1));
      await clock.settle();
      writer.closed.catch(() => undefined);
      if (dies) channels.session.abort();
      else void writer.abort(new AstraError("ERR_ASTRANET_PROTOCOL", "no sense in it"));
      await clock.settle();
      expect(seen).toEqual([1, expect.objectContaining(dies ? { code: "ECONNRESET" } : { code: "ECONNRESET", remoteCode: 257, message: includes("no sense in it") })]);
      if (dies) await expect(writer.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    }
  });

  it("holds up its writer while its sink is slow, takes all that came, and is closed when that is done, also where the session has died by then", async () => {
    const { writable, seen, free } = sink(true);
    const { stream, raw, clock } = await handOver(writable);
    await stream.read();
    for (let n = 0; n < 3; n += 1) {
      void stream.write(new Uint8Array(400_000));
      await clock.settle();
    }
    await clock.advance(100);
    expect(stream.writableLength).toBeGreaterThan(0);
    while (stream.writableLength > 0) {
      free();
      await clock.advance(100);
    }
    void stream.end();
    await clock.settle();
    expect(seen).not.toContain("closed");
    raw.abort();
    await clock.settle();
    for (let n = 0; n < 1000; n += 1) {
      free();
      await Promise.resolve();
    }
    await clock.settle();
    expect([seen.length, seen.at(-1)]).toEqual([1_200_001, "closed"]);
  });
});

describe("a pair of byte streams in a message", () => {
  it("has two directions of which each ends for itself, also where nothing passes: one that is cancelled or aborted by its peer leaves the other one", async () => {
    for (const how of ["cancels", "aborts"]) {
      const [{ readable, controller, cancelled }, { writable, seen }] = [source(), sink()];
      const { there, clock } = await receive(new Both(readable, writable));
      const [reader, writer] = [there.readable.getReader(), there.writable.getWriter()];
      await writer.write(Uint8Array.of(1));
      await clock.settle();
      if (how === "cancels") void reader.cancel();
      else void writer.abort(new Error("enough"));
      await clock.settle();
      if (how === "cancels") {
        expect(cancelled).toEqual([expect.objectContaining({ code: "EPIPE" })]);
        await writer.write(Uint8Array.of(2));
        await writer.close();
        await clock.settle();
        expect(seen).toEqual([1, 2, "closed"]);
      } else {
        expect(seen).toEqual([1, expect.objectContaining({ code: "ECONNRESET", message: expect.stringContaining("enough") as string })]);
        controller.enqueue(Uint8Array.of(7));
        await clock.settle();
        expect((await reader.read()).value).toEqual(Uint8Array.of(7));
        controller.close();
        await clock.settle();
        expect((await reader.read()).done).toBe(true);
      }
    }
  });

  it("tells its writer when that direction's sink takes no more, also while he writes nothing", async () => {
    const [{ readable, controller }, { writable, controller: taker }] = [source(), sink()];
    const { there, clock } = await receive(new Both(readable, writable));
    const { closed } = there.writable.getWriter();
    taker.error(new Error("disk full"));
    await clock.settle();
    expect(await state(closed)).toBe("rejected");
    await expect(closed).rejects.toMatchObject({ code: "EPIPE" });
    controller.enqueue(Uint8Array.of(7));
    await clock.settle();
    expect((await there.readable.getReader().read()).value).toEqual(Uint8Array.of(7));
  });

  it("has two directions of which each breaks for itself: a source that fails, or a sink, leaves the other one", async () => {
    for (const what of ["source", "sink"]) {
      const [{ readable, controller, cancelled }, { writable, seen, controller: taker }] = [source(), sink()];
      const { there, clock } = await receive(new Both(readable, writable));
      const [reader, writer] = [there.readable.getReader(), there.writable.getWriter()];
      await writer.write(Uint8Array.of(1));
      await clock.settle();
      if (what === "source") controller.error(new Error("no power"));
      else taker.error(new Error("disk full"));
      await clock.settle();
      if (what === "source") {
        await expect(reader.read()).rejects.toMatchObject({ code: "ECONNRESET", message: expect.stringContaining("no power") as string });
        await writer.write(Uint8Array.of(2));
        await writer.close();
        await clock.settle();
        expect(seen).toEqual([1, 2, "closed"]);
      } else {
        await expect(writer.write(Uint8Array.of(2))).rejects.toMatchObject({ code: "EPIPE" });
        controller.enqueue(Uint8Array.of(7));
        await clock.settle();
        expect((await reader.read()).value).toEqual(Uint8Array.of(7));
        expect(cancelled).toEqual([]);
      }
    }
  });

  it("gives what came before its end, also where the rest breaks afterwards", async () => {
    const [{ readable, controller }, { writable }] = [source(), sink()];
    const { there, raw, clock } = await receive(new Both(readable, writable));
    controller.enqueue(Uint8Array.of(7));
    controller.close();
    await clock.settle();
    raw.abort();
    await clock.settle();
    const reader = there.readable.getReader();
    expect([(await reader.read()).value, (await reader.read()).done]).toEqual([Uint8Array.of(7), true]);
    await expect(there.writable.getWriter().closed).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});
