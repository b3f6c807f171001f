import { toConnection, type Connection } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { collect } from "./collect.ts";
import { journal } from "./journal.ts";

/** A writable whose sink takes a write when it is told to. */
class SlowWritable {
  readonly writes: Uint8Array[] = [];
  readonly #taken: (() => void)[] = [];
  readonly stream: WritableStream<Uint8Array> = new WritableStream<Uint8Array>({
    write: (chunk) =>
      new Promise((resolve) => {
        this.writes.push(chunk);
        this.#taken.push(resolve);
      }),
  });

  get lengths(): number[] {
    return this.writes.map(({ length }) => length);
  }

  /** Takes the oldest write that waits, and lets what follows from that happen. */
  async take(): Promise<void> {
    this.#taken.shift()?.();
    await settled();
  }
}

/** Long enough for the promises of streams, which are some way down. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await Promise.resolve();
}

/** A connection that sends into a slow writable, which holds one write from the beginning. */
async function slow(): Promise<{ writable: SlowWritable; connection: Connection; events: string[] }> {
  const writable = new SlowWritable();
  const connection = toConnection({ readable: new ReadableStream(), writable: writable.stream });
  const { events } = journal(connection);
  await settled();
  connection.send([new Uint8Array(1)]);
  await settled();
  return { writable, connection, events };
}

