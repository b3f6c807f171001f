import { RecordStore, type StoredRecord } from "@astranet/discovery";
import { describe, expect, it } from "vitest";
import { Adjacency } from "../src/graph/adjacency.ts";
import { decodeAdjacency } from "../src/graph/adjacency-record.ts";
import { FlapDamper } from "../src/graph/flap-damper.ts";
import { idOf } from "./support/network.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

interface World {
  readonly clock: VirtualClock;
  readonly store: RecordStore;
  readonly adjacency: Adjacency;
  /** When records were written, and how many neighbours the written fragment lists. */
  readonly writes: { readonly atMs: number; readonly slot: number; readonly count: number }[];
  /** The neighbours that all fragments list. */
  listed(): string[];
}

function world(): World {
  const clock = new VirtualClock();
  const store = new RecordStore({ self: idOf(0), incarnation: 1n });
  const writes: World["writes"] = [];
  store.subscribe((_origin, record) => {
    if (record !== undefined) writes.push({ atMs: clock.now(), slot: record.slot, count: decodeAdjacency(record.payload).length });
  });
  const listed = (): string[] => [...store.records(store.self)].flatMap(({ payload }: StoredRecord) => decodeAdjacency(payload).map(({ id }) => id)).sort();
  return { clock, store, adjacency: new Adjacency({ store, clock }), writes, listed };
}

