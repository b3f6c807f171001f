import { Channels, json, msgpack, pipe, type Codec, type Extension, type Sender } from "@astranet/channel";
import { encode, ExtData } from "@msgpack/msgpack";
import { AstraError, memoryPair } from "@astranet/transport";
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

/** Sends a message over msgpack, and within this process, and gives what comes out. */
function ways(extensions: readonly Extension[] = []): readonly ((message: unknown) => unknown)[] {
  const inProcess = (message: unknown): unknown => {
    const { sender, receiver } = pipe({ capacity: 1, extensions });
    sender.trySend(message);
    return receiver.tryReceive()!.value;
  };
  return [(message) => roundTrip(msgpack({ extensions }), message), inProcess];
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

  it("comes out as it went in: an ArrayBuffer, which is copied", () => {
    const { buffer } = Uint8Array.of(1, 2);
    for (const send of ways()) {
      const [copy] = send([buffer]) as [ArrayBuffer];
      expect([copy instanceof ArrayBuffer, copy === buffer, ...new Uint8Array(copy)]).toEqual([true, false, 1, 2]);
    }
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

describe("an Error", () => {
  const fields = (error: unknown): unknown => (error instanceof Error ? { class: error.constructor, name: error.name, message: error.message, stack: error.stack, cause: fields(error.cause), own: Object.getOwnPropertyNames(error).sort(), ...pick(error as object) } : error);
  const pick = ({ code, retryable, errors }: { code?: unknown; retryable?: unknown; errors?: unknown[] }): object => ({ code, retryable, errors: errors?.map(fields) });
  const named = (name: string): Error => Object.defineProperty(new Error("x"), "name", { value: name });
  const own = ["message", "stack"];

  it.each([
    [new Error("x"), { class: Error, name: "Error", own }],
    ...[EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Class) => [new Class("x"), { class: Class, name: Class.name, own }] as const),
    [new Error("x", { cause: null }), { class: Error, name: "Error", cause: null, own: ["cause", ...own] }],
    [Object.assign(new Error("x"), { code: 0 }), { class: Error, name: "Error", code: 0, own: ["code", ...own] }],
    [Object.assign(new Error("x"), { code: "" }), { class: Error, name: "Error", code: "", own: ["code", ...own] }],
    [Object.assign(new Error("x"), { code: {}, errors: [1], retryable: true }), { class: Error, name: "Error", own }],
    [named("Strange"), { class: Error, name: "Strange", own: [...own, "name"] }],
    [Object.assign(named("AstraError"), { code: 7 }), { class: Error, name: "AstraError", code: 7, own: ["code", ...own, "name"] }],
    [new AstraError("EPIPE", "x", { cause: 1 }), { class: AstraError, name: "AstraError", message: "EPIPE: x", code: "EPIPE", retryable: false, cause: 1, own: ["cause", "code", "message", "retryable", "stack"] }],
    [new AstraError("EPIPE", "x", { retryable: true }), { class: AstraError, name: "AstraError", message: "EPIPE: x", code: "EPIPE", retryable: true, own: ["code", "message", "retryable", "stack"] }],
    [new AggregateError([], "x"), { class: AggregateError, name: "AggregateError", errors: [], own: ["errors", ...own] }],
    [new AggregateError([1, "two"], "x", { cause: 3 }), { class: AggregateError, name: "AggregateError", errors: [1, "two"], cause: 3, own: ["cause", "errors", ...own] }],
    [Object.assign(new AggregateError([], "x"), { name: "Both", errors: [1] }), { class: AggregateError, name: "Both", errors: [1], own: ["errors", ...own, "name"] }],
    [Object.assign(new AggregateError([], "x"), { errors: 7 }), { class: Error, name: "AggregateError", own: [...own, "name"] }],
  ] as const)("comes out as its name, message, code, cause and errors say, with no stack but those: %s", (error, expected) => {
    const whole = { message: "x", cause: undefined, code: undefined, retryable: undefined, errors: undefined, ...expected };
    for (const send of ways()) expect(fields(send(error))).toEqual({ ...whole, own: [...whole.own].sort(), stack: `${whole.name}: ${whole.message}` });
  });

  it("has nothing that can be listed but its code, as here, and its message and name can be changed", () => {
    for (const send of ways()) {
      const error = send(Object.assign(named("Strange"), { code: 1 })) as Error;
      expect(Object.keys(error)).toEqual(["code"]);
      expect(Object.values(Object.getOwnPropertyDescriptors(error)).map(({ configurable, writable }) => [configurable, writable])).toEqual(Array.from({ length: 4 }, () => [true, true]));
      Object.assign(error, { name: "n", message: "m", stack: "s" });
      expect([error.name, error.message, error.stack]).toEqual(["n", "m", "s"]);
      expect(Object.assign(send(new AstraError("EPIPE", "x")) as Error, { message: "m" }).message).toBe("m");
    }
  });

  it("may have other errors in its cause and its errors, and ends of channels, which move", async () => {
    const { sender, receiver } = pipe<Error>({ capacity: 1 });
    const inner = pipe({ capacity: 1 });
    await sender.send(new AggregateError([new TypeError("one"), inner.sender], "both", { cause: new AggregateError([new Error("two")]) }));
    const error = (await receiver.receive()) as AggregateError;
    expect([error.errors[0], error.cause]).toEqual([new TypeError("one"), new AggregateError([new Error("two")])]);
    await (error.errors[1] as Sender).send("moved");
    expect(await inner.receiver.receive()).toBe("moved");
    expect(inner.sender.trySend.bind(inner.sender, 1)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INVALID_STATE" }));
  });

  it("that comes from elsewhere with a code, a cause or errors that are none has none", () => {
    const wire = (error: unknown): Error => msgpack().decode(encode(new ExtData(70, encode(error))), noEnds) as Error;
    expect(fields(wire({ name: "Error", message: "x", code: {}, errors: 7, retryable: 1 }))).toMatchObject({ class: Error, code: undefined, own });
    expect((wire({ name: "AstraError", message: "x", code: "EPIPE", retryable: 1 }) as Error & { retryable?: unknown }).retryable).toBe(false);
    for (const bad of [{ name: 1, message: "x" }, { name: "x" }, { message: "x" }, []]) expect(() => wire(bad)).toThrow("a message is malformed: it has an Error without a name or a message");
  });
});

describe("what no message can hold", () => {
  class Foreign { readonly field = 1; }
  const foreign = new Foreign();
  const text = "is an object of class Foreign, which no message can hold without an extension for it";
  const cycle: { again?: unknown; last?: unknown } = {};
  Object.assign(cycle, { again: [{ cycle }] });
  it.each([
    [foreign, `the message ${text}`],
    [[1, [foreign]], `message[1][0] ${text}`],
    [{ jobs: [{ $done_1: foreign }] }, `message.jobs[0].$done_1 ${text}`],
    [{ "a b": foreign }, `message["a b"] ${text}`],
    [{ "1a": foreign }, `message["1a"] ${text}`],
    [{ a1: { "x-y": foreign } }, `message.a1["x-y"] ${text}`],
    [new Map([["k\n", foreign]]), `message.get("k\\n") ${text}`],
    [new Map([[7, [foreign]]]), `message.get(7)[0] ${text}`],
    [new Map([[foreign, 7]]), `message (a key of the Map) ${text}`],
    [new Set([1, foreign]), `message (an element of the Set) ${text}`],
    [new Map<unknown, unknown>([[Object.create(null), 1], [{ a: 1 }, [foreign]]]), `message (a value of the Map)[0] ${text}`],
    [new Map([[null, foreign]]), `message.get(null) ${text}`],
    [Object.create(Object.create(Object.create(null) as object) as object), "the message is an object of a class without a name, which no message can hold without an extension for it"],
    [new (class { static readonly name = 7; readonly field = 1; })(), "the message is an object of a class without a name, which no message can hold without an extension for it"],
    [new (class { getReader(): void { /* Half of a stream. */ } })(), "the message is an object of a class without a name, which no message can hold without an extension for it"],
    ...["getReader", "cancel", "getWriter", "abort"].map((method) => [Object.defineProperty(new Foreign(), method, { value: () => 1 }), `the message ${text}`] as [unknown, string]),
    ...[{ readable: new ReadableStream() }, { writable: new WritableStream() }, { readable: null, writable: new WritableStream() }, { readable: new ReadableStream(), writable: null }, { readable: {}, writable: new WritableStream() }, { readable: new ReadableStream(), writable: {} }].map(
      (fields) => [Object.assign(new Foreign(), fields), `the message ${text}`] as [unknown, string],
    ),
    [{ e: new Error("x", { cause: { a: foreign } }) }, `message.e.cause.a ${text}`],
    [{ e: new AggregateError([1, foreign]) }, `message.e.errors[1] ${text}`],
    [{ bytes: new Uint8Array(1e6), nothing: null, twice: [1, 1], f: () => 1 }, "message.f is a function, which no message can hold"],
    [[Symbol("s")], "message[0] is a symbol, which no message can hold"],
    [[new Date(Number.NaN)], "message[0] is an invalid Date, which no message can hold"],
    [{ a: JSON.parse('{ "__proto__": 1 }') as unknown }, 'message.a has a key "__proto__", which no message can hold'],
  ].map(([message, expected]) => [expected as string, message] as const))("is refused, with its place: %s", (expected, message) => {
    for (const send of ways()) expect(() => send(message)).toThrow(expect.objectContaining({ name: "AstraError", code: "EINVAL", message: `EINVAL: ${expected}` }));
  });

  it("is nothing that its getters throw: that comes out as it is", () => {
    const error = new Error("mine");
    for (const send of ways()) expect(() => send({ get field(): number { throw error; } })).toThrow(error);
    expect(() => json().encode({ get field(): number { throw error; } }, noEnds)).toThrow(error);
  });

  it("is no plain object of another realm, nor one without a prototype: those come out as plain ones", () => {
    const elsewhere = (tag?: string): object => Object.create(Object.create(null, tag === undefined ? {} : { [Symbol.toStringTag]: { value: tag } }) as object) as object;
    for (const send of [...ways(), (message: unknown) => roundTrip(json(), message)]) {
      for (const object of [elsewhere(), Object.create(null) as object]) expect(send([Object.assign(object, { a: 1 })])).toStrictEqual([{ a: 1 }]);
      expect(() => send(elsewhere("Strange"))).toThrow("is an object of a class without a name");
    }
  });

  it("is found behind what the message holds more than once", () => {
    const shared = { deep: [1] };
    for (const send of ways()) expect(() => send([shared, shared, { here: foreign }])).toThrow(`EINVAL: message[2].here ${text}`);
    expect(() => ways()[1]!({ again: cycle })).toThrow("nested more than 64 deep, or holds itself");
  });

  it.each([
    [undefined, "is undefined"],
    [1n, "is a bigint"],
    [Number.NaN, "is NaN"],
    [Number.NEGATIVE_INFINITY, "is -Infinity"],
    [-0, "is -0"],
    [new Map(), "is an object of class Map"],
    [new Error("x"), "is an object of class Error"],
    [new Uint8Array(1), "is an object of class Uint8Array"],
    [new Date(0), "is an object of class Date"],
    [new ArrayBuffer(1), "is an object of class ArrayBuffer"],
  ])("over JSON is also what JSON has no word for, and reads well: %s", (bad, expected) => {
    expect(() => json().encode([bad], noEnds)).toThrow(expect.objectContaining({ code: "EINVAL", message: `EINVAL: message[0] ${expected}, which JSON has no word for` }));
  });

  it("over JSON, by its name, holds ends as an object of one key, and keys that look like it as they were", () => {
    expect(json().name).toBe("json");
    const taken: number[] = [];
    const text = (message: string): unknown => json().decode(new TextEncoder().encode(message), { count: 2, take: (number) => taken.push(number) as never });
    expect(text('[{"$end":1},{"$end":0},{"$$end":5},{"$$$endless":6},{"a$end":7}]')).toEqual([1, 2, { $end: 5 }, { $$endless: 6 }, { a$end: 7 }]);
    expect(taken).toEqual([1, 0]);
    expect(new TextDecoder().decode(json().encode({ $end: 1, $$endless: 2, a$end: 3 }, noEnds))).toBe('{"$$end":1,"$$$endless":2,"a$end":3}');
    expect(() => json().decode(Uint8Array.of(0x22, 0xff, 0x22), noEnds)).toThrow();
  });

  it("over JSON: a function and a symbol, and a key __proto__", () => {
    expect(() => json().encode({ f: () => 1 }, noEnds)).toThrow("EINVAL: message.f is a function, which no message can hold");
    expect(() => json().encode(Symbol("s"), noEnds)).toThrow("EINVAL: the message is a symbol, which no message can hold");
    expect(() => json().encode([JSON.parse('{ "__proto__": 1 }')], noEnds)).toThrow('EINVAL: message[0] has a key "__proto__", which no message can hold');
    expect(() => json().decode(new TextEncoder().encode('[{ "__proto__": 1 }]'), noEnds)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL", message: 'ERR_ASTRANET_PROTOCOL: a message is malformed: it has a key "__proto__"' }));
  });
});

describe("limits", () => {
  const bad = [-1, 0, 1.5, "x", Number.NaN, null];
  it.each(bad.flatMap((value) => [["maxDepth", value], ["maxValues", value]] as const))("are integers from 1 on: %s of %s", (name, value) => {
    expect(() => msgpack({ [name]: value })).toThrow(expect.objectContaining({ code: "EINVAL", message: `EINVAL: ${name} must be an integer from 1 on, not ${String(value)}` }));
  });

  it.each([
    ["an array", (inner: unknown) => [inner]],
    ["an object", (inner: unknown) => ({ inner })],
    ["a Map, in its values", (inner: unknown) => new Map([[1, inner]])],
    ["a Map, in its keys", (inner: unknown) => new Map([[inner, 1]])],
    ["a Set", (inner: unknown) => new Set([inner])],
    ["an Error, in its cause", (inner: unknown) => new Error("x", { cause: inner })],
  ] as const)("count the same depth where a message is sent, where it comes, and within this process: %s", (_what, around) => {
    const deep = (depth: number): unknown => (depth === 0 ? 1 : around(deep(depth - 1)));
    for (const send of ways()) {
      expect(send(deep(64))).toStrictEqual(deep(64));
      expect(() => send(deep(65))).toThrow(expect.objectContaining({ code: "EINVAL", message: "EINVAL: the message is nested more than 64 deep, or holds itself" }));
    }
    const bytes = msgpack({ maxDepth: 100 }).encode(deep(65), noEnds);
    expect(() => msgpack().decode(bytes, noEnds)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL", message: "ERR_ASTRANET_PROTOCOL: a message is malformed: it is nested more than 64 deep" }));
  });

  it("hold for JSON too", () => {
    const deep = (depth: number): unknown => (depth === 0 ? 1 : depth % 2 === 0 ? [deep(depth - 1)] : { inner: deep(depth - 1) });
    expect(roundTrip(json(), deep(64))).toStrictEqual(deep(64));
    expect(() => json().encode(deep(65), noEnds)).toThrow(expect.objectContaining({ code: "EINVAL", message: "EINVAL: the message is nested more than 64 deep, or holds itself" }));
    expect(() => json().decode(new TextEncoder().encode(JSON.stringify(deep(65))), noEnds)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL", message: "ERR_ASTRANET_PROTOCOL: a message is malformed: it is nested more than 64 deep" }));
  });

  it("count the same values where a message is sent and where it comes", () => {
    fc.assert(fc.property(value, (message) => {
      const bytes = msgpack().encode(message, noEnds);
      const counted = (maxValues: number): boolean => {
        try {
          checkSize(bytes, { maxDepth: 64, maxValues });
          return true;
        } catch {
          return false;
        }
      };
      let count = 1;
      while (!counted(count)) count += 1;
      expect(msgpack({ maxValues: count }).encode(message, noEnds)).toEqual(bytes);
      if (count > 1) expect(() => msgpack({ maxValues: count - 1 }).encode(message, noEnds)).toThrow(expect.objectContaining({ code: "EINVAL", message: `EINVAL: the message has ${count} values, and maxValues is ${count - 1}` }));
    }), { numRuns: 100 });
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
    const text = "EINVAL: message.price is an object of class Money, which no message can hold without an extension for it";
    const message = { price: new Money(1n, "EUR") };
    for (const send of ways()) expect(() => send(message)).toThrow(expect.objectContaining({ code: "EINVAL", message: text }));
    expect(() => json().encode(message, noEnds)).toThrow(expect.objectContaining({ code: "EINVAL", message: "EINVAL: message.price is an object of class Money, which JSON has no word for" }));
    for (const send of ways()) expect(() => send([new (class { readonly field = 1; })()])).toThrow("message[0] is an object of a class without a name, which no message can hold without an extension for it");
  });

  it.each([
    [{ ...money, type: 64 }, "the type of an extension is an integer from 0 to 63, not 64"],
    [{ ...money, type: -1 }, "the type of an extension is an integer from 0 to 63, not -1"],
    [{ ...money, type: 1.5 }, "the type of an extension is an integer from 0 to 63, not 1.5"],
    [null, "the type of an extension is an integer from 0 to 63, not undefined"],
    [{ type: 1 }, "the extension of type 1 has no function is"],
    [{ ...money, type: 2, encode: 1 }, "the extension of type 2 has no function encode"],
    [{ ...money, type: 3, decode: undefined }, "the extension of type 3 has no function decode"],
    [{ ...money, type: 5 }, "two extensions have the type 5"],
  ])("needs a type of its own, from 0 to 63, and its three functions: %s", (bad, text) => {
    for (const make of [msgpack, pipe]) expect(() => make({ extensions: [{ ...money, type: 0 }, { ...money, type: 63 }, money, bad as never] })).toThrow(expect.objectContaining({ code: "EINVAL", message: `EINVAL: ${text}` }));
  });

  it("needs an array of extensions", () => {
    for (const make of [msgpack, pipe]) expect(() => make({ extensions: 7 as never })).toThrow(expect.objectContaining({ code: "EINVAL", message: "EINVAL: extensions must be an array" }));
  });

  class NotFound extends Error {
    readonly path: string;

    constructor(path: string) {
      super(`nothing at ${path}`);
      this.path = path;
    }
  }
  /** Subclasses of what has a kind of its own, each of which has a field. */
  const subclasses = {
    Error: new NotFound("/a"),
    Map: Object.assign(new (class Cache extends Map<number, number> {})([[1, 2]]), { most: 9 }),
    Set: Object.assign(new (class Tags extends Set<number> {})([1]), { most: 9 }),
    Array: Object.assign(new (class Rows extends Array {})(), { most: 9 }),
    Date: Object.assign(new (class Day extends Date {})(0), { zone: "UTC" }),
    Uint8Array: Object.assign(new (class Key extends Uint8Array {})(2), { algorithm: "x" }),
    "two byte streams": new (class Connection { readonly readable = new ReadableStream<Uint8Array>(); readonly writable = new WritableStream<Uint8Array>(); readonly host = "h"; })(),
  };

  it.each(Object.entries(subclasses))("may extend %s: its extension is asked first", (_of, each) => {
    const Class = each.constructor as new () => object;
    const extension = { type: 7, is: (value: unknown) => value instanceof Class, encode: (value: unknown) => Object.entries(value as object).filter(([, field]) => typeof field !== "object"), decode: (sent: unknown) => ({ of: Class, sent }) };
    for (const send of ways([money, extension])) expect(send({ list: [each] })).toStrictEqual({ list: [{ of: Class, sent: Object.entries(each).filter(([, field]) => typeof field !== "object") }] });
  });

  it("is none where an object is plain, or an array: no extension is asked for those", () => {
    const asked: unknown[] = [];
    const nosy = { ...money, is: (value: unknown) => asked.push(value) === 0 };
    for (const send of ways([nosy])) send({ list: [1, "a", null, undefined, 1n], bare: Object.create(null) as object });
    expect(asked).toEqual([]);
    const bytes = Uint8Array.of(1);
    for (const send of ways([nosy])) send([bytes]);
    expect(asked).toEqual([bytes, bytes]);
  });

  it.each(["Map", "Set", "Array", "Date"] as const)("that extends %s is refused without an extension, as its fields would be lost", (of) => {
    const name = subclasses[of].constructor.name;
    for (const send of ways()) expect(() => send({ here: [subclasses[of]] })).toThrow(expect.objectContaining({ code: "EINVAL", message: `EINVAL: message.here[0] is an object of class ${name}, which no message can hold without an extension for it` }));
    expect(() => json().encode({ here: [subclasses[of]] }, noEnds)).toThrow(`message.here[0] is an object of class ${name}, which JSON has no word for`);
  });

  it("that extends Date and has no fields travels as a Date: those of a mocked clock are such", () => {
    class MockDate extends Date {}
    for (const send of ways()) expect((send([new MockDate(5)]) as [Date])[0]).toStrictEqual(new Date(5));
  });

  it("that extends Error or Uint8Array travels without an extension as what it extends", () => {
    for (const send of ways()) {
      const [error, bytes] = send([subclasses.Error, subclasses.Uint8Array]) as [Error, Uint8Array];
      expect([error.constructor, error.name, error.message, "path" in error]).toEqual([Error, "Error", "nothing at /a", false]);
      expect(bytes).toStrictEqual(new Uint8Array(2));
    }
  });

  it("whose extension gives it back as it is is nested too deep, and nothing worse", () => {
    for (const send of ways([{ ...money, encode: (value) => value }])) expect(() => send(new Money(1n, "EUR"))).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("of whose content no message can hold a part is refused, and the place is not known", () => {
    for (const send of ways([{ ...money, encode: () => [Symbol("s")] }])) expect(() => send([new Money(1n, "EUR")])).toThrow("EINVAL: something in the message is a symbol, which no message can hold");
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
