import { describe, expect, it } from "vitest";
import { OriginCollector, RecordStore, type OriginCollectorOptions } from "@astranet/discovery";
import { DecreedReachability, HandClock, idOf } from "./support/world.ts";

interface World {
  readonly clock: HandClock;
  readonly store: RecordStore;
  readonly reachability: DecreedReachability;
  readonly collector: OriginCollector;
  readonly returned: unknown[];
  hear(n: number, seq?: number): void;
}

function makeWorld(options: Partial<OriginCollectorOptions> = {}): World {
  const clock = new HandClock();
  const store = new RecordStore({ self: idOf(0), incarnation: 1n });
  const reachability = new DecreedReachability();
  const returned: unknown[] = [];
  const collector = new OriginCollector({ store, reachability, clock, returned: (...args) => returned.push(args), ...options });
  const hear = (n: number, seq = 1): void => void store.merge({ origin: idOf(n), incarnation: 1n, slot: 0, seq, flags: 0, payload: Uint8Array.of(seq) });
  return { clock, store, reachability, collector, returned, hear };
}

describe("OriginCollector", () => {
  it("hushes an origin a third of the time after it was lost, and forgets it at the end", () => {
    const { clock, store, reachability, hear } = makeWorld();
    reachability.set(idOf(1), 5);
    hear(1);
    clock.advance(500_000);
    expect(store.advertised(idOf(1))).toBe(true);
    reachability.set(idOf(1), undefined);
    clock.advance(29_999);
    expect(store.advertised(idOf(1))).toBe(true);
    clock.advance(1);
    expect([store.advertised(idOf(1)), store.digest.count, store.size]).toEqual([false, 0, 1]);
    clock.advance(59_999);
    expect(store.incarnationOf(idOf(1))).toBe(1n);
    clock.advance(1);
    expect(store.incarnationOf(idOf(1))).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it("goes on telling of an origin while it changes: as long as it can be reached, and for a third of the time after that", () => {
    const { clock, store, reachability, returned, hear } = makeWorld();
    reachability.set(idOf(1), 5);
    hear(1);
    // One that never could be reached waits beside it, and is forgotten later.
    hear(2);
    clock.advance(1000);
    hear(1, 2);
    expect(store.advertised(idOf(1))).toBe(true);
    clock.advance(0);
    reachability.set(idOf(1), undefined);
    for (let seq = 3; seq < 6; seq += 1) {
      clock.advance(9_999);
      hear(1, seq);
      reachability.set(idOf(1), undefined);
      expect(store.advertised(idOf(1))).toBe(true);
      clock.advance(0);
      expect(store.advertised(idOf(1))).toBe(true);
    }
    clock.advance(3);
    expect([store.advertised(idOf(1)), store.advertised(idOf(2))]).toEqual([false, false]);
    clock.advance(59_999);
    expect([...store.origins()]).toEqual([idOf(0), idOf(1)]);
    clock.advance(1);
    expect([[...store.origins()], returned]).toEqual([[idOf(0)], []]);
  });

  it("hushes at once what cannot be reached when it is first heard of, and waits for the end of the tick to ask", () => {
    const { clock, store, reachability, hear } = makeWorld();
    hear(1);
    hear(2);
    expect([store.advertised(idOf(1)), store.advertised(idOf(2)), clock.pending]).toEqual([false, false, 1]);
    reachability.setQuietly(idOf(2), 5);
    clock.advance(0);
    expect([store.advertised(idOf(1)), store.advertised(idOf(2))]).toEqual([false, true]);
    clock.advance(90_000);
    expect([...store.origins()]).toEqual([idOf(0), idOf(2)]);
  });

  it("does not count the time anew when more is heard of an origin that cannot be reached", () => {
    const { clock, store, hear } = makeWorld();
    hear(1);
    for (let seq = 2; seq < 10; seq += 1) {
      clock.advance(10_000);
      hear(1, seq);
    }
    clock.advance(10_000);
    expect(store.incarnationOf(idOf(1))).toBeUndefined();
  });

  it("tells when a hushed origin can be reached again, since when it was hushed, and whether it was known before", () => {
    const { clock, store, reachability, returned, hear } = makeWorld();
    clock.advance(1000);
    hear(1);
    clock.advance(1000);
    reachability.set(idOf(1), 5);
    expect(returned).toEqual([[idOf(1), 1000, false]]);
    expect(store.advertised(idOf(1))).toBe(true);
    reachability.set(idOf(1), undefined);
    clock.advance(29_000);
    reachability.set(idOf(1), 5);
    expect(returned).toHaveLength(1);
    reachability.set(idOf(1), undefined);
    clock.advance(40_000);
    reachability.set(idOf(1), 5);
    expect(returned.slice(1)).toEqual([[idOf(1), 61_000, true]]);
    clock.advance(500_000);
    expect(store.incarnationOf(idOf(1))).toBe(1n);
    expect(clock.pending).toBe(0);
  });

  it("says since when an origin was hushed also where the tick took its time: who came within it has not heard of it", () => {
    class SlowClock extends HandClock {
      lateMs = 0;

      override now(): number {
        return super.now() + this.lateMs;
      }
    }
    const clock = new SlowClock();
    const { store, reachability, returned, hear } = makeWorld({ clock });
    clock.advance(1000);
    hear(1);
    clock.lateMs = 7;
    hear(1, 2);
    clock.advance(0);
    reachability.set(idOf(1), 5);
    expect([returned, store.advertised(idOf(1))]).toEqual([[[idOf(1), 1000, false]], true]);
  });

  it("begins again with an origin that was dropped by somebody else", () => {
    const { clock, store, reachability, hear } = makeWorld();
    reachability.set(idOf(1), 5);
    hear(1);
    clock.advance(0);
    store.drop(idOf(1));
    hear(1);
    expect(store.advertised(idOf(1))).toBe(false);
    clock.advance(0);
    expect(store.advertised(idOf(1))).toBe(true);
    hear(2);
    store.drop(idOf(2));
    clock.advance(100_000);
    expect([...store.origins()]).toEqual([idOf(0), idOf(1)]);
  });

  it("looks at what is there already when it is made, and never at this node itself", () => {
    const clock = new HandClock();
    const store = new RecordStore({ self: idOf(0), incarnation: 1n });
    store.put(0, Uint8Array.of(1));
    store.merge({ origin: idOf(1), incarnation: 1n, slot: 0, seq: 1, flags: 0, payload: Uint8Array.of(1) });
    const reachability = new DecreedReachability();
    new OriginCollector({ store, reachability, clock, forgetAfterMs: 300 });
    reachability.set(idOf(0), undefined);
    store.put(0, Uint8Array.of(2));
    clock.advance(300);
    expect([...store.origins()]).toEqual([idOf(0)]);
    expect([store.advertised(idOf(0)), store.digest.count]).toEqual([true, 1]);
  });

  it("forgets nothing any more once it is closed", () => {
    const { clock, store, reachability, collector, hear } = makeWorld();
    hear(1);
    clock.advance(10);
    hear(2);
    collector.close();
    reachability.set(idOf(1), 5);
    clock.advance(100_000);
    expect([...store.origins()]).toEqual([idOf(0), idOf(1), idOf(2)]);
    expect(clock.pending).toBe(0);
  });

  it("looks at nothing any more once it is closed in the tick in which something came", () => {
    const { clock, store, collector, hear } = makeWorld();
    hear(1);
    collector.close();
    clock.advance(100_000);
    expect([[...store.origins()], clock.pending]).toEqual([[idOf(0), idOf(1)], 0]);
  });

  it("forgets nothing any more once it is closed by who hears of the first that is forgotten", () => {
    const { clock, store, reachability, collector, hear } = makeWorld();
    reachability.set(idOf(4), 5);
    for (const n of [1, 2, 3, 4]) hear(n);
    store.subscribe(() => collector.close());
    clock.advance(89_999);
    // One that is still told of.
    reachability.set(idOf(4), undefined);
    clock.advance(1);
    expect([[...store.origins()], clock.pending]).toEqual([[idOf(0), idOf(2), idOf(3), idOf(4)], 0]);
  });
});
