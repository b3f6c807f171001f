import { encode, ExtData } from "@msgpack/msgpack";
import { msgpack, type EndReader } from "@astranet/channel";
import { describe, expect, it } from "vitest";
import { MsgpackWriter } from "../src/message/msgpack-writer.ts";

const noEnds = { count: 0, add: () => 0, take: () => undefined as never };
const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const latin1 = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);
const decode = (bytes: Iterable<number>, codec = msgpack()): unknown => codec.decode(Uint8Array.from(bytes), noEnds);
const refused = (text: string): unknown => expect.objectContaining({ name: "AstraError", code: "ERR_ASTRANET_PROTOCOL", message: `ERR_ASTRANET_PROTOCOL: a message is malformed: ${text}` });
const zeros = (length: number): number[] => Array.from({ length }, () => 0);

describe("the bytes of msgpack", () => {
  const edges = [5, 7, 8, 15, 16, 31, 32, 52, 53].map((bits) => 2 ** bits);
  it.each([0, 1, ...edges].flatMap((edge) => [edge - 2, edge - 1, edge, edge + 1, -edge - 1, -edge, -edge + 1]).filter((each) => !Object.is(each, -0)))("are those that others write: the number %d", (number) => {
    expect(hex(msgpack().encode(number, noEnds))).toBe(hex(encode(number)));
    expect(decode(msgpack().encode(number, noEnds))).toBe(number);
  });

  const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 255, 256, 257, 65_535, 65_536, 65_537];
  it.each(lengths)("are those that others write: an extension, bytes, and strings of ASCII and of other characters, of length %d", (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i);
    const messages: [ours: unknown, theirs: unknown][] = [[bytes.buffer, new ExtData(72, bytes)], [bytes, bytes], ["x".repeat(length), "x".repeat(length)], ["ü".repeat(length >> 1), "ü".repeat(length >> 1)]];
    for (const [ours, theirs] of messages) {
      expect(latin1(msgpack().encode(ours, noEnds)) === latin1(encode(theirs))).toBe(true);
      expect(decode(encode(theirs))).toEqual(ours);
    }
  });

  it.each([1, 2, 3, 4, 5, 8, 9, 16, 17, 255, 256, 65_535, 65_536])("are those that others write: an extension that holds %d bytes of one more value", (length) => {
    // A list of numbers that are one byte each, behind its own header.
    const head = length <= 16 ? 1 : length < 65_536 ? 3 : 5;
    const list = Array.from({ length: length - head }, () => 1);
    const inner = encode(list);
    const set = msgpack({ extensions: [{ type: 0, is: (value) => value instanceof RegExp, encode: () => list, decode: (sent) => sent }] });
    const bytes = set.encode(/x/, noEnds);
    expect(latin1(bytes) === latin1(encode(new ExtData(0, inner)))).toBe(true);
    expect(set.decode(bytes, noEnds)).toEqual(list);
  });

  it.each([[null], [true], [7], [300], [1.5], ["x"], ["x".repeat(60)], ["ü".repeat(30)], ["x".repeat(1100)], [new Uint8Array(3)], [new Uint8Array(40)], [new Uint8Array(40).buffer], [{}], [[1]], [{ a: 1 }], [Uint8Array.of(1, 2).buffer]])("are the same wherever the buffer ends that messages share: with %j there", (last) => {
    const theirs = last instanceof ArrayBuffer ? new ExtData(72, new Uint8Array(last)) : last;
    for (let length = 900; length <= 1024; length += 1) {
      const bytes = new Uint8Array(length).fill(7);
      expect(latin1(msgpack().encode([bytes, last, null, last, last], noEnds))).toBe(latin1(encode([bytes, theirs, null, theirs, theirs])));
    }
  });

  it.each([null, true, 7, 300, 1.5, "x", new Uint8Array(3), [], {}])("are the same where only %j fits, or does not", (last) => {
    for (let length = 890; length <= 1024; length += 1) {
      const writer = new MsgpackWriter();
      writer.begin(0);
      writer.array(2);
      writer.string("x".repeat(length));
      if (last === null) writer.nil();
      else if (typeof last === "boolean") writer.boolean(last);
      else if (typeof last === "number") writer.number(last);
      else if (typeof last === "string") writer.string(last);
      else if (last instanceof Uint8Array) writer.binary(last);
      else if (Array.isArray(last)) writer.array(0);
      else writer.map(0);
      expect(latin1(writer.end())).toBe(latin1(encode(["x".repeat(length), last])));
    }
  });

  it("that a message is encoded to are all that is in their buffer: who keeps them keeps nothing else", () => {
    const bytes = msgpack().encode({ a: 1 }, noEnds);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  it("may be an ArrayBuffer's, and each is one of its own", () => {
    const sent = Uint8Array.of(1, 2, 3).buffer;
    const [here, there] = msgpack().decode(msgpack().encode([sent, sent], noEnds), noEnds) as [ArrayBuffer, ArrayBuffer];
    expect([here.byteLength, hex(new Uint8Array(here)), hex(new Uint8Array(there)), here === there]).toEqual([3, "010203", "010203", false]);
  });
});

