import { Channels, json, msgpack, pipe, type Codec } from "@astranet/channel";
import { memoryPair } from "@astranet/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bigintOf, bytesOfBigint } from "../src/message/bigints.ts";
import { checkSize } from "../src/message/msgpack-size.ts";
import { varintBytes, VarintReader, writeVarint } from "../src/message/varint.ts";

const noEnds = { add: () => 0, count: 0, take: () => { throw new Error("there is none"); } };

/** Keys that a message may have, and strings that UTF-8 has. */
const words = fc.string({ unit: "grapheme", maxLength: 20 });
const keys = words.filter((key) => key !== "__proto__");
const views = fc.oneof(
  fc.float64Array({ maxLength: 4, noNaN: true }), fc.float32Array({ maxLength: 4, noNaN: true }), fc.int8Array({ maxLength: 4 }), fc.int16Array({ maxLength: 4 }), fc.uint16Array({ maxLength: 4 }), fc.int32Array({ maxLength: 4 }),
  fc.uint32Array({ maxLength: 4 }), fc.uint8ClampedArray({ maxLength: 4 }), fc.bigInt64Array({ maxLength: 4 }), fc.bigUint64Array({ maxLength: 4 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constantFrom(null, undefined, true, false, -0, Number.POSITIVE_INFINITY, Number.NaN), fc.double(), fc.integer(), fc.maxSafeInteger(), fc.bigInt(), words,
    fc.date({ noInvalidDate: true }), fc.uint8Array({ maxLength: 40 }), views,
    fc.array(tie("value"), { maxLength: 5 }), fc.dictionary(keys, tie("value"), { maxKeys: 5, noNullPrototype: true }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)), fc.array(tie("value"), { maxLength: 4 }).map((each) => new Set(each)),
  ),
}));
const jsonValue = fc.jsonValue({ maxDepth: 4, stringUnit: "grapheme" }).filter((each) => !/"__proto__"|-0[,\]}]|^-0$/.test(JSON.stringify(each)) && !hasNegativeZero(each));

function hasNegativeZero(value: unknown): boolean {
  if (Object.is(value, -0)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasNegativeZero);
}

function roundTrip(codec: Codec, message: unknown): unknown {
  return codec.decode(codec.encode(message, noEnds), noEnds);
}

describe("a message", () => {
  it("comes out as it went in: over msgpack", () => {
    fc.assert(fc.property(value, (message) => {
      expect(roundTrip(msgpack(), message)).toStrictEqual(message);
    }), { numRuns: 500 });
  });

  it("comes out as it went in: within this process, and nothing of it is the same object", () => {
    fc.assert(
      fc.property(value, (message) => {
        const { sender, receiver } = pipe({ capacity: 1 });
        expect(sender.trySend(message)).toBe(true);
        const copy = receiver.tryReceive()!.value;
        expect(copy).toStrictEqual(message);
        if (typeof message === "object" && message !== null) expect(copy).not.toBe(message);
      }),
      { numRuns: 500 },
    );
  });

  it("comes out as it went in: over JSON, what JSON has", () => {
    fc.assert(fc.property(jsonValue, (message) => {
      expect(roundTrip(json(), message)).toStrictEqual(message);
    }), { numRuns: 300 });
    expect(roundTrip(json(), { $end: 1, $$end: [{ $endless: 2 }], $other: 3 })).toEqual({ $end: 1, $$end: [{ $endless: 2 }], $other: 3 });
  });

  it.each([undefined, [undefined], 1n, Number.NaN, -0, new Map(), new Set(), new Uint8Array(1), new Error("x"), () => 1, Symbol("s")].map((bad) => [bad]))("is refused by JSON where JSON has no word for it: %s", (bad) => {
    expect(() => json().encode({ here: bad }, noEnds)).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("message.here") as string }));
  });

  it("of any bytes is a message, or is refused: nothing else is thrown, and never much is made of little", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          msgpack().decode(bytes, noEnds);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is measured before it is decoded, and its size is that of what msgpack makes of it", () => {
    fc.assert(
      fc.property(value, (message) => {
        const bytes = msgpack().encode(message, noEnds);
        checkSize(bytes, { maxDepth: 64, maxValues: 10_000 });
        for (const cut of [0, bytes.length >> 1, bytes.length - 1]) expect(() => checkSize(bytes.subarray(0, cut), { maxDepth: 64, maxValues: 10_000 })).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
      }),
      { numRuns: 300 },
    );
  });

  it("may be as deep as maxDepth and of as many values as maxValues, and no more", () => {
    const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)]);
    const strict = msgpack({ maxDepth: 10, maxValues: 11 });
    expect(roundTrip(strict, deep(10))).toEqual(deep(10));
    expect(() => strict.encode(deep(11), noEnds)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => strict.decode(msgpack().encode(deep(11), noEnds), noEnds)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
    expect(roundTrip(strict, Array.from({ length: 10 }, () => 1))).toHaveLength(10);
    expect(() => strict.decode(msgpack().encode(Array.from({ length: 11 }, () => 1), noEnds), noEnds)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
    expect(() => strict.decode(msgpack().encode(new Map([[1, new Set([1, 2, 3])], [2, new Set([1, 2, 3])]]), noEnds), noEnds)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
  });
});

