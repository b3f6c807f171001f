import { memoryPair, toConnection, type Pipe } from "@astranet/transport";
import { describe, expect, it } from "vitest";

const idle = (): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> } => ({
  readable: new ReadableStream(),
  writable: new WritableStream(),
});

const noop = (): void => undefined;

/** The error that a call throws. */
function refusal(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("it threw nothing");
}

describe("toConnection", () => {
  it("returns a connection as it is", () => {
    const [a] = memoryPair();
    expect(toConnection(a)).toBe(a);
  });

  it("takes the kind of pipe for addresses that it is not told", () => {
    const { port1, port2 } = new MessageChannel();
    for (const [connection, kind] of [[toConnection(idle()), "streams"], [toConnection(port1), "port"]] as const) {
      expect([connection.localAddress, connection.remoteAddress]).toEqual([kind, kind]);
      connection.abort();
    }
    port2.close();
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
    [Object.create({ constructor: { name: "" } }), "an object"],
    [{ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 }, "an object with a, b, c, d, e"],
    // Without `bufferedAmount` there would be no backpressure.
    [{ send: noop, close: noop, addEventListener: noop }, "an object with send, close, addEventListener"],
    [{ postMessage: noop, start: noop, close: noop }, "an object with postMessage, start, close"],
  ])("refuses %o with EINVAL that names it", (given, name) => {
    expect(refusal(() => toConnection(given as Pipe))).toMatchObject({ code: "EINVAL", message: `EINVAL: cannot make a connection of ${name}` });
  });

  it("refuses streams that are locked", () => {
    const read = idle();
    read.readable.getReader();
    expect(refusal(() => toConnection(read))).toMatchObject({ code: "EINVAL", message: expect.stringContaining("readable of the pair is locked") as string });
    const written = idle();
    written.writable.getWriter();
    expect(refusal(() => toConnection(written))).toMatchObject({ code: "EINVAL", message: expect.stringContaining("writable of the pair is locked") as string });
  });
});