describe("bytes that come", () => {
  const text = [...new TextEncoder().encode("abc")];
  /** One of each header, in forms that are longer than they need be too. */
  const values: [name: string, bytes: number[], value: unknown][] = [
    ["the largest small number", [0x7f], 127],
    ["an empty map", [0x80], {}],
    ["a map", [0x81, 0xa1, 0x61, 1], { a: 1 }],
    ["a map of 15", [0x8f, ...Array.from({ length: 15 }, (_, i) => [0xa1, 0x61 + i, i]).flat()], Object.fromEntries(Array.from({ length: 15 }, (_, i) => [String.fromCharCode(0x61 + i), i]))],
    ["an empty array", [0x90], []],
    ["an array of 15", [0x9f, ...zeros(15)], zeros(15)],
    ["an empty string", [0xa0], ""],
    ["a string of 31", [0xbf, ...zeros(31).map(() => 0x78)], "x".repeat(31)],
    ["null", [0xc0], null],
    ["false", [0xc2], false],
    ["true", [0xc3], true],
    ["the smallest small number", [0xe0], -32],
    ["minus one", [0xff], -1],
    ["uint8", [0xcc, 200], 200],
    ["uint16", [0xcd, 1, 0], 256],
    ["uint32", [0xce, 0, 1, 0, 0], 65_536],
    ["uint64", [0xcf, 0, 0, 0, 1, 0, 0, 0, 0], 2 ** 32],
    ["int8", [0xd0, 0x80], -128],
    ["int16", [0xd1, 0x80, 0], -32_768],
    ["int32", [0xd2, 0x80, 0, 0, 0], -(2 ** 31)],
    ["int64", [0xd3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], -(2 ** 32)],
    ["float32", [0xca, 0x3f, 0xc0, 0, 0], 1.5],
    ["float64", [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ["bin8", [0xc4, 3, ...text], Uint8Array.from(text)],
    ["bin16", [0xc5, 0, 3, ...text], Uint8Array.from(text)],
    ["bin32", [0xc6, 0, 0, 0, 3, ...text], Uint8Array.from(text)],
    ["str8", [0xd9, 3, ...text], "abc"],
    ["str16", [0xda, 0, 3, ...text], "abc"],
    ["str32", [0xdb, 0, 0, 0, 3, ...text], "abc"],
    ["array16", [0xdc, 0, 2, 1, 2], [1, 2]],
    ["array16 of 256", [0xdc, 1, 0, ...zeros(256)], zeros(256)],
    ["array32", [0xdd, 0, 0, 0, 2, 1, 2], [1, 2]],
    ["map16", [0xde, 0, 1, 0xa1, 0x61, 1], { a: 1 }],
    ["map32", [0xdf, 0, 0, 0, 1, 0xa1, 0x61, 1], { a: 1 }],
    ["fixext1", [0xd4, 68, 1], 1n],
    ["fixext2", [0xd5, 68, 1, 0], 256n],
    ["fixext4", [0xd6, 68, 1, 0, 0, 0], 2n ** 24n],
    ["fixext8", [0xd7, 68, 1, ...zeros(7)], 2n ** 56n],
    ["fixext16", [0xd8, 68, 1, ...zeros(15)], 2n ** 120n],
    ["ext8", [0xc7, 1, 68, 5], 5n],
    ["ext16", [0xc8, 0, 1, 68, 5], 5n],
    ["ext32", [0xc9, 0, 0, 0, 1, 68, 5], 5n],
    ["an extension of nothing", [0xc7, 0, 64], undefined],
    ["a Set in a short array", [0xd5, 67, 0x91, 1], new Set([1])],
    ["a Map in a longer one", [0xc7, 5, 66, 0xdc, 0, 2, 1, 2], new Map([[1, 2]])],
    ["a Map in the longest one", [0xc7, 7, 66, 0xdd, 0, 0, 0, 2, 1, 2], new Map([[1, 2]])],
  ];

  it.each(values)("are one value: %s", (_name, bytes, value) => {
    expect(decode(bytes)).toStrictEqual(value);
    expect(decode([0x92, ...bytes, 7])).toStrictEqual([value, 7]);
  });

  it.each(values)("are not cut short, and nothing follows them: %s", (_name, bytes) => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decode(bytes.slice(0, length))).toThrow(refused("it is cut short"));
      // Nor may what an extension holds be longer than the extension.
      expect(() => decode([0xc7, length + 1, 7, 0x91, ...bytes.slice(0, length), ...zeros(300)])).toThrow(refused("it is cut short"));
    }
    expect(() => decode([...bytes, 0xc0, 0xc0, 0xc0])).toThrow(refused("3 bytes follow its end"));
  });

  const errors: [text: string, bytes: number[]][] = [
    ["it has a byte 0xc1, which msgpack never uses", [0xc1]],
    ["it has a byte 0xc1, which msgpack never uses", [0x91, 0xc1, 0]],
    ["an extension of type 66 holds neither an array nor a map", [0xd4, 66, 0xc0]],
    ["an extension of type 67 holds neither an array nor a map", [0xd4, 67, 0x7f]],
    ["an extension of type 70 holds neither an array nor a map", [0xd4, 70, 0xa0]],
    ["an extension of type 67 holds neither an array nor a map", [0xd6, 67, 0xdb, 0, 0, 0]],
    ["an extension of type 67 holds neither an array nor a map", [0xd4, 67, 0xe0]],
    ["an extension of type 67 holds neither an array nor a map", [0xd6, 67, 0xd5, 67, 0x90, 0]],
    ["an extension of type 7 holds more than one value", [0xd5, 7, 1, 2]],
    ["an extension of type 0 holds more than one value", [0xd5, 0, 1, 2]],
    ["an extension of type 67 holds more than one value", [0xd5, 67, 0x90, 2]],
    ["it has a Map or a Set that is no list", [0xd4, 66, 0x80]],
    ["it has a Map or a Set that is no list", [0xd4, 67, 0x80]],
    ["it has a Map or a Set that is no list", [0xd5, 66, 0x91, 1]],
    ["it has an Error without a name or a message", [0xd4, 70, 0x90]],
    ["it has an extension of type 7, which is not known here", [0xd4, 7, 1]],
    ["it has an extension of type 63, which is not known here", [0xd4, 63, 1]],
    ["it has an extension of type 73, which is not known here", [0xd4, 73, 1]],
    ["it has an extension of type -2, which is not known here", [0xd4, 0xfe, 1]],
    ["it has a view of an unknown kind, or with a part of an element", [0xc7, 0, 69]],
    ["it has a view of an unknown kind, or with a part of an element", [0xd4, 69, 11]],
    ["it has a view of an unknown kind, or with a part of an element", [0xd6, 69, 2, 1, 2, 3]],
    ["it has an end whose number is none", [0xc7, 0, 65]],
    ["it has an end whose number is none", [0xd4, 65, 0x80]],
    ["it has an end whose number is none", [0xd5, 65, 0, 0]],
    ["it has an end whose number is none", [0xd5, 65, 0x81, 0x80]],
    ["it has an end whose number is none", [0xc7, 7, 65, ...zeros(7).map(() => 0xff)]],
    ["it has an end whose number is none", [0xc7, 8, 65, ...zeros(7).map(() => 0xff), 0]],
  ];
  it.each(errors)("are refused where they say nothing: %s", (text, bytes) => {
    expect(() => decode(bytes)).toThrow(refused(text));
  });

  it("are not looked at beyond what maxValues allows, and what it allows is counted with keys and elements", () => {
    const strict = msgpack({ maxValues: 4 });
    expect(decode([0x93, 1, 2, 3], strict)).toEqual([1, 2, 3]);
    for (const bytes of [[0x94, 1, 2, 3, 4], [0x82, 0xa0, 1, 0xa1, 0x61, 2], [0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]]) expect(() => decode(bytes, strict)).toThrow(refused("it has more values than maxValues allows"));
  });

  it("are as deep as their arrays and maps, empty ones too; an empty string is none", () => {
    const flat = msgpack({ maxDepth: 1 });
    expect(decode([0x91, 0xa0], flat)).toEqual([""]);
    for (const bytes of [[0x91, 0x90], [0x91, 0x80], [0x91, 0xdc, 0, 0], [0x91, 0xd4, 67, 0x90]]) expect(() => decode(bytes, flat)).toThrow(refused("it is nested more than 1 deep"));
  });

  it("name an end by its place, which may be longer than a byte", () => {
    const ends: EndReader = { count: 1000, take: (number) => `end ${number}` as never };
    expect(msgpack().decode(encode([0, 127, 128, 300].map((place) => new ExtData(65, place < 128 ? Uint8Array.of(place) : Uint8Array.of((place & 127) | 128, place >> 7)))), ends)).toEqual(["end 0", "end 127", "end 128", "end 300"]);
  });

  it("are those of the extension whose type they have", () => {
    const of = (type: number) => ({ type, is: () => false, encode: () => 0, decode: (sent: unknown) => [type, sent] });
    const codec = msgpack({ extensions: [of(1), of(0), of(63)] });
    expect(codec.decode(encode([0, 1, 63].map((type) => new ExtData(type, encode("x")))), noEnds)).toEqual([[0, "x"], [1, "x"], [63, "x"]]);
  });

  it("may make an extension decode another message of the same codec: the ends of each are its own", () => {
    const endAt = (place: number) => new ExtData(65, Uint8Array.of(place));
    const reader = (name: string): EndReader => ({ count: 9, take: (number) => `${name} ${number}` as never });
    const codec = msgpack({ extensions: [{ type: 1, is: () => false, encode: () => 0, decode: (sent) => codec.decode(sent as Uint8Array, reader("inner")) }] });
    expect(codec.decode(encode([endAt(0), new ExtData(1, encode(encode([endAt(7)]))), endAt(1)]), reader("outer"))).toEqual(["outer 0", ["inner 7"], "outer 1"]);
    expect(() => codec.decode(encode([new ExtData(1, encode(Uint8Array.of(0xc1)))]), reader("outer"))).toThrow("0xc1");
  });
});