describe("a class of the application's", () => {
  class Money {
    readonly cents: bigint;
    readonly of: string;

    constructor(cents: bigint, of: string) {
      this.cents = cents;
      this.of = of;
    }
  }
  const money = {
    type: 5,
    is: (value: unknown): value is Money => value instanceof Money,
    encode: ({ cents, of }: Money) => [cents, of],
    decode: (sent: unknown) => {
      const [cents, of] = sent as [bigint, string];
      return new Money(cents, of);
    },
  };

  it("travels as its extension says, within this process and over a network", async () => {
    const [here, there] = memoryPair();
    const codec = msgpack({ extensions: [money] });
    const [client, server] = [new Channels(here, { role: "client", codec }), new Channels(there, { role: "server", codec })];
    const out = client.open();
    const [local, message] = [pipe({ capacity: 1, extensions: [money] }), { price: new Money(1995n, "EUR"), list: [new Money(-1n, "XXX")] }];
    await Promise.all([out.send(message), local.sender.send(message)]);
    for (const receiver of [local.receiver, await server.accept()]) {
      const received = (await receiver.receive()) as typeof message;
      expect(received).toStrictEqual(message);
      expect(received.price).toBeInstanceOf(Money);
    }
    client.abort();
    server.abort();
  });

  it("is refused where nobody has said how", () => {
    expect(() => pipe({ capacity: 1 }).sender.trySend(new Money(1n, "EUR"))).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("Money") as string }));
  });

  it.each([[{ ...money, type: 64 }], [{ ...money, type: -1 }], [{ ...money, type: 1.5 }]])("has a type from 0 to 63", (bad) => {
    expect(() => msgpack({ extensions: [bad] })).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => pipe({ extensions: [bad] })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("has a type of its own", () => {
    expect(() => msgpack({ extensions: [money, money] })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
});

describe("integers", () => {
  it("of any size come back from their bytes, which are as few as can be", () => {
    fc.assert(fc.property(fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), (n) => {
      expect(bigintOf(bytesOfBigint(n))).toBe(n);
    }));
    expect([0n, -1n, 127n, 128n, -128n, -129n].map((n) => [...bytesOfBigint(n)])).toEqual([[0], [255], [127], [0, 128], [128], [255, 127]]);
    expect(bigintOf(new Uint8Array(0))).toBe(0n);
  });

  it("of up to 2^49 − 1 come back from 7 bits a byte", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 49 - 1 }), (n) => {
        const bytes = new Uint8Array(varintBytes(n));
        expect(writeVarint(bytes, 0, n)).toBe(bytes.length);
        const reader = new VarintReader();
        expect([...bytes].map((byte) => reader.push(byte)).at(-1)).toBe(n);
      }),
    );
    const reader = new VarintReader();
    expect(Array.from({ length: 7 }, () => reader.push(0xff)).at(-1)).toBe(-1);
  });
});
