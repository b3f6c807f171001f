import { json, msgpack, pipe, type Codec } from "@astranet/channel";
import { describe, expect, it } from "vitest";
import { encodeMessage, decodeMessage } from "../src/session/message-frame.ts";
import { channelPreface } from "../src/session/preface.ts";
import vectors from "../vectors/messages.json" with { type: "json" };

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (each) => Number.parseInt(each, 16));

/** The messages of the vectors, by their names. */
const messages: Record<string, () => unknown> = {
  "an object of JSON's values": () => ({ text: "grüße", list: [1, -1, 1.5, true, null], nested: {} }),
  "undefined and a hole": () => [undefined],
  "minus zero": () => -0,
  "a Date": () => new Date(1_700_000_000_123),
  "a Date before 1970": () => new Date(-1),
  "a Map with a Map in it": () => new Map<unknown, unknown>([["a", 1], [2, new Map()]]),
  "a Set": () => new Set(["x", 1]),
  "a large bigint": () => 2n ** 64n,
  "a negative bigint": () => -129n,
  bytes: () => Uint8Array.of(1, 2, 255),
  "a Float64Array": () => Float64Array.of(1.5),
  "a Uint16Array": () => Uint16Array.of(1, 258),
  "a DataView": () => new DataView(Uint8Array.of(7).buffer),
  "an ArrayBuffer": () => Uint8Array.of(8, 9).buffer,
  "a TypeError with a code and a cause": () => Object.assign(new TypeError("no", { cause: new Error("why") }), { code: "ENO" }),
  "an AggregateError": () => new AggregateError([new RangeError("one"), 2], "both"),
  "a Sender and a Receiver": () => ({ ret: pipe().sender, more: [pipe().receiver] }),
};

describe("the vectors of messages", () => {
  it.each(vectors.messages.map((vector) => [`${vector.codec}: ${vector.name}`, vector] as const))("%s", (_name, { codec: codecName, name, payload, ends }) => {
    const codec: Codec = codecName === "json" ? json() : msgpack();
    const message = messages[name]!();
    let count = 0;
    const encoded = codec.encode(message, { add: () => count++ });
    expect([hexOf(encoded), count]).toEqual([payload, ends]);
    const decoded = codec.decode(bytesOf(payload), { count: ends, take: (number) => `end ${number}` as never });
    if (ends === 0) expect(decoded).toEqual(message);
    else expect(decoded).toEqual({ ret: "end 0", more: ["end 1"] });
  });

  it("name each message that there is", () => {
    expect(new Set(vectors.messages.map(({ name }) => name))).toEqual(new Set(Object.keys(messages)));
  });
});

describe("the vectors of frames", () => {
  it.each(vectors.frames.map((vector) => [vector.name, vector] as const))("%s", (_name, { payload, references, frame }) => {
    const list = references as Parameters<typeof encodeMessage>[1];
    expect(hexOf(encodeMessage(bytesOf(payload), list))).toBe(frame);
    const body = bytesOf(frame);
    const prefix = body[0]! < 128 ? 1 : 2;
    const decoded = decodeMessage(body.subarray(prefix), 100);
    expect([hexOf(decoded.payload), decoded.references]).toEqual([payload, references]);
  });

  it.each(vectors.refused.map((vector) => [vector.name, vector] as const))("refused: %s", (_name, { body }) => {
    expect(() => msgpack().decode(decodeMessage(bytesOf(body), 100).payload, { count: 0, take: () => undefined as never })).toThrow();
  });
});

describe("the vectors of streams", () => {
  it.each(vectors.prefaces.map((vector) => [vector.codec, vector.bytes] as const))("a channel of %s", (codec, bytes) => {
    expect(hexOf(channelPreface(codec))).toBe(bytes);
  });
});