describe("the records of a node's links", () => {
  it("list those that are up, as one writing a tick", async () => {
    const { clock, adjacency, writes, listed } = world();
    adjacency.up(idOf(1), { rttMs: 10 });
    adjacency.up(idOf(2), { rttMs: 10 });
    expect(writes).toEqual([]);
    await clock.settle();
    expect(writes.map(({ count }) => count)).toEqual([2]);
    adjacency.down(idOf(1));
    await clock.settle();
    expect(listed()).toEqual([idOf(2)]);
  });

  it("say what the link costs, and say it again when that has changed by much", async () => {
    const { clock, store, adjacency, writes } = world();
    const told: string[] = [];
    adjacency.subscribe((id) => told.push(id));
    adjacency.up(idOf(1), { rttMs: 10, factor: 2, kind: 7 });
    await clock.settle();
    expect(decodeAdjacency(store.get(store.self, 0x0100)!.payload)).toEqual([{ id: idOf(1), cost: 34, kind: 7 }]);
    expect([adjacency.cost(idOf(1)), [...adjacency.ids()]]).toEqual([34, [idOf(1)]]);
    await clock.advance(30_000);
    expect(decodeAdjacency(store.get(store.self, 0x0100)!.payload)[0]!.cost).toBe(23);
    for (let i = 0; i < 60; i += 1) {
      adjacency.sample(idOf(1), 100);
      await clock.advance(1000);
    }
    expect(adjacency.cost(idOf(1))).toBeGreaterThan(180);
    expect(told).toHaveLength(writes.length);
    adjacency.congested(idOf(1), true);
    const before = adjacency.cost(idOf(1))!;
    await clock.advance(10_000);
    expect(adjacency.cost(idOf(1))).toBeGreaterThan(1.9 * before);
  });

  it("say sooner what becomes due sooner: a queue that is long for 10 s, of a link that is still new", async () => {
    const { clock, store, adjacency } = world();
    adjacency.up(idOf(1), { rttMs: 10 });
    await clock.advance(1000);
    adjacency.congested(idOf(1), true);
    await clock.advance(9999);
    expect(adjacency.cost(idOf(1))).toBe(17);
    await clock.advance(1);
    expect(adjacency.cost(idOf(1))).toBe(34);
    await clock.advance(20);
    expect(decodeAdjacency(store.get(store.self, 0x0100)!.payload)[0]!.cost).toBe(34);
  });

  it("set no timer while nothing changes by itself", async () => {
    const { clock, adjacency } = world();
    adjacency.up(idOf(1), { rttMs: 10 });
    await clock.advance(1000);
    expect(clock.timers).toBe(1);
    await clock.advance(60_000);
    expect(clock.timers).toBe(0);
  });

  it("take a second word of a link that is up for a sample of its round trip", async () => {
    const { clock, adjacency, writes } = world();
    adjacency.up(idOf(1), { rttMs: 10 });
    await clock.advance(60_000);
    writes.length = 0;
    adjacency.up(idOf(1), { rttMs: 12, kind: 3 });
    await clock.advance(60_000);
    expect([adjacency.cost(idOf(1)), writes, clock.timers]).toEqual([11, [], 0]);
  });

  it("cost what the link is worth that serves now, where another one has taken its place", async () => {
    const { clock, adjacency } = world();
    adjacency.up(idOf(1), { rttMs: 10, factor: 2 });
    await clock.advance(60_000);
    expect(adjacency.cost(idOf(1))).toBe(23);
    adjacency.sample(idOf(1), 10, 3);
    await clock.advance(60_000);
    expect(adjacency.cost(idOf(1))).toBe(34);
    adjacency.sample(idOf(1), 10);
    await clock.advance(60_000);
    expect(adjacency.cost(idOf(1))).toBe(34);
  });

  it("say nothing of a link that is not up, whatever is heard of it", async () => {
    const { clock, adjacency, writes } = world();
    const told: string[] = [];
    adjacency.subscribe((id) => told.push(id));
    adjacency.sample(idOf(1), 5);
    adjacency.congested(idOf(1), true);
    adjacency.down(idOf(1));
    await clock.advance(60_000);
    expect([adjacency.cost(idOf(1)), adjacency.isSteady(idOf(1)), [...adjacency.ids()], told, writes]).toEqual([undefined, false, [], [], []]);
  });

  it("are news to who subscribes, until it has heard enough", () => {
    const { adjacency } = world();
    const told: string[] = [];
    const end = adjacency.subscribe((id) => told.push(id));
    adjacency.up(idOf(1), { rttMs: 10 });
    end();
    adjacency.up(idOf(2), { rttMs: 10 });
    adjacency.down(idOf(1));
    expect(told).toEqual([idOf(1)]);
  });

  it("are not told to who was unsubscribed by one who was told before", () => {
    const { adjacency } = world();
    const told: string[] = [];
    adjacency.subscribe(() => end());
    const end = adjacency.subscribe((id) => told.push(id));
    adjacency.up(idOf(1), { rttMs: 10 });
    expect(told).toEqual([]);
  });

  it("are spread over four times as many fragments when one lists more than 64", async () => {
    const { clock, store, adjacency, listed } = world();
    for (let n = 1; n <= 64; n += 1) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.settle();
    expect([...store.records(store.self)].map(({ slot }) => slot)).toEqual([0x0100]);
    for (let n = 65; n <= 300; n += 1) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.advance(20);
    expect(listed()).toHaveLength(300);
    const slots = [...store.records(store.self)].map(({ slot }) => slot).sort();
    expect(slots).toEqual(Array.from({ length: 16 }, (_, i) => 0x0100 + i));
  });

  it("are spread over 64 fragments at most, which then grow", async () => {
    const { clock, store, adjacency, listed } = world();
    for (let n = 1; n <= 4500; n += 1) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.settle();
    expect(listed()).toHaveLength(4500);
    expect([...store.records(store.self)]).toHaveLength(64);
  });

  it("name the first 256 neighbours where more have ids that end alike, and the next when one of those goes", async () => {
    const { clock, adjacency, listed } = world();
    const ids = Array.from({ length: 300 }, (_, n) => idOf(64 * n));
    for (const id of ids) adjacency.up(id, { rttMs: 10 });
    await clock.settle();
    expect(listed()).toEqual(ids.slice(0, 256));
    adjacency.down(ids[7]!);
    await clock.settle();
    expect(listed()).toEqual(ids.slice(0, 257).filter((id) => id !== ids[7]));
  });

  it("are none for fragments that list nobody", async () => {
    const { clock, store, adjacency, listed } = world();
    for (let n = 1; n <= 65; n += 1) adjacency.up(idOf(4 * n), { rttMs: 10 });
    await clock.settle();
    expect(listed()).toHaveLength(65);
    const counts = [...store.records(store.self)].map(({ payload }) => decodeAdjacency(payload).length);
    expect(counts.filter((count) => count === 0)).toEqual([]);
  });

  it("never let a neighbour out when fragments grow", async () => {
    const { clock, store, adjacency, listed } = world();
    for (let n = 1; n <= 64; n += 1) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.settle();
    const counts: number[] = [];
    store.subscribe(() => counts.push(new Set(listed().filter((id) => id <= idOf(64))).size));
    adjacency.up(idOf(65), { rttMs: 10 });
    await clock.advance(20);
    expect(counts).toEqual([64, 64, 64, 64]);
  });

  it("change by less than a kilobyte with each of 1,000 neighbours", async () => {
    const { clock, store, adjacency } = world();
    for (let n = 1; n <= 1000; n += 1) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.settle();
    for (const { payload } of store.records(store.self)) expect(payload.length).toBeLessThan(1000);
    expect([...store.records(store.self)]).toHaveLength(16);
  });

  it("are written 5 times at once, and then once a second, with all that came meanwhile", async () => {
    const { clock, adjacency, writes, listed } = world();
    const start = clock.now();
    for (let n = 1; n <= 100; n += 1) {
      adjacency.up(idOf(n % 2 === 0 ? n : n + 200), { rttMs: 10 });
      await clock.advance(50);
    }
    const times = writes.map(({ atMs }) => atMs - start);
    expect(times.slice(0, 5)).toEqual([0, 50, 100, 150, 200]);
    const spread = [...new Set(times)].slice(5);
    for (const [i, at] of spread.entries()) if (i > 0) expect(at - spread[i - 1]!).toBeGreaterThan(999);
    await clock.advance(1000);
    expect(listed()).toHaveLength(100);
  });

  it("that end as they were are not written, and do not count", async () => {
    const { clock, adjacency, writes, listed } = world();
    for (let n = 1; n <= 20; n += 1) {
      adjacency.up(idOf(n), { rttMs: 10 });
      adjacency.down(idOf(n));
      await clock.settle();
    }
    expect(writes).toEqual([]);
    for (let n = 101; n <= 105; n += 1) {
      adjacency.up(idOf(n), { rttMs: 10 });
      await clock.advance(20);
    }
    expect(listed()).toHaveLength(5);
  });

  it("that end as they were leave the next ones as quick as before, and as many", async () => {
    const { clock, adjacency, writes } = world();
    adjacency.up(idOf(1), { rttMs: 10 });
    await clock.advance(10_000);
    writes.length = 0;
    for (let n = 0; n < 20; n += 1) {
      adjacency.up(idOf(2), { rttMs: 10 });
      adjacency.down(idOf(2));
      await clock.settle();
    }
    const start = clock.now();
    for (let n = 101; n <= 105; n += 1) {
      adjacency.up(idOf(n), { rttMs: 10 });
      await clock.settle();
      await clock.advance(20);
    }
    expect(writes.map(({ atMs }) => atMs - start)).toEqual([0, 20, 40, 60, 80]);
  });

  it("are written no more often when two links are lost while good news waits", async () => {
    const { clock, adjacency, writes } = world();
    for (let n = 1; n <= 40; n += 1) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.advance(10_000);
    writes.length = 0;
    const start = clock.now();
    adjacency.up(idOf(50), { rttMs: 10 });
    await clock.settle();
    for (let n = 1; n <= 19; n += 2) {
      adjacency.up(idOf(50 + n), { rttMs: 10 });
      adjacency.down(idOf(n));
      adjacency.down(idOf(n + 1));
      await clock.advance(5);
    }
    expect(writes.map(({ atMs }) => atMs - start)).toEqual([0, 0, 5, 10, 15]);
  });

  it("are written at once, and then with all that comes up in the next 20 ms", async () => {
    const { clock, adjacency, writes } = world();
    const start = clock.now();
    for (let n = 1; n <= 10; n += 1) {
      adjacency.up(idOf(n), { rttMs: 10 });
      await clock.advance(4);
    }
    await clock.advance(20);
    expect(writes.map(({ atMs, count }) => [atMs - start, count])).toEqual([[0, 1], [20, 5], [40, 10]]);
  });

  it("tell of a loss at once, and of what waits with it", async () => {
    const { clock, adjacency, writes, listed } = world();
    const start = clock.now();
    for (const n of [1, 2]) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.advance(5);
    adjacency.up(idOf(3), { rttMs: 10 });
    await clock.advance(5);
    adjacency.down(idOf(1));
    adjacency.down(idOf(2));
    await clock.settle();
    expect(listed()).toEqual([idOf(3)]);
    await clock.advance(1000);
    expect(writes.map(({ atMs, count }) => [atMs - start, count])).toEqual([[0, 2], [10, 1]]);
  });

  it("say nothing of the loss of the last link, of which nobody could hear, and nothing at all when it is back", async () => {
    const { clock, adjacency, writes, listed } = world();
    adjacency.up(idOf(1), { rttMs: 10 });
    await clock.advance(1000);
    adjacency.down(idOf(1));
    await clock.advance(1000);
    adjacency.up(idOf(1), { rttMs: 10 });
    await clock.advance(1000);
    expect([writes.length, listed()]).toEqual([1, [idOf(1)]]);
  });

  it("say it at once when another link comes, even one that is not steady", async () => {
    const { clock, adjacency, listed } = world();
    for (const n of [1, 2]) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.settle();
    adjacency.down(idOf(1));
    await clock.settle();
    adjacency.down(idOf(2));
    await clock.settle();
    // Less than 20 ms after the last writing.
    await clock.advance(10);
    expect(listed()).toEqual([idOf(2)]);
    adjacency.up(idOf(3), { rttMs: 10 });
    await clock.settle();
    expect(listed()).toEqual([idOf(3)]);
    for (let i = 0; i < 3; i += 1) {
      adjacency.down(idOf(3));
      adjacency.up(idOf(3), { rttMs: 10 });
    }
    adjacency.down(idOf(3));
    await clock.advance(5000);
    expect(listed()).toEqual([idOf(3)]);
    adjacency.up(idOf(3), { rttMs: 10 });
    await clock.settle();
    expect(listed()).toEqual([]);
    await clock.advance(5000);
    expect(listed()).toEqual([idOf(3)]);
  });

  it("do not count the loss of the last link as a writing, of which only so many are free", async () => {
    const { clock, adjacency, listed } = world();
    for (let n = 1; n <= 20; n += 1) {
      adjacency.up(idOf(n % 2), { rttMs: 10 });
      adjacency.down(idOf(n % 2));
      await clock.settle();
    }
    adjacency.up(idOf(30), { rttMs: 10 });
    await clock.settle();
    expect(listed()).toEqual([idOf(30)]);
  });

  it("are tried again with the next change when the store refused them", async () => {
    const clock = new VirtualClock();
    const store = new RecordStore({ self: idOf(0), incarnation: 1n, limits: { maxBytesPerOrigin: 50 } });
    const refused: unknown[] = [];
    const adjacency = new Adjacency({ store, clock, refused: (error) => refused.push(error) });
    for (const n of [1, 2, 3]) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.settle();
    expect(refused).toEqual([expect.objectContaining({ code: "EINVAL" })]);
    adjacency.down(idOf(2));
    adjacency.down(idOf(3));
    await clock.settle();
    expect(decodeAdjacency(store.get(store.self, 0x0100)!.payload)).toHaveLength(1);
  });

  it("may be refused by the store although nobody wants to know", async () => {
    const clock = new VirtualClock();
    const store = new RecordStore({ self: idOf(0), incarnation: 1n, limits: { maxBytesPerOrigin: 50 } });
    const adjacency = new Adjacency({ store, clock });
    for (const n of [1, 2, 3]) adjacency.up(idOf(n), { rttMs: 10 });
    await clock.advance(1000);
    expect(store.get(store.self, 0x0100)).toBeUndefined();
    expect(adjacency.cost(idOf(3))).toBe(17);
  });

  it("stay as they are after close, and no timer is left", async () => {
    const { clock, adjacency, listed } = world();
    adjacency.up(idOf(1), { rttMs: 10 });
    await clock.settle();
    adjacency.close();
    adjacency.up(idOf(2), { rttMs: 10 });
    adjacency.sample(idOf(2), 300);
    adjacency.congested(idOf(2), true);
    expect(clock.timers).toBe(0);
    adjacency.down(idOf(1));
    await clock.advance(60_000);
    expect(listed()).toEqual([idOf(1)]);
    expect(clock.timers).toBe(0);
  });
});

