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

  it.each<[string, Partial<NodeRecord>]>([
    ["a role that is none", { role: "boss" as never }],
    ["a key of 65 bytes", { key: new Uint8Array(65) }],
    ["nine addresses", { addresses: Array<string>(9).fill("tcp4 127.0.0.1:1") }],
    ["an address of 513 characters", { addresses: ["a".repeat(513)] }],
    ["an empty address", { addresses: [""] }],
    ["a name of 65 bytes", { name: "ä".repeat(32) + "a" }],
    ["a load of 256", { load: 256 }],
    ["features of 33 bits", { features: 2 ** 32 }],
  ])("cannot say %s", (_name, wrong) => {
    expect(() => encodeNode({ ...relay, ...wrong })).toThrow(expect.objectContaining({ code: "EINVAL" }));
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

  it.each<[string, Partial<Neighbour>]>([
    ["an id that is none", { id: "1234567890123456" }],
    ["a cost of 0", { cost: 0 }],
    ["a cost of 10,001", { cost: 10_001 }],
    ["a cost of 1.5", { cost: 1.5 }],
    ["a kind of 9 bits", { kind: 256 }],
  ])("cannot say %s", (_name, wrong) => {
    expect(() => encodeAdjacency([{ id: idOf(1), cost: 1, kind: 0, ...wrong }])).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("lists 256 neighbours at most", () => {
    const many = Array.from({ length: maxFragmentEntries + 1 }, (_, n) => ({ id: idOf(n), cost: 1, kind: 0 }));
    expect(() => encodeAdjacency(many)).toThrow(expect.objectContaining({ code: "EINVAL" }));
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
    for (const count of fragmentCounts.slice(1)) {
      for (let n = 0; n < 300; n += 1) expect(fragmentOf(idOf(n), count) % (count / 4)).toBe(fragmentOf(idOf(n), count / 4));
    }
  });
});
