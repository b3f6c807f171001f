import { RecordStore } from "@astranet/discovery";
import { describe, expect, it } from "vitest";
import { Adjacency } from "../src/graph/adjacency.ts";
import { encodeNode, nodeSlot } from "../src/graph/node-record.ts";
import { SpfBackoff, defaultSpfDelays } from "../src/graph/spf-backoff.ts";
import { Topology } from "../src/graph/topology.ts";
import { leaf, numbersOf, relay } from "./support/graph-world.ts";
import { idOf } from "./support/network.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

interface Member {
  readonly store: RecordStore;
  readonly adjacency: Adjacency;
  readonly topology: Topology;
  /** When an ADJ record of it was written. */
  readonly writes: number[];
}

/** Nodes whose records reach every other one 20 ms later, with links that tests move. */
class Mesh {
  readonly clock = new VirtualClock();
  readonly members: Member[] = [];

  add(record = relay): number {
    const n = this.members.length;
    const store = new RecordStore({ self: idOf(n), incarnation: 1n });
    const adjacency = new Adjacency({ store, clock: this.clock });
    const topology = new Topology({ store, self: idOf(n), clock: this.clock, neighbours: adjacency });
    const writes: number[] = [];
    this.members.push({ store, adjacency, topology, writes });
    for (const other of this.members.slice(0, -1)) for (const each of [...other.store.records(other.store.self)]) store.merge(each);
    store.subscribe((origin, each) => {
      if (origin !== store.self || each === undefined) return;
      if (each.slot !== nodeSlot) writes.push(this.clock.now());
      this.clock.setTimer(20, () => {
        for (const other of this.members) if (other.store !== store) other.store.merge(each);
      });
    });
    store.put(nodeSlot, encodeNode(record));
    return n;
  }

  up(a: number, b: number, rttMs = 10): void {
    this.members[a]!.adjacency.up(idOf(b), { rttMs });
    this.members[b]!.adjacency.up(idOf(a), { rttMs });
  }

  down(a: number, b: number): void {
    this.members[a]!.adjacency.down(idOf(b));
    this.members[b]!.adjacency.down(idOf(a));
  }

  way(from: number, to: number): number[] | undefined {
    return numbersOf(this.members[from]!.topology.path(idOf(to))?.ids);
  }
}

async function ringOf(size: number): Promise<Mesh> {
  const mesh = new Mesh();
  for (let n = 0; n < size; n += 1) mesh.add();
  for (let n = 0; n < size; n += 1) mesh.up(n, (n + 1) % size);
  await mesh.clock.advance(60_000);
  return mesh;
}

describe("the back-off of RFC 8405", () => {
  it("waits 50 ms when quiet, 200 ms while an event may still be told, 1 s when changes go on, and is quiet after 10 s without one", () => {
    const backoff = new SpfBackoff(defaultSpfDelays);
    expect(backoff.state(0)).toBe("quiet");
    expect([0, 10, 499].map((at) => backoff.changed(at))).toEqual([50, 200, 200]);
    expect(backoff.state(499)).toBe("short");
    expect(backoff.state(500)).toBe("long");
    expect([500, 6000].map((at) => backoff.changed(at))).toEqual([1000, 1000]);
    expect(backoff.state(15_999)).toBe("long");
    expect(backoff.state(16_000)).toBe("quiet");
    expect(backoff.changed(16_000)).toBe(50);
  });

  it("is quiet again after 10 s although only a single change was told", () => {
    const backoff = new SpfBackoff(defaultSpfDelays);
    backoff.changed(0);
    expect(backoff.state(9999)).toBe("long");
    expect(backoff.changed(10_000)).toBe(50);
  });
});

describe("a ring of five routers that loses a link", () => {
  it("finds the other way round at once at its ends, and within 70 ms everywhere, and reaches everybody", async () => {
    const mesh = await ringOf(5);
    expect(mesh.way(0, 1)).toEqual([0, 1]);
    mesh.down(0, 1);
    expect(mesh.way(0, 1)).toEqual([0, 4, 3, 2, 1]);
    await mesh.clock.advance(70);
    for (const [n, { topology }] of mesh.members.entries()) {
      for (let to = 0; to < 5; to += 1) expect(topology.cost(idOf(to)), `from ${n} to ${to}`).toBeDefined();
      expect(topology.routes()).toHaveLength(4);
    }
    expect(mesh.way(3, 0)).toEqual([3, 4, 0]);
    expect(mesh.way(2, 0)).toEqual([2, 3, 4, 0]);
  });
});

