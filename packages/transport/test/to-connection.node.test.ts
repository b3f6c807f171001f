import { PassThrough, Readable, Writable, duplexPair } from "node:stream";
import { AstraError, memoryPair } from "@astranet/transport";
import { mapError, toConnection, type NodePipe } from "@astranet/transport/node";
import { describe, expect, it } from "vitest";
import { collect } from "./collect.ts";

describe("toConnection of @astranet/transport/node", () => {
  it("takes what the portable one takes", () => {
    const [a] = memoryPair();
    expect(toConnection(a)).toBe(a);
    toConnection({ readable: new ReadableStream<Uint8Array>(), writable: new WritableStream<Uint8Array>() }).abort();
    toConnection(new MessageChannel().port1).abort();
  });

  it.each([
    [{}, "an object with nothing in it"],
    [new Readable(), "a Readable"],
    [new Writable(), "a Writable"],
    [{ readable: new PassThrough() }, "an object with readable"],
    [{ readable: null, writable: null }, "an object with readable, writable"],
    [{ readable: "in", writable: "out" }, "an object with readable, writable"],
    ["/dev/ttyS0", "a string"],
    [null, "null"],
    [undefined, "undefined"],
  ])("refuses %o with EINVAL that names it", (given, name) => {
    const attempt = (): unknown => toConnection(given as unknown as NodePipe);
    expect(attempt).toThrow(AstraError);
    expect(attempt).toThrow(`EINVAL: cannot make a connection of ${name}`);
  });

  it("refuses streams of objects or of text, and says which", () => {
    expect(() => toConnection(new PassThrough({ objectMode: true }))).toThrow("EINVAL: the stream gives objects (objectMode), not bytes");
    expect(() => toConnection(new PassThrough({ encoding: "utf8" }))).toThrow("EINVAL: the stream gives text (encoding utf8), not bytes");
  });

  describe("takes streams that are none of Node's own classes", () => {
    const readableMethods = ["on", "pipe", "resume", "destroy"];
    const writableMethods = ["on", "write", "end", "cork", "destroy"];
    /** Has these methods of a stream, and nothing else of it. */
    const foreign = (methods: readonly string[], without?: string): object => {
      const stream = new PassThrough();
      const bound = (name: string): unknown => (stream[name as "on"] as (...given: unknown[]) => unknown).bind(stream);
      return Object.fromEntries(methods.filter((name) => name !== without).map((name) => [name, bound(name)]));
    };

    it("by their methods", () => {
      const connection = toConnection({ readable: foreign(readableMethods), writable: foreign(writableMethods) } as NodePipe);
      expect(connection.localAddress).toBe("streams");
      connection.abort();
    });

    it.each(readableMethods)("and refuses a readable without %s", (without) => {
      expect(() => toConnection({ readable: foreign(readableMethods, without), writable: new PassThrough() } as NodePipe)).toThrow("EINVAL");
    });

    it.each(writableMethods)("and refuses a writable without %s", (without) => {
      expect(() => toConnection({ readable: new PassThrough(), writable: foreign(writableMethods, without) } as NodePipe)).toThrow("EINVAL");
    });
  });
});

