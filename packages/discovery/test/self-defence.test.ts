import { describe, expect, it } from "vitest";
import type { AstraError } from "@astranet/transport";
import { RecordStore, maxIncarnation, type MergeResult } from "@astranet/discovery";
import { HandClock, idOf } from "./support/world.ts";

interface Defender {
  readonly clock: HandClock;
  readonly store: RecordStore;
  readonly superseded: AstraError[];
  /** Somebody speaks for the node, with an incarnation so much above its own. */
  forge(above?: bigint): MergeResult;
}

function makeDefender(): Defender {
  const clock = new HandClock();
  const superseded: AstraError[] = [];
  const store = new RecordStore({ self: idOf(1), incarnation: 100n, clock, onsuperseded: (error) => superseded.push(error) });
  store.put(0x0200, Uint8Array.of(1));
  const forge = (above = 1n): MergeResult =>
    store.merge({ origin: idOf(1), incarnation: store.incarnation + above, slot: 0x0200, seq: 1, flags: 0, payload: Uint8Array.of(9) });
  return { clock, store, superseded, forge };
}

describe("a node for which somebody else speaks", () => {
  it("outbids them twice, and gives way the third time within thirty seconds", () => {
    const { clock, store, superseded, forge } = makeDefender();
    expect([forge(), store.incarnation]).toEqual(["defended", 102n]);
    clock.advance(14_000);
    expect([forge(50n), store.incarnation]).toEqual(["defended", 153n]);
    clock.advance(14_000);
    expect([forge(), store.incarnation, store.superseded]).toEqual(["old", 153n, true]);
    expect(superseded.map(({ code, message }) => [code, message])).toEqual([
      ["ERR_ASTRANET_SUPERSEDED", `ERR_ASTRANET_SUPERSEDED: a process that started later lives under the id ${idOf(1)} too`],
    ]);
    clock.advance(100_000);
    expect([forge(), store.incarnation, superseded.length]).toEqual(["old", 153n, 1]);
  });

  it("goes on defending itself when they are at it less often", () => {
    const { clock, store, superseded, forge } = makeDefender();
    for (let i = 0; i < 20; i += 1) {
      expect(forge()).toBe("defended");
      clock.advance(15_000);
    }
    expect([store.superseded, superseded]).toEqual([false, []]);
  });

  it("does not count what is not newer than what it says itself", () => {
    const { store, superseded, forge } = makeDefender();
    for (let i = 0; i < 10; i += 1) forge(-1n);
    const [own] = [...store.records()];
    for (let i = 0; i < 10; i += 1) expect(store.merge(own!)).toBe("known");
    expect([store.incarnation, superseded]).toEqual([100n, []]);
  });

  it("gives way without a listener too", () => {
    const store = new RecordStore({ self: idOf(1), incarnation: 1n, clock: new HandClock() });
    for (let i = 0n; i < 5n; i += 1n) store.merge({ origin: idOf(1), incarnation: 1000n + i * 1000n, slot: 1, seq: 1, flags: 0, payload: new Uint8Array() });
    expect([store.superseded, store.incarnation]).toEqual([true, 2001n]);
  });

  it("still writes its own records when it was superseded, so that closing it does not fail", () => {
    const { store, forge } = makeDefender();
    for (let i = 0; i < 3; i += 1) forge();
    expect(store.put(0x0200, new Uint8Array()).payload).toHaveLength(0);
  });

  it("stays within what a version can say, when somebody claimed the last one there is", () => {
    const store = new RecordStore({ self: idOf(1), incarnation: maxIncarnation, clock: new HandClock() });
    store.put(1, Uint8Array.of(1));
    store.merge({ origin: idOf(1), incarnation: maxIncarnation, slot: 1, seq: 0xff_ff_ff_fe, flags: 0, payload: Uint8Array.of(2) });
    expect(store.get(idOf(1), 1)).toMatchObject({ incarnation: maxIncarnation, seq: 0xff_ff_ff_ff });
    expect(store.put(1, Uint8Array.of(3))).toMatchObject({ incarnation: maxIncarnation, seq: 0xff_ff_ff_ff });
  });
});

describe("the digests of a store", () => {
  it("are those of its records, whatever way they came, and leave out what is not advertised", () => {
    const [one, other] = [1, 2].map((n) => new RecordStore({ self: idOf(n), incarnation: 1n })) as [RecordStore, RecordStore];
    const record = { origin: idOf(7), incarnation: 1n, slot: 3, seq: 1, flags: 0, payload: Uint8Array.of(1) };
    one.merge(record);
    other.merge({ ...record, seq: 9 });
    other.drop(idOf(7));
    other.merge({ ...record, incarnation: 0n, slot: 4 });
    other.merge(record);
    expect(other.digest).toEqual(one.digest);
    expect(other.buckets()).toEqual(one.buckets());
    expect(one.digestOf(idOf(7))).toEqual(one.digest);
    expect(one.digest.count).toBe(1);
    one.advertise(idOf(7), false);
    one.advertise(idOf(7), false);
    expect(one.digest).toEqual({ hi: 0, lo: 0, count: 0 });
    one.merge({ ...record, slot: 5 });
    expect([one.digest.count, one.digestOf(idOf(7))?.count]).toEqual([0, 2]);
    one.merge({ ...record, incarnation: 2n });
    expect(one.advertised(idOf(7))).toBe(false);
    one.advertise(idOf(7), true);
    expect([one.digest.count, one.advertised(idOf(7)), one.advertised(idOf(8))]).toEqual([1, true, false]);
  });

  it("differ where anything differs: a version, a flag, a byte", () => {
    const record = { origin: idOf(7), incarnation: 1n, slot: 3, seq: 1, flags: 0, payload: Uint8Array.of(1) };
    const digests = [record, { ...record, seq: 2 }, { ...record, flags: 1 }, { ...record, payload: Uint8Array.of(2) }, { ...record, slot: 4 }, { ...record, incarnation: 2n }].map((each) => {
      const store = new RecordStore({ self: idOf(1), incarnation: 1n });
      store.merge(each);
      return `${store.digest.hi} ${store.digest.lo}`;
    });
    expect(new Set(digests).size).toBe(6);
  });

  it("put an origin into the bucket of its first byte", () => {
    const store = new RecordStore({ self: idOf(1), incarnation: 1n });
    store.merge({ origin: "0300000000000000", incarnation: 1n, slot: 3, seq: 1, flags: 0, payload: Uint8Array.of(1) });
    const buckets = store.buckets();
    expect([...buckets.subarray(24, 32)].some((byte) => byte !== 0)).toBe(true);
    expect([...buckets].filter((byte, i) => byte !== 0 && (i < 24 || i >= 32))).toEqual([]);
  });
});
