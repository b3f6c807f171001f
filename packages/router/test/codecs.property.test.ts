import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { encode } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { isNodeId } from "@astranet/router";
import { ControlReader, encodeControl, maxControlBytes, type ControlMessage } from "../src/link/control-codec.ts";
import { refusalError, refuseMessage } from "../src/link/control-stream.ts";
import { helloMessage, parseHello, sameBytes, type Hello } from "../src/link/hello.ts";
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

  it("may be 65,536 bytes long, and not one more", () => {
    const most = maxControlBytes - encodeControl({ t: "big", b: new Uint8Array(60_000) }).length + 4 + 60_000;
    const longest = { t: "big", b: new Uint8Array(most) };
    expect(read(encodeControl(longest), [maxControlBytes])).toEqual([longest]);
    expect(() => encodeControl({ ...longest, b: new Uint8Array(most + 1) })).toThrow(expect.objectContaining({ code: "EINVAL", message: "EINVAL: a control message of 65537 bytes is longer than 65536" }));
    expect(() => read(Uint8Array.of(0, 1, 0, 1), [4])).toThrow("ERR_ASTRANET_PROTOCOL: a control message is malformed: it announces 65537 bytes, 65536 are allowed");
  });

  it.each([[[7]], [[0xc0]], [[0x80]], [[0x81, 0xa1, 0x74, 5]], [[0xa1, 0x74]], [[0x90]]])("that are no map with a type say so: %j", (body) => {
    expect(() => read(Uint8Array.of(0, 0, 0, body.length, ...body), [9])).toThrow("ERR_ASTRANET_PROTOCOL: a control message is malformed: it has no type");
  });

  it("that are no msgpack say what is wrong with them", () => {
    expect(() => read(Uint8Array.of(0, 0, 0, 1, 0xc1), [9])).toThrow(/^ERR_ASTRANET_PROTOCOL: a control message is malformed: (?!it has no type)./);
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

  const sample = (): ControlMessage => helloMessage(fc.sample(hello, 1)[0]!);
  const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(0xab);

  it.each<[string, Record<string, unknown[]>]>([
    ["its versions", { min: [-1, 0.5, 256, "1", 3], max: [0, 1.5, 256, "9", undefined] }],
    ["its node id", { id: [bytes(7), bytes(9), "a".repeat(8)] }],
    ["its key", { key: [bytes(65), "key"] }],
    ["its instance", { inst: [bytes(0), bytes(65)] }],
    ["its incarnation", { inc: [bytes(7), bytes(9), 5] }],
    ["its incarnation, which is beyond 2^63", { inc: [Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 1)] }],
    ["its nonce", { nonce: [bytes(7), bytes(65)] }],
    ["its idle timeout or features", { idle: [2 ** 32, -1, 1.5, Number.NaN], feat: [2 ** 32, -1, 1.5, "0", null] }],
    ["its addresses", { listen: ["tcp :80", ["x", 1], ["x".repeat(513)], [bytes(3)]], seen: ["x".repeat(513), bytes(3), null], dialled: ["x".repeat(513), bytes(3), 7] }],
  ])("is refused for %s", (words, wrong) => {
    for (const [field, values] of Object.entries(wrong)) {
      for (const value of values) {
        expect(() => parseHello({ ...sample(), min: 1, max: 1, [field]: value }), field).toThrow(
          expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL", message: `ERR_ASTRANET_PROTOCOL: the other end's HELLO is malformed: ${words}` }),
        );
      }
    }
  });

  it("may go to its limits, and leave out what it may leave out", () => {
    const longest = "x".repeat(512);
    const limits = { min: 0, max: 255, key: bytes(64), inst: bytes(64), nonce: bytes(64), inc: Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0), idle: 0xff_ff_ff_ff, feat: 0xff_ff_ff_ff };
    expect(parseHello({ ...sample(), ...limits, listen: Array.from({ length: 12 }, () => longest), seen: longest, dialled: longest })).toMatchObject({
      protoMin: 0,
      protoMax: 255,
      incarnation: 2n ** 63n,
      idleTimeoutMs: 0xff_ff_ff_ff,
      features: 0xff_ff_ff_ff,
      listens: Array.from({ length: 8 }, () => longest),
      observed: longest,
      dialled: longest,
    });
    const least = { ...sample(), key: bytes(0), inst: bytes(1), nonce: bytes(8), inc: bytes(8).fill(0), idle: 0 };
    expect(parseHello({ ...least, feat: undefined, listen: undefined, seen: undefined, dialled: undefined })).toMatchObject({ features: 0, listens: [], observed: "", dialled: "", idleTimeoutMs: 0, incarnation: 0n });
  });

  it("is written so that it can be read, whatever there is to say, with the first eight addresses that are not too long", () => {
    const [long, most] = ["y".repeat(513), "x".repeat(512)];
    const [each] = fc.sample(hello, 1);
    const listens = ["a", long, most, "d", "e", "f", "g", "h", "i", "j"];
    const message = helloMessage({ ...each!, listens, observed: long, dialled: long });
    expect(message).toMatchObject({ listen: ["a", most, "d", "e", "f", "g", "h", "i"], seen: "y".repeat(512), dialled: "y".repeat(512) });
    expect(parseHello(message)).toMatchObject({ listens: message["listen"] as string[] });
  });

  it("has a key that is another's only where every byte is", () => {
    const equal = (a: number[], b: number[]): boolean => sameBytes(Uint8Array.from(a), Uint8Array.from(b));
    expect([equal([], []), equal([1, 2], [1, 2])]).toEqual([true, true]);
    expect([equal([1, 2], [1, 2, 3]), equal([1, 2, 3], [1, 2]), equal([1, 2], [1, 3]), equal([1, 2], [3, 2]), equal([], [0])]).not.toContain(true);
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
    expect(refusalError({ t: "refuse", code: "EADDRINUSE", text: 7, retry: true })).toMatchObject({
      code: "ERR_ASTRANET_HANDSHAKE",
      retryable: true,
      message: "ERR_ASTRANET_HANDSHAKE: the other end refused the link: no reason was given",
    });
    expect(refuseMessage(error)).toEqual({ t: "refuse", code: "ERR_ASTRANET_ID_CONFLICT", text: "somebody has that id", retry: false });
    expect(refuseMessage(new AstraError("EADDRINUSE", "odd", { retryable: true }))).toEqual({ t: "refuse", code: "ERR_ASTRANET_HANDSHAKE", text: "odd", retry: true });
    expect(refuseMessage(new RangeError("odd"))).toEqual({ t: "refuse", code: "ERR_ASTRANET_HANDSHAKE", text: "RangeError: odd", retry: false });
  });

  it("are 512 characters long at most, whoever writes them", () => {
    const words = "x".repeat(600);
    expect(refuseMessage(new AstraError("EACCES", words))["text"]).toBe("x".repeat(512));
    expect(refusalError({ t: "refuse", code: "EACCES", text: words }).message).toBe(`EACCES: the other end refused the link: ${"x".repeat(512)}`);
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
