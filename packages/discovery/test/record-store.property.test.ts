import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { RecordStore, decodeRecord, encodeRecord, type StoredRecord } from "@astranet/discovery";
import { idOf } from "./support/world.ts";

const record: fc.Arbitrary<StoredRecord> = fc.record({
  origin: fc.integer({ min: 1, max: 3 }).map(idOf),
  incarnation: fc.bigInt({ min: 1n, max: 3n }),
  slot: fc.constantFrom(0x0000, 0x0100, 0x0200, 0x0201),
  seq: fc.integer({ min: 1, max: 3 }),
  flags: fc.integer({ min: 0, max: 255 }),
  payload: fc.uint8Array({ maxLength: 3 }),
});

const freshStore = (): RecordStore => new RecordStore({ self: idOf(0), incarnation: 1n });

/** Everything but this node's own origin, in one order. */
function contents(store: RecordStore): string[] {
  return [...store.records()].map((each) => encodeRecord(each).join(",")).sort();
}

function merged(...batches: StoredRecord[][]): RecordStore {
  const store = freshStore();
  for (const batch of batches) for (const each of batch) store.merge(each);
  return store;
}

describe("merging records", () => {
  it("gives the same store for every order and number of deliveries", () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 12 }).chain((records) =>
          fc.tuple(
            fc.constant(records),
            fc.shuffledSubarray(records, { minLength: records.length, maxLength: records.length }),
            records.length === 0 ? fc.constant<typeof records>([]) : fc.array(fc.constantFrom(...records), { maxLength: 12 }),
          ),
        ),
        ([records, shuffled, repeated]) => {
          expect(contents(merged(shuffled, repeated))).toEqual(contents(merged(records)));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("is associative: stores that merged in parts agree with one that saw everything", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 8 }), fc.array(record, { maxLength: 8 }), fc.array(record, { maxLength: 8 }), (a, b, c) => {
        const left = merged([...merged(a, b).records()], c);
        const right = merged(a, [...merged(b, c).records()]);
        expect(contents(left)).toEqual(contents(right));
      }),
    );
  });

  it("never lets a stored version go back, and holds one incarnation an origin", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), (records) => {
        const store = freshStore();
        const newest = new Map<string, StoredRecord>();
        for (const each of records) {
          store.merge(each);
          for (const stored of store.records()) {
            const before = newest.get(`${stored.origin}/${stored.slot}`);
            if (before !== undefined) {
              expect(stored.incarnation > before.incarnation || (stored.incarnation === before.incarnation && stored.seq >= before.seq)).toBe(true);
            }
            newest.set(`${stored.origin}/${stored.slot}`, stored);
            expect(stored.incarnation).toBe(store.incarnationOf(stored.origin));
          }
        }
      }),
    );
  });

  it("counts the bytes that it holds", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), (records) => {
        const store = merged(records);
        expect(store.byteLength).toBe([...store.records()].reduce((sum, each) => sum + encodeRecord(each).length, 0));
      }),
    );
  });
});

describe("a record's bytes", () => {
  it("come back as the same record", () => {
    fc.assert(
      fc.property(record, (each) => {
        expect(decodeRecord(encodeRecord(each))).toEqual(each);
      }),
    );
  });

  it("are refused with a typed error, and never anything else, when they are damaged", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(encodeRecord(decodeRecord(bytes))).toEqual(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
        }
      }),
    );
  });
});
