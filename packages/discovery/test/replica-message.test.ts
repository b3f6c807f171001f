import { describe, expect, it } from "vitest";
import { RecordStore, type ReplicaMessage } from "@astranet/discovery";
import { differingBuckets, encodeList, encodeWantEntry, packedOf, parseDigest, readList, readWants } from "../src/replication/replica-message.ts";
import { record } from "./support/lone-replica.ts";
import { idOf } from "./support/world.ts";

const refused = (why: RegExp): Error => expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringMatching(why) as string }) as Error;

/** Node 9 with so many slots, each with a version of its own. */
function nineWith(slots: number): RecordStore {
  const store = new RecordStore({ self: idOf(1), incarnation: 1n, limits: { maxBytesPerOrigin: 1e6 } });
  for (let slot = 0; slot < slots; slot += 1) store.merge(record(9, slot, slot + 1, Uint8Array.of(1), 5n));
  return store;
}

describe("a digest", () => {
  const digest: ReplicaMessage = { t: "digest", h: Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2), n: 3, a: 4, f: true, q: true };

  it("is about everything, and asks, only where it says so", () => {
    expect(parseDigest(digest)).toEqual({ digest: { hi: 1, lo: 2, count: 3 }, held: 4, full: true, ask: true });
    for (const other of [false, undefined, 1]) expect(parseDigest({ ...digest, f: other, q: other })).toMatchObject({ full: false, ask: false });
  });

  it("is refused where its hash has not eight bytes, or a count is none", () => {
    for (const h of ["12345678", new Uint8Array(7), new Uint8Array(9)]) expect(() => parseDigest({ ...digest, h })).toThrow(refused(/digest's hash is not 8 bytes/));
    for (const count of ["3", 1.5, -1, Number.NaN, undefined]) {
      for (const field of ["n", "a"]) expect(() => parseDigest({ ...digest, [field]: count })).toThrow(refused(/counts/));
    }
    expect(parseDigest({ ...digest, n: 0, a: 0 })).toMatchObject({ digest: { count: 0 }, held: 0 });
  });
});

describe("packed bytes", () => {
  it("are refused where there are none, and what kind of message lacks them is said", () => {
    expect(packedOf({ t: "want", w: Uint8Array.of(1) }, "w")).toEqual(Uint8Array.of(1));
    for (const w of [undefined, "text", [1]]) expect(() => packedOf({ t: "want", w }, "w")).toThrow(refused(/message of want/));
  });

  it("of buckets name those that differ, and are refused where they are not 2,048", () => {
    const [ours, theirs] = [new Uint8Array(2048), new Uint8Array(2048)];
    for (const at of [0, 7, 8 * 9 + 3, 2047]) theirs[at] = 1;
    expect([differingBuckets(ours, ours), differingBuckets(theirs, ours)]).toEqual([new Set(), new Set([0, 9, 255])]);
    for (const length of [0, 2040, 2047, 2056]) expect(() => differingBuckets(new Uint8Array(length), ours)).toThrow(refused(new RegExp(`${length} bytes, not 2048`)));
  });

  it("of a list are refused where they end within an entry", () => {
    const bytes = encodeList([1, 2].map((n) => ({ origin: idOf(n), incarnation: 1n, hi: 3, lo: 4 })));
    for (let length = 0; length <= bytes.length; length += 1) {
      if (length % 24 === 0) expect(readList(bytes.subarray(0, length))).toHaveLength(length / 24);
      else expect(() => readList(bytes.subarray(0, length))).toThrow(refused(new RegExp(`list of ${length} bytes`)));
    }
  });

  it("of wants say what is there of each origin, and are refused where they end within one", () => {
    const store = nineWith(3);
    const parts = [encodeWantEntry(idOf(9), 5n, [...store.cells(idOf(9))]), encodeWantEntry(idOf(8), undefined, []), encodeWantEntry(idOf(9), 5n, [...store.cells(idOf(9))])];
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    const nine = { origin: idOf(9), incarnation: 5n, versions: new Map([...store.cells(idOf(9))].map(({ record: { slot, seq }, hash: { lo } }) => [slot, { seq, lo }])) };
    const whole = [nine, { origin: idOf(8), incarnation: 0n, versions: new Map() }, nine];
    const ends = [0, 48, 66, 114];
    for (let length = 0; length <= bytes.length; length += 1) {
      if (ends.includes(length)) expect(readWants(bytes.subarray(0, length))).toEqual(whole.slice(0, ends.indexOf(length)));
      else expect(() => readWants(bytes.subarray(0, length))).toThrow(refused(/want is truncated/));
    }
  });

  it("want an origin with more than 4,096 slots as if nothing of it were there", () => {
    const cells = [...nineWith(4097).cells(idOf(9))];
    const [most] = readWants(encodeWantEntry(idOf(9), 5n, cells.slice(0, 4096)));
    expect([most!.incarnation, most!.versions.size, most!.versions.get(4095)?.seq]).toEqual([5n, 4096, 4096]);
    expect(readWants(encodeWantEntry(idOf(9), 5n, cells))).toEqual([{ origin: idOf(9), incarnation: 0n, versions: new Map() }]);
  });
});