describe("a link that flaps ten times a second for a minute", () => {
  it("costs few records and computations anywhere, leaves other ways alone, and is as before 10 s later", async () => {
    const mesh = await ringOf(5);
    const before = mesh.members.map(({ topology }) => topology.stats().computations);
    for (const { writes } of mesh.members) writes.length = 0;
    const strangers: string[] = [];
    mesh.members[3]!.topology.subscribe((id) => strangers.push(id));
    for (let i = 0; i < 600; i += 1) {
      mesh.down(0, 1);
      await mesh.clock.advance(50);
      mesh.up(0, 1);
      await mesh.clock.advance(50);
      expect(mesh.way(0, 1)).toEqual([0, 1]);
    }
    for (const [n, { topology, writes }] of mesh.members.entries()) {
      expect(topology.stats().computations - before[n]!, `computations of ${n}`).toBeLessThanOrEqual(20);
      for (const [i, at] of writes.entries()) if (i >= 5) expect(at - writes[i - 1]!).toBeGreaterThanOrEqual(1000);
      expect(writes.length).toBeLessThanOrEqual(10);
    }
    // 2, 4 and everybody beyond are reached without that link all the time.
    expect(strangers.filter((id) => id !== idOf(0) && id !== idOf(1))).toEqual([]);
    await mesh.clock.advance(10_000);
    expect(mesh.way(4, 1)).toEqual([4, 0, 1]);
    expect(mesh.members[4]!.topology.hops(idOf(1))).toBe(2);
  });

  it("costs few computations when it flaps at any other rate", async () => {
    for (const everyMs of [400, 1500, 4000, 9000]) {
      const mesh = await ringOf(5);
      const before = mesh.members.map(({ topology }) => topology.stats().computations);
      for (let at = 0; at < 60_000; at += everyMs) {
        mesh.down(0, 1);
        await mesh.clock.advance(everyMs / 2);
        mesh.up(0, 1);
        await mesh.clock.advance(everyMs / 2);
      }
      for (const [n, { topology }] of mesh.members.entries()) {
        expect(topology.stats().computations - before[n]!, `computations of ${n}, every ${everyMs} ms`).toBeLessThanOrEqual(60);
      }
    }
  });
});

describe("a link whose round trip swings between 40 and 120 ms", () => {
  it("is advertised at most every 5 s, and moves no new path within 10 s of the last move", async () => {
    const mesh = new Mesh();
    for (let n = 0; n < 4; n += 1) mesh.add();
    for (const [a, b] of [[0, 1], [1, 3], [0, 2], [2, 3]] as const) mesh.up(a, b, 60);
    await mesh.clock.advance(60_000);
    for (const { writes } of mesh.members) writes.length = 0;
    const moves: number[] = [];
    let way = mesh.way(0, 3)!.join();
    for (let at = 0; at < 300_000; at += 500) {
      const rttMs = Math.floor(at / 5000) % 2 === 0 ? 40 : 120;
      for (const [a, b] of [[0, 1], [1, 0]] as const) mesh.members[a]!.adjacency.sample(idOf(b), rttMs);
      await mesh.clock.advance(500);
      const now = mesh.way(0, 3)!.join();
      if (now !== way) moves.push(at);
      way = now;
    }
    for (const { writes } of mesh.members) for (const [i, at] of writes.entries()) if (i > 0) expect(at - writes[i - 1]!).toBeGreaterThanOrEqual(5000);
    for (const [i, at] of moves.entries()) if (i > 0) expect(at - moves[i - 1]!).toBeGreaterThanOrEqual(10_000);
    expect(moves.length).toBeLessThanOrEqual(2);
  });
});

describe("a router that becomes overloaded", () => {
  it("gets no new circuits to relay as soon as the others know, and can still be reached", async () => {
    const mesh = new Mesh();
    for (const record of [leaf, relay, relay, leaf]) mesh.add(record);
    for (const [a, b, rtt] of [[0, 1, 10], [1, 3, 10], [0, 2, 50], [2, 3, 50]] as const) mesh.up(a, b, rtt);
    await mesh.clock.advance(60_000);
    expect(mesh.way(0, 3)).toEqual([0, 1, 3]);
    mesh.members[1]!.store.put(nodeSlot, encodeNode({ ...relay, overloaded: true }));
    await mesh.clock.advance(20);
    expect(mesh.way(0, 3)).toEqual([0, 2, 3]);
    expect(mesh.way(0, 1)).toEqual([0, 1]);
    await mesh.clock.advance(50);
    expect(mesh.members[3]!.topology.cost(idOf(1))).toBe(11);
  });
});
