import { describe, expect, it } from "vitest";
import { RecordStore, decodeRecord, encodeRecord, type StoredRecord } from "@astranet/discovery";
import { compareVersions, readRecords } from "../src/record.ts";
import { encodeList, encodeWantEntry, readList, readWants } from "../src/replication/replica-message.ts";
import { decodeEntries, encodeEntry, type ServiceEntry } from "../src/service-entry.ts";
import { sipHash } from "../src/sip-hash.ts";
import vectors from "../vectors/replication.json" with { type: "json" };

const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const hash64 = ({ hi, lo }: { hi: number; lo: number }): string => hi.toString(16).padStart(8, "0") + lo.toString(16).padStart(8, "0");

function recordOf({ origin, incarnation, slot, seq, flags, payload }: (typeof vectors.records)[number]): StoredRecord {
  return { origin, incarnation: BigInt(incarnation), slot, seq, flags, payload: fromHex(payload) };
}

function storeOf(): RecordStore {
  const store = new RecordStore({ self: "0000000000000abc", incarnation: 1n });
  for (const vector of vectors.records) if (vectors.store.records.includes(vector.name)) store.merge(recordOf(vector));
  return store;
}

/** The store's origins, in the vectors' order. */
const origins = ["a000000000000001", "03f00000000000bb"];

describe("a vector of a record", () => {
  it.each(vectors.records)("is what is written, read and hashed: $name", (vector) => {
    expect(toHex(encodeRecord(recordOf(vector)))).toBe(vector.hex);
    expect(decodeRecord(fromHex(vector.hex))).toEqual(recordOf(vector));
    expect(hash64(sipHash(fromHex(vector.hex)))).toBe(vector.hash);
  });

  it.each(vectors.invalid)("is refused: $name", ({ hex }) => {
    const refused = expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }) as Error;
    expect(() => readRecords(fromHex(hex))).toThrow(refused);
    expect(() => decodeRecord(fromHex(hex))).toThrow(refused);
  });

  it.each(vectors.versions)("is newer than another: $name", ({ newer, older }) => {
    const [a, b] = [decodeRecord(fromHex(newer)), decodeRecord(fromHex(older))];
    expect(compareVersions(a, b)).toBeGreaterThan(0);
    expect(compareVersions(b, a)).toBeLessThan(0);
    for (const order of [
      [a, b],
      [b, a],
    ]) {
      const store = new RecordStore({ self: "0000000000000abc", incarnation: 1n });
      for (const record of order) store.merge(record);
      expect(toHex(encodeRecord(store.get(a.origin, a.slot)!))).toBe(newer);
    }
  });
});

describe("the vector of a store", () => {
  const { digest, count, buckets, list, want, wantOfUnknown } = vectors.store;

  it("has these digests", () => {
    const store = storeOf();
    expect([hash64(store.digest), store.digest.count]).toEqual([digest, count]);
    const expected = new Uint8Array(256 * 8);
    for (const [bucket, hash] of Object.entries(buckets)) expected.set(fromHex(hash), Number(bucket) * 8);
    expect(toHex(store.buckets())).toBe(toHex(expected));
  });

  it("is listed so", () => {
    const store = storeOf();
    const entries = origins.map((origin) => ({ origin, incarnation: store.incarnationOf(origin)!, ...store.digestOf(origin)! }));
    expect(toHex(encodeList(entries))).toBe(list);
    expect(readList(fromHex(list)).map((entry) => [entry.origin, entry.incarnation, hash64(entry)])).toEqual(
      entries.map((entry) => [entry.origin, entry.incarnation, hash64(entry)]),
    );
  });

  it("says so what it has, where it wants more", () => {
    const store = storeOf();
    const parts = origins.map((origin) => toHex(encodeWantEntry(origin, store.incarnationOf(origin), [...store.cells(origin)])));
    expect(parts.join("")).toBe(want);
    expect(toHex(encodeWantEntry("0123456789abcdef", undefined, []))).toBe(wantOfUnknown);
    const [first] = readWants(fromHex(want));
    expect([first!.origin, [...first!.versions.keys()]]).toEqual([origins[0], [0x0200, 0x0201]]);
  });
});

describe("a vector of a service entry", () => {
  it.each(vectors.services)("is read, and written, so: $name", (vector) => {
    const entry = vector.entry === null ? undefined : ({ exclusiveSince: undefined, ...vector.entry } as ServiceEntry);
    expect(decodeEntries(fromHex(vector.hex))).toEqual(entry === undefined ? [] : [entry]);
    if (entry !== undefined && !("decodeOnly" in vector)) expect(toHex(encodeEntry(entry))).toBe(vector.hex);
  });
});