describe("a link that flaps", () => {
  it("is listed at once the first three times, and later when it has been up for a while", async () => {
    const { clock, adjacency, listed } = world();
    const flap = async (): Promise<void> => {
      adjacency.down(idOf(1));
      await clock.advance(1200);
      adjacency.up(idOf(1), { rttMs: 10 });
      await clock.settle();
    };
    adjacency.up(idOf(1), { rttMs: 10 });
    await flap();
    await flap();
    expect([listed(), adjacency.isSteady(idOf(1))]).toEqual([[idOf(1)], true]);
    await flap();
    expect([listed(), adjacency.isSteady(idOf(1)), adjacency.cost(idOf(1))]).toEqual([[], false, 17]);
    await clock.advance(999);
    expect(listed()).toEqual([]);
    await clock.advance(1);
    expect([listed(), adjacency.isSteady(idOf(1))]).toEqual([[idOf(1)], true]);
    await flap();
    await clock.advance(1999);
    expect(listed()).toEqual([]);
    await clock.advance(1);
    expect(listed()).toEqual([idOf(1)]);
  });

  it("is not listed any sooner because its round trip is measured", async () => {
    const { clock, adjacency, listed } = world();
    for (let i = 0; i < 10; i += 1) {
      adjacency.up(idOf(1), { rttMs: 10 });
      adjacency.down(idOf(1));
    }
    adjacency.up(idOf(1), { rttMs: 10 });
    for (let ms = 0; ms < 5000; ms += 500) {
      adjacency.sample(idOf(1), 500);
      await clock.settle();
      expect([listed(), adjacency.isSteady(idOf(1))]).toEqual([[], false]);
      await clock.advance(500);
    }
    expect([listed(), adjacency.isSteady(idOf(1))]).toEqual([[idOf(1)], true]);
  });

  it("is trusted at once when the third of its last losses was 10 s ago", () => {
    const damper = new FlapDamper();
    for (const at of [1000, 1500, 2000]) damper.down(at);
    damper.up(10_999);
    expect(damper.steadyAt).toBe(11_999);
    damper.up(11_000);
    expect(damper.steadyAt).toBe(11_000);
  });

  it("is trusted again when it has been quiet for 10 s", async () => {
    const { clock, adjacency, listed } = world();
    for (let i = 0; i < 50; i += 1) {
      adjacency.up(idOf(1), { rttMs: 10 });
      adjacency.down(idOf(1));
      await clock.advance(100);
    }
    await clock.advance(10_000);
    adjacency.up(idOf(1), { rttMs: 10 });
    await clock.settle();
    expect(listed()).toEqual([idOf(1)]);
  });

  it("does not keep others from being listed", async () => {
    const { clock, adjacency, listed } = world();
    for (let i = 0; i < 100; i += 1) {
      adjacency.up(idOf(1), { rttMs: 10 });
      await clock.advance(50);
      adjacency.down(idOf(1));
      await clock.advance(50);
    }
    adjacency.up(idOf(2), { rttMs: 10 });
    await clock.settle();
    expect(listed()).toEqual([idOf(2)]);
  });
});