describe("a connection over a Duplex", () => {
  it("delivers plain Uint8Arrays, whose slice() copies", async () => {
    const [a, b] = duplexPair();
    const collected = collect(toConnection(a));
    b.resume().end(Buffer.from("hello"));
    const { chunks } = await collected;
    expect(chunks.map(({ constructor }) => constructor)).toEqual([Uint8Array]);
  });

  it("fails with ECONNRESET where the stream closes without an end", async () => {
    const [a] = duplexPair();
    const collected = collect(toConnection(a));
    a.destroy();
    expect((await collected).reason).toMatchObject({ code: "ECONNRESET" });
  });

  it("fails with ECONNRESET over a stream that is destroyed already", async () => {
    const [a] = duplexPair();
    a.destroy();
    expect((await collect(toConnection(a))).reason).toMatchObject({ code: "ECONNRESET" });
  });

  it("fails with the code of the stream's error, and that as its cause", async () => {
    const cause = Object.assign(new Error("pulled out"), { code: "ETIMEDOUT" });
    const [a] = duplexPair();
    const collected = collect(toConnection(a));
    a.destroy(cause);
    const { reason } = await collected;
    expect(reason).toMatchObject({ code: "ETIMEDOUT" });
    expect((reason as AstraError).cause).toBe(cause);
  });

  it("survives errors that come after its end", async () => {
    const [a] = duplexPair();
    const connection = toConnection(a);
    const collected = collect(connection);
    connection.abort();
    await collected;
    a.emit("error", new Error("late"));
  });

  it("destroys both streams of a pair when it is aborted", async () => {
    const readable = new PassThrough();
    const writable = new Writable({ write: () => undefined });
    const connection = toConnection({ readable, writable });
    const collected = collect(connection);
    connection.send([new Uint8Array(10)]);
    connection.abort();
    await collected;
    expect([readable.destroyed, writable.destroyed]).toEqual([true, true]);
  });

  it("copies what is sent into streams that may keep it, and gathers it into one write", async () => {
    const writes: Uint8Array[] = [];
    const [a] = duplexPair();
    a._write = (chunk: Uint8Array, _encoding, done): void => {
      writes.push(chunk);
      done();
    };
    const chunk = Uint8Array.of(1, 2);
    toConnection(a).send([chunk, chunk]);
    expect(writes.map((bytes) => [...bytes])).toEqual([[1, 2, 1, 2]]);
    await Promise.resolve();
  });
});

describe("mapError", () => {
  it.each([
    ["ECONNREFUSED", "ECONNREFUSED"],
    ["ENETUNREACH", "EHOSTUNREACH"],
    ["EHOSTUNREACH", "EHOSTUNREACH"],
    ["ETIMEDOUT", "ETIMEDOUT"],
    ["EPERM", "EACCES"],
    ["EADDRNOTAVAIL", "EINVAL"],
    ["EADDRINUSE", "EADDRINUSE"],
    ["EAI_AGAIN", "ENOTFOUND"],
    ["EMFILE", "ERR_ASTRANET_OVERLOAD"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_ASTRANET_HANDSHAKE"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "ERR_ASTRANET_HANDSHAKE"],
    ["ERR_SOCKET_BAD_PORT", "ECONNRESET"],
    ["NO_ERR_TLS_AT_ALL", "ECONNRESET"],
    ["constructor", "ECONNRESET"],
    ["EWHATEVER", "ECONNRESET"],
  ])("maps %s to %s", (code, mapped) => {
    const cause = Object.assign(new Error("what Node says"), { code });
    const error = mapError(cause);
    expect(error.code).toBe(mapped);
    expect(error.message).toBe(`${mapped}: what Node says`);
    expect(error.cause).toBe(cause);
  });

  it("leaves an AstraError as it is, and takes the given code where there is none", () => {
    const error = new AstraError("EPIPE", "x");
    expect(mapError(error)).toBe(error);
    expect(mapError("text", "ERR_ASTRANET_HANDSHAKE")).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", cause: "text" });
    expect(mapError(undefined).code).toBe("ECONNRESET");
  });

  it("takes code and message of the last of several errors, and all of them as its cause", () => {
    const errors = ["ENETUNREACH", "ETIMEDOUT", "ECONNREFUSED"].map((code) => Object.assign(new Error(`${code} at ::1`), { code }));
    const cause = new AggregateError(errors);
    expect(mapError(cause)).toMatchObject({ code: "ECONNREFUSED", message: "ECONNREFUSED: ECONNREFUSED at ::1", cause });
  });

  it("takes several errors of which there is none for one", () => {
    const cause = new AggregateError([], "nothing was tried");
    expect(mapError(cause)).toMatchObject({ code: "ECONNRESET", message: "ECONNRESET: nothing was tried", cause });
  });
});
