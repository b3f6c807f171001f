import { AstraError, memoryPair, toConnection, type Pipe } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { collect } from "./collect.ts";

const idle = (): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> } => ({
  readable: new ReadableStream(),
  writable: new WritableStream(),
});

describe("toConnection", () => {
  it("returns a connection as it is", () => {
    const [a] = memoryPair();
    expect(toConnection(a)).toBe(a);
  });

  it("gives the addresses that it is told", () => {
    const connection = toConnection(idle(), { localAddress: "here", remoteAddress: "there" });
    expect([connection.localAddress, connection.remoteAddress]).toEqual(["here", "there"]);
  });

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    [7, "a number"],
    ["pipe", "a string"],
    [{}, "an object with nothing in it"],
    [{ readable: new ReadableStream() }, "an object with readable"],
    [new Map(), "a Map"],
    [Object.create(null), "an object"],
    [new AbortController(), "an AbortController"],
  ])("refuses %o with EINVAL that names it", (given, name) => {
    const attempt = (): unknown => toConnection(given as Pipe);
    expect(attempt).toThrow(AstraError);
    expect(attempt).toThrow(name);
  });

  it("refuses streams that are locked", () => {
    const read = idle();
    read.readable.getReader();
    expect(() => toConnection(read)).toThrow("readable of the pair is locked");
    const written = idle();
    written.writable.getWriter();
    expect(() => toConnection(written)).toThrow("writable of the pair is locked");
  });
});

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
});

describe("a connection over a MessagePort", () => {
  it("transfers one exact buffer for each send, and leaves the sender's alone", async () => {
    const { port1, port2 } = new MessageChannel();
    const messages: unknown[] = [];
    const got = new Promise<void>((resolve) => {
      port2.onmessage = ({ data }) => {
        messages.push(data);
        if (messages.length === 2) resolve();
      };
    });
    const connection = toConnection(port1);
    const backing = new Uint8Array(100);
    connection.send([backing.subarray(10, 13), Uint8Array.of(9)]);
    connection.close();
    await got;
    expect(messages).toEqual([Uint8Array.of(0, 0, 0, 9).buffer, "end"]);
    expect(backing.length).toBe(100);
    connection.abort();
    port2.close();
  });

  it("refuses a message that is no part of it", async () => {
    const { port1, port2 } = new MessageChannel();
    const collected = collect(toConnection(port1));
    port2.postMessage({ hello: "there" });
    expect((await collected).reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
  });
});
