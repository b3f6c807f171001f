import { describe, expect, it } from "vitest";
import { RecordStore, maxIncarnation, maxPayloadBytes, type StoredRecord } from "@astranet/discovery";
import { idOf } from "./support/world.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

function recordOf(n: number, change: Partial<StoredRecord> = {}): StoredRecord {
  return { origin: idOf(n), incarnation: 5n, slot: 0x0200, seq: 1, flags: 0, payload: bytes(1), ...change };
}

const storeOf = (limits = {}): RecordStore => new RecordStore({ self: idOf(0), incarnation: 5n, limits });

describe("RecordStore", () => {
  it("writes its own slots with rising versions, and not at all when they say the same", () => {
    const store = storeOf();
    expect(store.put(0x0200, bytes(1))).toMatchObject({ origin: idOf(0), incarnation: 5n, seq: 1 });
    expect(store.put(0x0200, bytes(1)).seq).toBe(1);
    expect(store.put(0x0200, bytes(2)).seq).toBe(2);
    expect(store.put(0x0200, bytes()).seq).toBe(3);
  });

  it("voids everything of an older incarnation when a newer one speaks", () => {
    const store = storeOf();
    store.merge(recordOf(1, { slot: 0x0200 }));
    store.merge(recordOf(1, { slot: 0x0201 }));
    const changes: unknown[] = [];
    store.subscribe((origin, record) => changes.push([origin, record?.slot]));
    expect(store.merge(recordOf(1, { incarnation: 6n, slot: 0x0202 }))).toBe("new");
    expect([...store.records(idOf(1))].map(({ slot }) => slot)).toEqual([0x0202]);
    expect(changes).toEqual([
      [idOf(1), undefined],
      [idOf(1), 0x0202],
    ]);
    expect(store.merge(recordOf(1, { seq: 900 }))).toBe("old");
  });

  it("does not tell a change to who was unsubscribed while it was told, nor to who has subscribed meanwhile", () => {
    const store = storeOf();
    const told: string[] = [];
    store.subscribe(() => {
      told.push("first");
      endSecond();
      store.subscribe(() => told.push("late"));
    });
    const endSecond = store.subscribe(() => told.push("second"));
    store.merge(recordOf(1));
    expect(told).toEqual(["first"]);
  });

  it("says known, old or new of what it is given", () => {
    const store = storeOf();
    expect(store.merge(recordOf(1, { seq: 2 }))).toBe("new");
    expect(store.merge(recordOf(1, { seq: 2 }))).toBe("known");
    expect(store.merge(recordOf(1, { seq: 1 }))).toBe("old");
  });

  it("outbids whoever speaks for it with a newer incarnation, and writes all its slots again", () => {
    const store = storeOf();
    store.put(0x0000, bytes(1));
    store.put(0x0200, bytes(2));
    expect(store.merge(recordOf(0, { incarnation: 77n, payload: bytes(9) }))).toBe("defended");
    expect(store.incarnation).toBe(78n);
    expect([...store.records(idOf(0))].map(({ incarnation, seq, payload }) => [incarnation, seq, payload[0]])).toEqual([
      [78n, 1, 1],
      [78n, 1, 2],
    ]);
    const other = new RecordStore({ self: idOf(1), incarnation: 1n });
    other.merge(recordOf(0, { incarnation: 77n, payload: bytes(9) }));
    for (const record of store.records()) other.merge(record);
    expect([...other.records(idOf(0))].map(({ payload }) => payload[0])).toEqual([1, 2]);
  });

  it("outbids a slot that it never wrote, and a newer version within its own incarnation", () => {
    const store = storeOf();
    store.put(0x0200, bytes(1));
    expect(store.merge(recordOf(0, { slot: 0x0201 }))).toBe("defended");
    expect(store.incarnation).toBe(6n);
    expect(store.merge(recordOf(0, { incarnation: 6n, seq: 2 }))).toBe("defended");
    expect(store.merge(recordOf(0, { incarnation: 6n, seq: 2 }))).toBe("old");
    expect(store.incarnation).toBe(7n);
  });

  it("takes the newest incarnation there can be with a higher version, when somebody claimed that one", () => {
    const store = storeOf();
    store.put(0x0200, bytes(1));
    expect(store.merge(recordOf(0, { incarnation: maxIncarnation, seq: 10 }))).toBe("defended");
    expect(store.get(idOf(0), 0x0200)).toMatchObject({ incarnation: maxIncarnation, seq: 11 });
  });

  it("refuses incarnations beyond 2^63 and payloads beyond 16 KiB as a breach of the protocol", () => {
    const store = storeOf();
    expect(() => store.merge(recordOf(1, { incarnation: maxIncarnation + 1n }))).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
    expect(() => store.merge(recordOf(1, { payload: new Uint8Array(maxPayloadBytes + 1) }))).toThrow(
      expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }),
    );
    expect([...store.records()]).toEqual([]);
  });

  it("forgets an origin that is dropped, but never itself", () => {
    const store = storeOf();
    store.put(0x0200, bytes(1));
    store.merge(recordOf(1));
    const own = store.byteLength - 26;
    expect(store.drop(idOf(1))).toBe(true);
    expect(store.drop(idOf(1))).toBe(false);
    expect(store.drop(idOf(0))).toBe(false);
    expect(store.byteLength).toBe(own);
    expect(store.merge(recordOf(1))).toBe("new");
  });

  it("is not made for something that is no node, or an incarnation that cannot be", () => {
    expect(() => new RecordStore({ self: "me", incarnation: 1n })).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => new RecordStore({ self: idOf(0), incarnation: maxIncarnation + 1n })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
});

describe("the limits of a store", () => {
  const overload = expect.objectContaining({ code: "ERR_ASTRANET_OVERLOAD" }) as Error;

  it("maxOrigins: further origins are refused, known ones may change", () => {
    const store = storeOf({ maxOrigins: 2 });
    store.merge(recordOf(1));
    expect(() => store.merge(recordOf(2))).toThrow(overload);
    expect(store.merge(recordOf(1, { seq: 2 }))).toBe("new");
    expect(store.incarnationOf(idOf(2))).toBeUndefined();
  });

  it("maxBytes: further origins are refused, known ones may change", () => {
    const store = storeOf({ maxBytes: 60 });
    store.merge(recordOf(1));
    store.merge(recordOf(2));
    expect(() => store.merge(recordOf(3))).toThrow(overload);
    expect(store.merge(recordOf(1, { seq: 2, payload: new Uint8Array(50) }))).toBe("new");
  });

  it("maxBytesPerOrigin: the origin keeps what it had", () => {
    const store = storeOf({ maxBytesPerOrigin: 100 });
    store.merge(recordOf(1));
    expect(() => store.merge(recordOf(1, { seq: 2, payload: new Uint8Array(100) }))).toThrow(overload);
    expect(store.get(idOf(1), 0x0200)).toMatchObject({ seq: 1 });
    expect(() => store.put(0x0200, new Uint8Array(100))).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("maxSlotsPerKind: each kind counts by itself", () => {
    const store = storeOf({ maxSlotsPerKind: 1 });
    store.merge(recordOf(1, { slot: 0x0200 }));
    expect(() => store.merge(recordOf(1, { slot: 0x0201 }))).toThrow(overload);
    expect(store.merge(recordOf(1, { slot: 0x0300 }))).toBe("new");
  });
});
