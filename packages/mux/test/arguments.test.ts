import { Session, type SessionOptions, type Stream, type StreamSink } from "@astranet/mux";
import { AstraError, MemoryTransport, memoryPair, type Transport } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { SessionPair } from "./support/session-pair.ts";

/** What a program without types may pass. */
const notBytes: readonly [unknown, string][] = [
  ["hällo", "a string"],
  [5, "5"],
  [undefined, "undefined"],
  [null, "null"],
  [new ArrayBuffer(10), "ArrayBuffer"],
  [new Uint16Array(10), "Uint16Array"],
  [{}, "Object"],
];

function codeIn(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return AstraError.is(error, "EINVAL") ? error.message : String(error);
  }
  return "nothing was thrown";
}

describe("bytes", () => {
  for (const [value, word] of notBytes) {
    it(`are not ${word}: write, tryWrite, end and header say so, and take nothing`, async () => {
      const pair = new SessionPair();
      const stream: Stream = pair.client.open();
      const chunk = value as Uint8Array;
      const error: unknown = await stream.write(chunk).catch((reason: unknown) => reason);
      expect(codeIn(error)).toBe("EINVAL");
      expect((error as Error).message).toContain(word);
      expect(messageOf(() => stream.tryWrite(chunk))).toContain(word);
      if (value !== undefined) {
        expect(codeIn(await stream.end(chunk).catch((reason: unknown) => reason))).toBe("EINVAL");
        expect(messageOf(() => pair.client.open({ header: chunk }))).toContain(word);
      }
      expect(stream.writableLength).toBe(0);
      await stream.write(Uint8Array.of(1));
      await pair.settle();
      expect((await pair.server.accept()).tryRead()).toEqual(Uint8Array.of(1));
    });
  }

  it("are not an array with something else in it", async () => {
    const stream = new SessionPair().client.open();
    const error: unknown = await stream.write([Uint8Array.of(1), "x" as unknown as Uint8Array]).catch((reason: unknown) => reason);
    expect(codeIn(error)).toBe("EINVAL");
    expect(stream.writableLength).toBe(0);
  });
});

describe("a session", () => {
  it("says what it needs where it got something else", () => {
    const [a] = memoryPair();
    const options: SessionOptions = { role: "client" };
    expect(messageOf(() => new Session(undefined as never, options))).toContain("toConnection");
    expect(messageOf(() => new Session({} as never, options))).toContain("toConnection");
    expect(messageOf(() => new Session(a, undefined as never))).toContain("role");
    expect(messageOf(() => new Session(a, { role: "client", keepAlive: 5 as never }))).toContain("keepAlive");
    expect(messageOf(() => new Session(a, { role: "client", keepAlive: true as never }))).toContain("keepAlive");
  });

  it("is not dialled with a network in the transport's place", async () => {
    const error: unknown = await Session.dial("memory" as unknown as Transport, "memory", "a").catch((reason: unknown) => reason);
    expect(codeIn(error)).toBe("EINVAL");
    expect(codeIn(await Session.dial(new MemoryTransport(), "memory", "nobody").catch((reason: unknown) => reason))).toBe("ECONNREFUSED");
  });
});

describe("a stream", () => {
  it("takes no sink without data, end and reset, and is not attached by the try", () => {
    const stream = new SessionPair().client.open();
    expect(messageOf(() => {
      stream.attach({} as StreamSink);
    })).toContain("data");
    expect(messageOf(() => {
      stream.attach({ data: () => undefined, end: () => undefined } as unknown as StreamSink);
    })).toContain("reset");
    expect(stream.tryRead()).toBeUndefined();
  });

  it("takes no deadline that is no number", () => {
    const stream = new SessionPair().client.open();
    expect(messageOf(() => {
      stream.setReadDeadline(NaN);
    })).toContain("NaN");
    expect(messageOf(() => {
      stream.setWriteDeadline("5" as unknown as number);
    })).toContain("5");
  });
});
