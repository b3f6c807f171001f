import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { encode } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { isNodeId } from "@astranet/router";
import { ControlReader, encodeControl, maxControlBytes, type ControlMessage } from "../src/link/control-codec.ts";
import { refusalError, refuseMessage } from "../src/link/control-stream.ts";
import { helloMessage, parseHello, type Hello } from "../src/link/hello.ts";
import { decodeDialHeader, encodeDialHeader, type DialHeader } from "../src/ports/dial-header.ts";
import { nodeIdFromBytes, nodeIdToBytes } from "../src/node-id.ts";

const id = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(nodeIdFromBytes).filter(isNodeId);
const text = fc.string({ maxLength: 40 });
const port = fc.integer({ min: 1, max: 0xff_ff_ff_ff });

const hello: fc.Arbitrary<Hello> = fc.record({
  protoMin: fc.constant(1),
  protoMax: fc.integer({ min: 1, max: 255 }),
  id,
  key: fc.uint8Array({ maxLength: 64 }),
  instance: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  incarnation: fc.bigInt({ min: 0n, max: 2n ** 63n }),
  nonce: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  role: fc.constantFrom("auto", "peer", "client", "server", "router"),
  idleTimeoutMs: fc.integer({ min: 1, max: 1_000_000 }),
  features: fc.integer({ min: 0, max: 0xff_ff_ff_ff }),
  listens: fc.array(text, { maxLength: 8 }),
  observed: text,
  dialled: text,
});

const header: fc.Arbitrary<DialHeader> = fc.record({
  port,
  service: fc.option(fc.string({ minLength: 1, maxLength: 100 }), { nil: undefined }),
  env: text,
  from: fc.record({ id, port }),
  trace: fc.option(text, { nil: undefined }),
});

/** Feeds bytes in pieces of the given sizes, over and over. */
function read(bytes: Uint8Array, sizes: readonly number[]): ControlMessage[] {
  const reader = new ControlReader();
  const messages: ControlMessage[] = [];
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length]!;
    messages.push(...reader.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return messages;
}

describe("control messages", () => {
  const message = fc.record({ t: fc.string(), a: fc.integer(), b: fc.uint8Array({ maxLength: 200 }), c: fc.string() });

  it("come back however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }), (messages, sizes) => {
        const bytes = Uint8Array.from(messages.flatMap((each) => [...encodeControl(each)]));
        expect(read(bytes, sizes)).toEqual(messages);
      }),
    );
  });

  it("that are malformed give a typed error, and never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          read(Uint8Array.of(0, 0, 0, bytes.length, ...bytes), [7]);
        } catch (error) {
          expect(AstraError.is(error, "ERR_ASTRANET_PROTOCOL")).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("longer than 64 KiB are refused at their length, before anything is kept, and are not sent either", () => {
    const reader = new ControlReader();
    expect(() => [...reader.push(Uint8Array.of(0, 1, 0, 1))]).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
    expect(() => encodeControl({ t: "big", b: new Uint8Array(maxControlBytes) })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("cannot ask for much memory with few bytes", () => {
    const reader = new ControlReader();
    const bomb = [0x81, 0xa1, 0x74, 0xdd, 0x01, 0xff, 0xff, 0xff];
    expect(() => [...reader.push(Uint8Array.of(0, 0, 0, bomb.length, ...bomb))]).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
  });
});

describe("HELLO", () => {
  it("comes back as it was, and ignores fields that it does not know", () => {
    fc.assert(
      fc.property(hello, (each) => {
        const [message] = read(encodeControl({ ...helloMessage(each), later: [1, 2, 3] }), [9]);
        expect(parseHello(message!)).toEqual(each);
      }),
    );
  });

  it("is refused when a field is missing or of another kind", () => {
    fc.assert(
      fc.property(hello, fc.constantFrom("min", "max", "id", "key", "inst", "inc", "nonce", "idle"), fc.constantFrom(undefined, null, -1, 2 ** 40, "x", true), (each, field, wrong) => {
        expect(() => parseHello({ ...helloMessage(each), [field]: wrong })).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
      }),
    );
  });

  it("takes a role that it does not know for a peer", () => {
    const [sample] = fc.sample(hello, 1);
    expect(parseHello({ ...helloMessage(sample!), role: "overlord" }).role).toBe("peer");
  });

  it("is refused, in words, where no version is common", () => {
    const [sample] = fc.sample(hello, 1);
    for (const [min, max] of [[2, 9], [0, 0]] as const) {
      expect(() => parseHello({ ...helloMessage(sample!), min, max })).toThrow(
        expect.objectContaining({ code: "ERR_ASTRANET_HANDSHAKE", message: `ERR_ASTRANET_HANDSHAKE: the other end speaks versions ${min} to ${max} of the node protocol, we speak 1` }),
      );
    }
  });

  it("is refused with an id without a letter, or an incarnation beyond 2^63", () => {
    const [sample] = fc.sample(hello, 1);
    const message = helloMessage(sample!);
    const malformed = expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }) as Error;
    expect(() => parseHello({ ...message, id: new Uint8Array(8) })).toThrow(malformed);
    expect(() => parseHello({ ...message, inc: Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 1) })).toThrow(malformed);
    expect(() => parseHello({ ...message, listen: [1] })).toThrow(malformed);
    expect(() => parseHello({ ...message, seen: "x".repeat(513) })).toThrow(malformed);
  });
});

describe("refusals", () => {
  it("bring code and words across, but no code that is not about links", () => {
    const error = new AstraError("ERR_ASTRANET_ID_CONFLICT", "somebody has that id");
    expect(refusalError(refuseMessage(error))).toMatchObject({ code: "ERR_ASTRANET_ID_CONFLICT", retryable: false, message: expect.stringContaining("somebody has that id") as string });
    expect(refusalError(refuseMessage(new Error("odd")))).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
    expect(refusalError({ t: "refuse", code: "EADDRINUSE", text: 7, retry: true })).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: true });
  });
});

describe("a dial's header", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(header, (each) => {
        expect(decodeDialHeader(encodeDialHeader(each))).toEqual(each);
      }),
    );
  });

  it("fits into what every session takes from the start", () => {
    const longest = { port: 2 ** 32 - 1, service: "x".repeat(253), env: "", from: { id: "a".repeat(16), port: 2 ** 32 - 1 }, trace: "t".repeat(512) };
    expect(encodeDialHeader(longest).length).toBeLessThanOrEqual(1024);
  });

  it("that is malformed gives a typed error, and never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(() => decodeDialHeader(bytes)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
      }),
    );
    const from = { i: nodeIdToBytes("a".repeat(16)), p: 1 };
    for (const wrong of [
      {},
      { f: from },
      { p: 0, f: from },
      { p: 80 },
      { p: -1, f: from },
      { p: 80, f: { i: new Uint8Array(7), p: 1 } },
      { p: 80, f: { ...from, p: 2 ** 32 } },
      { p: 80, s: "", f: from },
      { p: 80, s: "x".repeat(256), f: from },
      { p: 80, e: 5, f: from },
      { p: 80, t: "x".repeat(513), f: from },
      [1],
      7,
    ]) {
      expect(() => decodeDialHeader(encode(wrong))).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
    }
  });
});
