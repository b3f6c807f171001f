import { describe, expect, it } from "vitest";
import { RecordStore, maxIncarnation, maxPayloadBytes, type RecordStoreLimits, type StoredRecord } from "@astranet/discovery";
import { HandClock, idOf } from "./support/world.ts";

function recordOf(n: number, change: Partial<StoredRecord> = {}): StoredRecord {
  return { origin: idOf(n), incarnation: 5n, slot: 0x0200, seq: 1, flags: 0, payload: Uint8Array.of(1), ...change };
}

const storeOf = (limits: Partial<RecordStoreLimits> = {}, incarnation = 5n): RecordStore =>
  new RecordStore({ self: idOf(0), incarnation, limits, clock: new HandClock() });

const refusal = (code: string, about: string): Error => expect.objectContaining({ code, message: expect.stringContaining(about) as string }) as Error;

/** A record takes 25 bytes besides its payload. */
const header = 25;

describe("a store", () => {
  it.each([`${idOf(0)}0`, `0${idOf(0)}`, idOf(0).toUpperCase(), ""])("is not made for %j, which is no node id", (self) => {
    expect(() => new RecordStore({ self, incarnation: 1n })).toThrow(refusal("EINVAL", JSON.stringify(self)));
  });

  it("is made for an incarnation between 0 and 2^63", () => {
    for (const incarnation of [0n, maxIncarnation]) expect(new RecordStore({ self: idOf(0), incarnation }).incarnation).toBe(incarnation);
    for (const incarnation of [-1n, maxIncarnation + 1n]) expect(() => new RecordStore({ self: idOf(0), incarnation })).toThrow(refusal("EINVAL", `${incarnation}`));
  });

  it("has nothing of an origin or a slot that it does not know", () => {
    const store = storeOf();
    store.merge(recordOf(1));
    for (const [origin, slot] of [[idOf(2), 0x0200], [idOf(1), 0x0201]] as const) {
      expect([store.get(origin, slot), store.cell(origin, slot)]).toEqual([undefined, undefined]);
    }
    expect([store.incarnationOf(idOf(2)), store.digestOf(idOf(2)), [...store.records(idOf(2))]]).toEqual([undefined, undefined, []]);
    store.advertise(idOf(2), false);
    expect(store.advertised(idOf(2))).toBe(false);
  });

  it("always advertises itself", () => {
    const store = storeOf();
    store.put(0x0200, Uint8Array.of(1));
    store.advertise(idOf(0), false);
    expect([store.advertised(idOf(0)), store.digest.count]).toEqual([true, 1]);
  });

  it("counts its records, and a place of one knows when it is none any more", () => {
    const store = storeOf();
    for (const slot of [0x0200, 0x0201]) store.merge(recordOf(1, { slot }));
    store.merge(recordOf(2));
    const [older, other] = [store.cell(idOf(1), 0x0200)!, store.cell(idOf(2), 0x0200)!];
    expect([store.size, older.live, other.live]).toEqual([3, true, true]);
    store.merge(recordOf(1, { incarnation: 6n }));
    expect([store.size, older.live, store.cell(idOf(1), 0x0200)!.live]).toEqual([2, false, true]);
    store.drop(idOf(2));
    expect([store.size, other.live]).toEqual([1, false]);
  });

  it("tells of an origin's first record alone, and of a new life before its first record", () => {
    const store = storeOf();
    const told: unknown[] = [];
    store.subscribe((origin, record) => told.push([origin, record?.incarnation]));
    store.merge(recordOf(1));
    store.merge(recordOf(1, { incarnation: 6n }));
    expect(told).toEqual([
      [idOf(1), 5n],
      [idOf(1), undefined],
      [idOf(1), 6n],
    ]);
  });
});

