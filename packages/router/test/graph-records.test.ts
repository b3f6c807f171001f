import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAdjacency, encodeAdjacency, fragmentCounts, fragmentOf, maxFragmentEntries, type Neighbour } from "../src/graph/adjacency-record.ts";
import { decodeNode, encodeNode, type NodeRecord } from "../src/graph/node-record.ts";
import { isNodeId, nodeIdFromBytes } from "../src/node-id.ts";
import vectors from "./graph-vectors.json" with { type: "json" };
import { relay } from "./support/graph-world.ts";
import { idOf } from "./support/network.ts";

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whatever msgpack can say, in a few bytes. */
const anything = fc.anything({
  values: [fc.boolean(), fc.integer(), fc.double(), fc.string(), fc.constant(null), fc.uint8Array({ maxLength: 20 })],
  key: fc.string().filter((key) => key !== "__proto__"),
  maxDepth: 2,
  maxKeys: 5,
});

const nodeVectors = vectors.node.map((vector) => ({
  ...vector,
  record: vector.says === null ? undefined : ({ ...vector.says, key: fromHex(vector.says.key) } as NodeRecord),
}));

describe("a NODE record's payload", () => {
  it.each(nodeVectors)("decodes: $name", ({ hex, record }) => {
    expect(decodeNode(fromHex(hex))).toEqual(record);
  });

  it.each(nodeVectors.filter(({ decodeOnly }) => decodeOnly !== true))("is what is encoded: $name", ({ hex, record }) => {
    expect(toHex(encodeNode(record!))).toBe(hex);
  });

  it("decodes to what was encoded", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 16 });
    const record: fc.Arbitrary<NodeRecord> = fc.record({
      role: fc.constantFrom("auto", "peer", "client", "server", "router"),
      relays: fc.boolean(),
      overloaded: fc.boolean(),
      leaving: fc.boolean(),
      key: fc.uint8Array({ maxLength: 64 }),
      addresses: fc.array(fc.string({ minLength: 1, maxLength: 512 }), { maxLength: 8 }),
      name: text.filter((each) => new TextEncoder().encode(each).length <= 64),
      load: fc.integer({ min: 0, max: 255 }),
      features: fc.integer({ min: 0, max: 0xff_ff_ff_ff }),
    });
    fc.assert(
      fc.property(record, (each) => {
        expect(decodeNode(encodeNode(each))).toEqual(each);
      }),
    );
  });

  it("holds a key of 64 bytes, eight addresses of 512 characters, a name of 64 bytes, a load of 255 and features of 32 bits", () => {
    const most: NodeRecord = { ...relay, key: new Uint8Array(64).fill(7), addresses: Array<string>(8).fill("a".repeat(512)), name: "ä".repeat(32), load: 255, features: 2 ** 32 - 1 };
    expect(decodeNode(encodeNode(most))).toEqual(most);
  });

  it.each<[string, Partial<NodeRecord>, string]>([
    ["a role that is none", { role: "boss" as never }, 'role "boss" is none of auto, peer, client, server, router'],
    ["a key of 65 bytes", { key: new Uint8Array(65) }, "a key of 65 bytes is longer than 64"],
    ["nine addresses", { addresses: Array<string>(9).fill("tcp4 127.0.0.1:1") }, "9 addresses are more than 8"],
    ["an address of 513 characters", { addresses: ["a".repeat(513)] }, `"${"a".repeat(513)}" is no address of 1 to 512 characters`],
    ["an empty address", { addresses: [""] }, '"" is no address of 1 to 512 characters'],
    ["a name of 65 bytes", { name: "ä".repeat(32) + "a" }, `the name "${"ä".repeat(32)}a" is no text of at most 64 bytes`],
    ["a load of 256", { load: 256 }, "load 256 is not a whole number between 0 and 255"],
    ["a load of 1.5", { load: 1.5 }, "load 1.5 is not a whole number between 0 and 255"],
    ["a load of -1", { load: -1 }, "load -1 is not a whole number between 0 and 255"],
    ["features of 33 bits", { features: 2 ** 32 }, "features 4294967296 are not 32 bits"],
  ])("cannot say %s", (_name, wrong, why) => {
    expect(() => encodeNode({ ...relay, ...wrong })).toThrow(expect.objectContaining({ code: "EINVAL", message: `EINVAL: a NODE record cannot say that: ${why}` }));
  });

  it("says nothing when it is any other msgpack value than a map with a role", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = encode(value);
        if (typeof (value as { role?: unknown } | null)?.role !== "string") expect(decodeNode(bytes)).toBeUndefined();
      }),
      { examples: [[null], [7], ["role"], [true], [["router"]], [new Uint8Array(3)], [{}], [new Date(0)]] },
    );
  });

  it("says nothing when a field is of another kind or out of its range, whatever it is", () => {
    const isFlag = (value: unknown): boolean => typeof value === "boolean";
    const isWithin = (most: number) => (value: unknown): boolean => typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
    const fields: Record<string, readonly [name: keyof NodeRecord, isGood: (value: unknown) => boolean]> = {
      relay: ["relays", isFlag],
      over: ["overloaded", isFlag],
      leave: ["leaving", isFlag],
      key: ["key", (value) => value instanceof Uint8Array && value.length <= 64],
      name: ["name", (value) => typeof value === "string" && new TextEncoder().encode(value).length <= 64],
      load: ["load", isWithin(255)],
      feat: ["features", isWithin(0xff_ff_ff_ff)],
    };
    const value = fc.oneof(anything, fc.boolean(), fc.integer(), fc.double(), fc.uint8Array({ maxLength: 70 }), fc.string({ unit: "grapheme", maxLength: 70 }));
    const wrongs = [null, 0, 1, -1, 1.5, 255, 256, 2 ** 32, "", "7", true, [], {}, [1], new Uint8Array(64), new Uint8Array(65), "ä".repeat(33), "a".repeat(64)];
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(fields)), value, (field, each) => {
        const [name, isGood] = fields[field]!;
        const expected = isGood(each) ? { ...relay, relays: false, [name]: each === 0 ? 0 : each } : undefined;
        expect(decodeNode(encode({ role: "router", [field]: each }))).toEqual(expected);
      }),
      { numRuns: 500, examples: Object.keys(fields).flatMap((field) => wrongs.map((each): [string, unknown] => [field, each])) },
    );
  });

  it("leaves out of its addresses what is none, whatever it is", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anything, fc.string({ minLength: 1 })), { maxLength: 12 }), (addr) => {
        const expected = addr.filter((each) => typeof each === "string" && each.length > 0).slice(0, 8);
        expect(decodeNode(encode({ role: "peer", addr }))?.addresses).toEqual(expected);
      }),
      { examples: [[[null, 7, [1], new Uint8Array(2), { length: 3 }, "", "tcp4 127.0.0.1:1"]]] },
    );
    for (const addr of [null, 1, "tcp4 127.0.0.1:1", {}, new Uint8Array(2)]) expect(decodeNode(encode({ role: "peer", addr }))).toBeUndefined();
  });

  it("is not held by what was read of it", () => {
    const payload = encodeNode({ ...relay, key: Uint8Array.of(1, 2, 3) });
    const { key } = decodeNode(payload)!;
    payload.fill(0);
    expect(key).toEqual(Uint8Array.of(1, 2, 3));
    expect(key.buffer.byteLength).toBe(3);
  });

  it("is of any bytes never more than nothing: decoding does not throw", () => {
    const mutated = fc
      .tuple(fc.constantFrom(...vectors.node.map(({ hex }) => hex)), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }))
      .map(([hex, changes]) => {
        const bytes = fromHex(hex);
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
        const record = decodeNode(bytes);
        if (record !== undefined) expect(decodeNode(encodeNode(record))).toEqual(record);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("an ADJ record's payload", () => {
  it.each(vectors.adjacency)("decodes: $name", ({ hex, neighbours }) => {
    expect(decodeAdjacency(fromHex(hex))).toEqual(neighbours);
  });

  it.each(vectors.adjacency.filter(({ decodeOnly }) => decodeOnly !== true))("is what is encoded: $name", ({ hex, neighbours }) => {
    expect(toHex(encodeAdjacency([...neighbours].reverse()))).toBe(hex);
  });

  it("decodes to what was encoded, ids ascending", () => {
    const neighbour: fc.Arbitrary<Neighbour> = fc.record({
      id: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(nodeIdFromBytes).filter(isNodeId),
      cost: fc.integer({ min: 1, max: 10_000 }),
      kind: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(neighbour, { selector: ({ id }) => id, maxLength: 80 }), (each) => {
        expect(decodeAdjacency(encodeAdjacency(each))).toEqual([...each].sort((a, b) => (a.id < b.id ? -1 : 1)));
      }),
    );
  });

  it("of any bytes is a list of neighbours within their range: decoding does not throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        for (const { id, cost, kind } of decodeAdjacency(bytes)) {
          expect(isNodeId(id) && cost >= 1 && cost <= 10_000 && kind <= 255).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, Partial<Neighbour>, string]>([
    ["an id that is none", { id: "1234567890123456" }, '"1234567890123456" is no node id'],
    ["a cost of 0", { cost: 0 }, "the cost of a000000000000001, 0, is no whole number from 1 to 10000"],
    ["a cost of 10,001", { cost: 10_001 }, "the cost of a000000000000001, 10001, is no whole number from 1 to 10000"],
    ["a cost of 1.5", { cost: 1.5 }, "the cost of a000000000000001, 1.5, is no whole number from 1 to 10000"],
    ["a kind of 9 bits", { kind: 256 }, "the kind of a000000000000001, 256, is not 8 bits"],
    ["a kind of 1.5", { kind: 1.5 }, "the kind of a000000000000001, 1.5, is not 8 bits"],
    ["a kind of -1", { kind: -1 }, "the kind of a000000000000001, -1, is not 8 bits"],
  ])("cannot say %s", (_name, wrong, why) => {
    const expected = expect.objectContaining({ code: "EINVAL", message: `EINVAL: an ADJ record cannot say that: ${why}` }) as Error;
    expect(() => encodeAdjacency([{ id: idOf(1), cost: 1, kind: 0, ...wrong }])).toThrow(expected);
  });

  it("lists 256 neighbours at most", () => {
    const many = Array.from({ length: maxFragmentEntries + 1 }, (_, n) => ({ id: idOf(n), cost: 1, kind: 0 }));
    expect(() => encodeAdjacency(many)).toThrow("257 neighbours are more than 256");
    const most = encodeAdjacency(many.slice(1));
    expect(decodeAdjacency(most)).toHaveLength(256);
    const more = new Uint8Array(most.length + 11);
    more.set(most);
    more.set(most.subarray(1, 12), most.length);
    expect(decodeAdjacency(more)).toHaveLength(256);
  });
});

describe("a neighbour's fragment", () => {
  it("is the lowest bits of its id, so that more fragments only split each", () => {
    expect([1, 4, 16, 64].map((count) => fragmentOf("a0000000000000bf", count))).toEqual([0, 3, 15, 63]);
    expect(fragmentOf("ffffffffffffffff", 64)).toBe(63);
    for (const count of fragmentCounts.slice(1)) {
      for (let n = 0; n < 300; n += 1) expect(fragmentOf(idOf(n), count) % (count / 4)).toBe(fragmentOf(idOf(n), count / 4));
    }
  });
});
