import { describe, expect, it } from "vitest";
import { HandLink, LoneReplica, record } from "./support/lone-replica.ts";
import { idOf } from "./support/world.ts";

describe("a node with several neighbours", () => {
  it("tells them only of itself where it does not forward, whatever it hears and whoever comes back", () => {
    const node = new LoneReplica({ forwards: false });
    const [left, right] = [node.link(2), node.link(3)];
    left.tell(record(2), record(3), record(9));
    node.clock.advance(100);
    const late = node.link(4);
    node.reachability.set(idOf(9), 1);
    node.clock.advance(1000);
    node.reachability.set(idOf(9), undefined);
    node.clock.advance(40_000);
    for (const link of [left, right, late]) expect(new Set(link.kinds())).toEqual(new Set(["digest"]));
    node.reachability.set(idOf(9), 1);
    node.clock.advance(1000);
    for (const link of [left, right, late]) expect(link.sent()).toEqual([]);
    node.store.put(0, Uint8Array.of(1));
    node.clock.advance(0);
    for (const link of [left, right, late]) expect(link.records()).toEqual(["1/0/1"]);
  });

  it("tells all of them what did not come by a link, also after one of them brought something or was refused", () => {
    const node = new LoneReplica({ limits: { maxOrigins: 3 } });
    const [left, right] = [node.link(2), node.link(3)];
    left.tell(record(8));
    node.store.merge(record(9));
    left.tell(record(10));
    node.store.merge(record(9, 1));
    node.clock.advance(0);
    expect([left.records(), right.records()]).toEqual([["9/0/1", "9/1/1"], ["8/0/1", "9/0/1", "9/1/1"]]);
  });

  it("hands on nothing of what is dropped by who hears of it", () => {
    const node = new LoneReplica();
    const [left, right] = [node.link(2), node.link(3)];
    node.store.subscribe((origin, changed) => {
      if (changed !== undefined) node.store.drop(origin);
    });
    left.tell(record(9), record(9, 1));
    node.clock.advance(100);
    expect([left.sent(), right.sent()]).toEqual([[], []]);
  });

  it("tells the first change at once, and those within 20 ms after it together, for which one timer waits", () => {
    const node = new LoneReplica();
    // What nobody could be told keeps nobody waiting.
    node.store.put(0, Uint8Array.of(0));
    node.clock.advance(5);
    const [left, right] = [node.link(2), node.link(3)];
    node.reachability.setQuietly(idOf(9), 1);
    const before = node.clock.pending;
    const told: [number, string[]][] = [];
    for (let i = 1; i <= 50; i += 1) {
      left.tell(record(9, i));
      node.store.put(0, Uint8Array.of(i));
      node.clock.advance(0);
      expect(node.clock.pending - before).toBeLessThanOrEqual(1);
      node.clock.advance(1);
      for (const at of right.wokenAt.splice(0)) told.push([at, right.records()]);
    }
    const slots = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `9/${from + i}/1`);
    expect(told.map(([at, names]) => [at, names.filter((name) => name.startsWith("9/"))])).toEqual([
      [5, slots(1, 1)],
      [25, slots(2, 20)],
      [45, slots(21, 40)],
    ]);
    expect(told.every(([, names]) => names.filter((name) => name.startsWith("1/")).length === 1)).toBe(true);
  });

  it("tells of who can be reached at last those that came since it was hushed, and the others nothing anew", () => {
    const node = new LoneReplica();
    const early = node.link(2);
    node.clock.advance(1000);
    const bringer = node.link(3);
    bringer.tell(record(9));
    node.clock.advance(0);
    expect(early.records()).toEqual(["9/0/1"]);
    const [same, late] = [node.link(4), node.link(5)];
    node.clock.advance(1000);
    node.reachability.set(idOf(9), 1);
    node.clock.advance(5000);
    expect([early.sent(), same.records(), late.records()]).toEqual([[], ["9/0/1"], ["9/0/1"]]);
    // Nobody else could have forgotten who never was there; who was, and was hushed, is compared half a second after it is back.
    node.reachability.set(idOf(9), undefined);
    node.clock.advance(40_000);
    for (const link of [early, bringer, same, late]) link.sent();
    node.reachability.set(idOf(9), 1);
    node.clock.advance(499);
    expect([early.sent(), late.sent()]).toEqual([[], []]);
    node.clock.advance(1);
    expect([early, bringer, same, late].map((link) => link.kinds())).toEqual([["digest"], ["digest"], ["digest"], ["digest"]]);
  });

  it("goes on owing them its own records where somebody spoke for it meanwhile", () => {
    const node = new LoneReplica();
    for (let slot = 0; slot < 150; slot += 1) node.store.put(slot, Uint8Array.of(slot));
    node.clock.advance(1000);
    const link = new HandLink(node, 2);
    link.tell(record(1, 0, 1, Uint8Array.of(9), 70n));
    const waiting = [...node.replication.waiting(idOf(1))].map(({ peer, records }) => [peer, [...records].map(({ incarnation }) => incarnation)]);
    expect(waiting).toEqual([[idOf(2), Array.from({ length: 150 }, () => 71n)]]);
  });

  it("forgets who cannot be reached after as long as it is told", () => {
    for (const [init, afterMs] of [[{ forgetAfterMs: 300 }, 300], [{}, 90_000]] as const) {
      const node = new LoneReplica(init);
      node.link(2).tell(record(9));
      node.clock.advance(afterMs - 1);
      expect(node.store.incarnationOf(idOf(9))).toBe(1n);
      node.clock.advance(1);
      expect(node.store.incarnationOf(idOf(9))).toBeUndefined();
    }
  });

  it("says nothing any more once it is closed, and waits for nothing", () => {
    const node = new LoneReplica();
    const links = [node.link(2), node.link(3)];
    links[0]!.tell(record(9));
    for (let i = 0; i < 102; i += 1) {
      node.store.put(0, Uint8Array.of(i));
      node.clock.advance(0);
    }
    node.store.put(1, Uint8Array.of(1));
    for (const link of links) link.wokenAt.length = 0;
    node.replication.close();
    node.store.put(2, Uint8Array.of(1));
    node.store.merge(record(8));
    node.replication.announce();
    node.clock.advance(200_000);
    for (const link of links) expect([link.sent(), link.wokenAt]).toEqual([[], []]);
    expect([[...node.replication.waiting()], [...node.store.origins()], node.clock.pending]).toEqual([[], [idOf(1), idOf(9), idOf(8)], 0]);
  });

  it("makes no more of a link that comes once it is closed than of one that is over", () => {
    const node = new LoneReplica();
    node.store.put(0, Uint8Array.of(1));
    node.clock.advance(0);
    node.replication.close();
    const link = node.link(2);
    expect(link.tell(record(9))).toBe(0);
    node.replication.announce();
    node.clock.advance(0);
    expect([link.sent(), link.wokenAt, [...node.store.origins()], node.clock.pending]).toEqual([[], [], [idOf(1)], 0]);
  });
});
