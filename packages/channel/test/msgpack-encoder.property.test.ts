import { encode } from "@msgpack/msgpack";
import { msgpack } from "@astranet/channel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const noEnds = { count: 0, add: () => 0, take: () => undefined as never };

/** Strings whose header is longer in UTF-8 than their length says are among them. */
const lengths = fc.constantFrom(10, 11, 31, 32, 64, 65, 85, 86, 255, 256, 1024, 1025, 5000);
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), lengths.map((length) => "ü".repeat(length)), lengths.map((length) => "x".repeat(length)));
const number = fc.oneof(fc.maxSafeInteger(), fc.double(), fc.integer({ min: -70_000, max: 70_000 })).filter((value) => !Object.is(value, -0));
const bytes = lengths.map((length) => new Uint8Array(length).fill(length));
const { message } = fc.letrec<{ message: unknown }>((tie) => ({
  message: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constantFrom(null, true, false),
    number,
    text,
    bytes,
    fc.array(tie("message"), { maxLength: 5 }),
    fc.dictionary(text.filter((key) => key !== "__proto__"), tie("message"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

/** As text, which is compared faster. */
function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

describe("the encoder of msgpack", () => {
  it("writes what others do, where msgpack has words for it", () => {
    fc.assert(fc.property(message, (each) => {
      expect(latin1(msgpack().encode(each, noEnds))).toBe(latin1(encode(each)));
    }), { numRuns: 200 });
  });

  it.each([15, 16, 255, 256, 65_535, 65_536])("writes what others do for a length of %i", (length) => {
    const each = [new Uint8Array(length), "x".repeat(length), Array.from({ length }, () => 1), Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, i]))];
    expect(latin1(msgpack().encode(each, noEnds)) === latin1(encode(each))).toBe(true);
  });

  it("leaves what it wrote as it is, however many messages follow, and the room in front of each to its caller", () => {
    fc.assert(fc.property(fc.array(message, { minLength: 2, maxLength: 10 }), (messages) => {
      const codec = msgpack();
      const written = messages.map((each) => codec.encodeBehind!(8, each, noEnds));
      for (const each of written) each.fill(255, 0, 8);
      expect(written.map((each) => latin1(each.subarray(8)))).toEqual(messages.map((each) => latin1(encode(each))));
    }), { numRuns: 50 });
  });

  it("writes a message that is sent while another one is looked at, and both are whole", () => {
    const codec = msgpack();
    let inner: Uint8Array | undefined;
    const outer = codec.encode({ before: "a", get now() {
      inner = codec.encode(["inner"], noEnds);
      return "b";
    } }, noEnds);
    expect([codec.decode(outer, noEnds), codec.decode(inner!, noEnds)]).toEqual([{ before: "a", now: "b" }, ["inner"]]);
  });

  it("forgets a message that it could not write", () => {
    const codec = msgpack();
    const first = codec.encodeBehind!(0, "first", noEnds);
    expect(() => codec.encode(["long".repeat(10_000), () => undefined], noEnds)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    const next = codec.encodeBehind!(0, new Map([["a", [1, 2, 3]]]), noEnds);
    expect([codec.decode(first, noEnds), codec.decode(next, noEnds)]).toEqual(["first", new Map([["a", [1, 2, 3]]])]);
  });
});