describe("a connection over WHATWG streams", () => {
  it("fails with ECONNRESET, and the error as its cause, when the readable fails, after what came before", async () => {
    const cause = new Error("broken");
    let pulls = 0;
    const readable = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulls += 1;
        if (pulls === 1) controller.enqueue(Uint8Array.of(1, 2));
        else controller.error(cause);
      },
    });
    const { bytes, reason } = await collect(toConnection({ readable, writable: new WritableStream() }));
    expect([...bytes]).toEqual([1, 2]);
    expect(reason).toMatchObject({ code: "ECONNRESET", cause });
  });

  it("fails when the writable fails", async () => {
    const cause = new Error("broken");
    const writable = new WritableStream<Uint8Array>({
      write: () => {
        throw cause;
      },
    });
    const connection = toConnection({ readable: new ReadableStream(), writable });
    connection.send([Uint8Array.of(1)]);
    expect((await collect(connection)).reason).toMatchObject({ code: "ECONNRESET", cause });
  });

  it("refuses a stream of something else than bytes", async () => {
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue("text" as unknown as Uint8Array);
      },
    });
    expect((await collect(toConnection({ readable, writable: new WritableStream() }))).reason).toMatchObject({ code: "EINVAL" });
  });

  it("gathers small chunks into few writes, in copies", async () => {
    const writes: Uint8Array[] = [];
    const writable = new WritableStream<Uint8Array>({
      write: (chunk) => {
        writes.push(chunk);
      },
    });
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.close();
      },
    });
    const connection = toConnection({ readable, writable });
    const chunk = Uint8Array.of(1, 2, 3);
    for (let i = 0; i < 100; i += 1) connection.send([chunk, chunk]);
    expect((await collect(connection)).reason).toBeUndefined();
    expect(writes.length).toBeLessThan(5);
    expect(writes.every(({ buffer }) => buffer !== chunk.buffer)).toBe(true);
    expect(writes.reduce((sum, { length }) => sum + length, 0)).toBe(600);
  });

  it("cancels and aborts the streams with the reason of an abort", async () => {
    const reason = new Error("enough");
    const heard: unknown[] = [];
    const readable = new ReadableStream<Uint8Array>({
      cancel: (given) => {
        heard.push(given);
      },
    });
    const writable = new WritableStream<Uint8Array>({
      abort: (given) => {
        heard.push(given);
      },
    });
    const connection = toConnection({ readable, writable });
    const collected = collect(connection);
    connection.abort(reason);
    expect((await collected).reason).toBe(reason);
    expect(heard).toEqual([reason, reason]);
    expect(readable.locked || writable.locked).toBe(false);
  });

  it("tells what failed, and how", async () => {
    for (const [error, words] of [[new Error("pulled out"), "a stream of the pair failed: pulled out"], ["gone", "a stream of the pair failed: gone"]] as const) {
      const readable = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.error(error);
        },
      });
      const { reason } = await collect(toConnection({ readable, writable: new WritableStream() }));
      expect(reason).toMatchObject({ code: "ECONNRESET", message: `ECONNRESET: ${words}`, cause: error });
    }
  });

  it("names the type of what came instead of bytes", async () => {
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(7 as unknown as Uint8Array);
      },
    });
    const { reason } = await collect(toConnection({ readable, writable: new WritableStream() }));
    expect(reason).toMatchObject({ code: "EINVAL", message: "EINVAL: the readable gives number, not Uint8Array" });
  });

  it("fails when the writable does not end in order", async () => {
    const cause = new Error("not flushed");
    const writable = new WritableStream<Uint8Array>({
      close: () => {
        throw cause;
      },
    });
    const connection = toConnection({ readable: new ReadableStream(), writable });
    const collected = collect(connection);
    connection.close();
    expect((await collected).reason).toMatchObject({ code: "ECONNRESET", cause });
  });

  it("fails at once, on its own end, over a writable that had ended", async () => {
    const writable = new WritableStream<Uint8Array>();
    await writable.close();
    const connection = toConnection({ readable: new ReadableStream(), writable });
    const collected = collect(connection);
    connection.close();
    expect((await collected).reason).toMatchObject({ code: "ECONNRESET" });
  });

  it("leaves empty chunks out, in both directions", async () => {
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const length of [0, 2, 0]) controller.enqueue(new Uint8Array(length));
      },
    });
    const writable = new SlowWritable();
    const connection = toConnection({ readable, writable: writable.stream });
    const { events } = journal(connection);
    connection.send([new Uint8Array(0)]);
    connection.send([]);
    await settled();
    expect(events).toEqual(["data 2"]);
    expect(writable.lengths).toEqual([]);
    connection.abort();
  });

  it("holds back what the stream has no room for, and gathers that into one write", async () => {
    const { writable, connection } = await slow();
    for (const length of [10, 20, 30]) connection.send([new Uint8Array(length)]);
    expect(writable.lengths).toEqual([1]);
    await writable.take();
    expect(writable.lengths).toEqual([1, 60]);
    connection.abort();
  });

  it.each([
    [[32_768, 32_768, 1], [65_536, 1]],
    [[32_768, 32_769], [32_768, 32_769]],
    [[30_000, 30_000, 30_000], [60_000, 30_000]],
    [[100_000, 10], [100_000, 10]],
  ])("gathers chunks of %o bytes into writes of %o: 64 KiB, or one chunk", async (chunks, writes) => {
    const { writable, connection } = await slow();
    connection.send(chunks.map((length) => new Uint8Array(length)));
    for (let i = 0; i < 4; i += 1) await writable.take();
    expect(writable.lengths).toEqual([1, ...writes]);
    connection.abort();
  });

  it("returns false from send above 128 KiB, and drains once the stream has taken all", async () => {
    const { writable, connection, events } = await slow();
    expect(connection.send([new Uint8Array(65_536), new Uint8Array(65_535)])).toBe(true);
    expect(connection.send([new Uint8Array(1)])).toBe(false);
    await writable.take();
    await writable.take();
    expect(events).toEqual([]);
    await writable.take();
    expect(events).toEqual(["drain"]);
    connection.send([new Uint8Array(1)]);
    await writable.take();
    expect(events).toEqual(["drain"]);
    connection.abort();
  });

  it("flushes what waits before it ends, and drops it when it aborts", async () => {
    for (const ends of ["close", "abort"] as const) {
      const { writable, connection } = await slow();
      connection.send([new Uint8Array(10)]);
      connection[ends]();
      connection.send([new Uint8Array(100)]);
      await writable.take();
      await writable.take();
      expect(writable.lengths).toEqual(ends === "close" ? [1, 10] : [1]);
      connection.abort();
    }
  });
});