describe("a record of a store's own node", () => {
  it("is known when it is what was written, and old when it is what was written before", () => {
    const store = storeOf();
    const first = store.put(0x0200, Uint8Array.of(1));
    const second = store.put(0x0200, Uint8Array.of(2));
    expect([store.merge(second), store.merge(first)]).toEqual(["known", "old"]);
    expect(store.incarnation).toBe(5n);
  });

  it("begins anew with version 1 in the last incarnation there is, when somebody spoke in the one before", () => {
    const store = storeOf();
    store.put(0x0200, Uint8Array.of(1));
    expect(store.merge(recordOf(0, { incarnation: maxIncarnation - 1n, seq: 10, payload: Uint8Array.of(9) }))).toBe("defended");
    expect(store.get(idOf(0), 0x0200)).toMatchObject({ incarnation: maxIncarnation, seq: 1 });
  });
});

describe("a limit of a store", () => {
  it("maxPayloadBytes: is kept to the byte, by others and by itself", () => {
    const store = storeOf();
    expect(store.merge(recordOf(1, { payload: new Uint8Array(maxPayloadBytes) }))).toBe("new");
    expect(() => store.merge(recordOf(2, { payload: new Uint8Array(maxPayloadBytes + 1) }))).toThrow(refusal("ERR_ASTRANET_PROTOCOL", idOf(2)));
    expect(() => store.merge(recordOf(2, { incarnation: maxIncarnation + 1n }))).toThrow(refusal("ERR_ASTRANET_PROTOCOL", idOf(2)));
    expect(store.put(0x0200, new Uint8Array(maxPayloadBytes)).payload).toHaveLength(maxPayloadBytes);
    expect(() => store.put(0x0201, new Uint8Array(maxPayloadBytes + 1))).toThrow(refusal("EINVAL", `slot 513 cannot be written: ${maxPayloadBytes + 1} bytes`));
    expect(store.get(idOf(0), 0x0201)).toBeUndefined();
  });

  it("maxOrigins: a known origin may begin a new life", () => {
    const store = storeOf({ maxOrigins: 2 });
    store.merge(recordOf(1));
    expect(store.merge(recordOf(1, { incarnation: 6n }))).toBe("new");
    expect(() => store.merge(recordOf(2))).toThrow(refusal("ERR_ASTRANET_OVERLOAD", `2 origins are known, ${idOf(2)}`));
  });

  it("maxBytes: further origins are let in up to the byte", () => {
    const store = storeOf({ maxBytes: 2 * (header + 1) });
    store.merge(recordOf(1));
    expect(store.merge(recordOf(2))).toBe("new");
    expect(() => store.merge(recordOf(3, { payload: new Uint8Array(0) }))).toThrow(refusal("ERR_ASTRANET_OVERLOAD", `no room for origin ${idOf(3)}`));
    expect(store.merge(recordOf(2, { incarnation: 6n }))).toBe("new");
  });

  it("maxBytesPerOrigin: is kept to the byte, and what takes another's place counts once", () => {
    const store = storeOf({ maxBytesPerOrigin: 100 });
    expect(store.merge(recordOf(1, { payload: new Uint8Array(75) }))).toBe("new");
    expect(store.merge(recordOf(1, { seq: 2, payload: new Uint8Array(75).fill(2) }))).toBe("new");
    expect(() => store.merge(recordOf(1, { seq: 3, payload: new Uint8Array(76) }))).toThrow(
      refusal("ERR_ASTRANET_OVERLOAD", `a record of ${idOf(1)} is refused: its origin would hold 101 bytes, 100 are allowed`),
    );
    expect(store.put(0x0200, new Uint8Array(75)).seq).toBe(1);
    expect(store.put(0x0200, new Uint8Array(75).fill(2)).seq).toBe(2);
  });

  it("maxSlotsPerKind: a known slot may change, and the error says how many there are", () => {
    const store = storeOf({ maxSlotsPerKind: 1 });
    store.merge(recordOf(1));
    expect(store.merge(recordOf(1, { seq: 2 }))).toBe("new");
    expect(() => store.merge(recordOf(1, { slot: 0x0201 }))).toThrow(refusal("ERR_ASTRANET_OVERLOAD", "has 1 slots of that kind"));
  });
});
