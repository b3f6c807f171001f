import { describe, expect, it } from "vitest";
import { RecordStore, Replication, encodeRecord, type ReplicaLink, type ReplicaMessage } from "@astranet/discovery";
import { readRecords } from "../src/record.ts";
import { ReplicaNetwork, type ReplicaNode } from "./support/replica-network.ts";
import { DecreedReachability, HandClock, idOf, seededRandom } from "./support/world.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const recordsIn = (messages: readonly ReplicaMessage[]): number => messages.reduce((sum, message) => sum + readRecords(message["r"] as Uint8Array).length, 0);
const sizeOf = (messages: readonly ReplicaMessage[]): number =>
  messages.reduce((sum, message) => sum + Object.values(message).reduce<number>((each, value) => each + (value instanceof Uint8Array ? value.length : 8), 0), 0);

/** Nodes in a row. */
function row(network: ReplicaNetwork, count: number): ReplicaNode[] {
  const nodes = Array.from({ length: count }, () => network.node());
  for (const [i, node] of nodes.slice(1).entries()) network.link(nodes[i]!, node);
  return nodes;
}

describe("a flood", () => {
  it("carries a change to every node within a latency and a batch for each hop", () => {
    const network = new ReplicaNetwork({ latencyMs: 50 });
    const nodes = row(network, 6);
    network.clock.advance(1000);
    nodes[0]!.store.put(0x0200, bytes(1));
    expect(network.settle(1000, 1)).toBeLessThanOrEqual(5 * (50 + 20) + 50);
  });

  it("sends a change over each link once or twice, and to nobody who has it", () => {
    const network = new ReplicaNetwork();
    const nodes = row(network, 10);
    for (const [i, node] of nodes.entries()) network.link(node, nodes[(i * 3 + 1) % 10]!);
    network.clock.advance(100_000);
    const before = nodes.reduce((sum, node) => sum + recordsIn(node.sentOf("records")), 0);
    nodes[0]!.store.put(0x0200, bytes(1));
    network.clock.advance(1000);
    const links = nodes.reduce((sum, { wires }) => sum + wires.size, 0) / 2;
    const copies = nodes.reduce((sum, node) => sum + recordsIn(node.sentOf("records")), 0) - before;
    expect(network.agrees()).toBe(true);
    // One at least for every node but the first; at most both ways over every link, but for the one that it came by.
    expect(copies).toBeGreaterThanOrEqual(9);
    expect(copies).toBeLessThanOrEqual(2 * links - 10 + 1);
  });

  it("hands on slots and flags that nobody here knows, byte for byte", () => {
    const network = new ReplicaNetwork();
    const [a, , c] = row(network, 3) as [ReplicaNode, ReplicaNode, ReplicaNode];
    network.clock.advance(1000);
    const strange = { origin: idOf(99), incarnation: 7n, slot: 0xfe07, seq: 3, flags: 0xa5, payload: bytes(9, 8, 7) };
    a.store.merge(strange);
    a.store.put(0xfe01, bytes(1));
    const late = network.node();
    network.clock.advance(1000);
    network.link(c, late);
    expect(encodeRecord(c.store.get(idOf(99), 0xfe07)!)).toEqual(encodeRecord(strange));
    expect(network.settle(1000)).toBeLessThan(1000);
    expect(late.store.get(a.id, 0xfe01)?.payload).toEqual(bytes(1));
  });

  it("keeps one version of a slot for a neighbour that does not read, the newest", () => {
    const network = new ReplicaNetwork({ latencyMs: 10_000 });
    const [a, b] = row(network, 2) as [ReplicaNode, ReplicaNode];
    for (let i = 0; i < 2000; i += 1) {
      a.store.put(0x0200, bytes(i & 0xff, i >> 8));
      network.clock.advance(5);
    }
    const versions = a.sentOf("records").flatMap((message) => readRecords(message["r"] as Uint8Array)).map(({ seq }) => seq);
    // Four messages were under way, and nothing more could leave before the first of them arrived.
    expect(versions.length).toBeLessThanOrEqual(5);
    network.clock.advance(60_000);
    expect(b.store.get(a.id, 0x0200)?.seq).toBe(2000);
    expect(recordsIn(a.sentOf("records"))).toBeLessThan(20);
  });

  it("keeps nothing of a life that is over, or of who was forgotten, for a neighbour that does not read", () => {
    const store = new RecordStore({ self: idOf(1), incarnation: 1n });
    const replication = new Replication({ store, clock: new HandClock(), random: seededRandom(1), reachability: new DecreedReachability(), forwards: () => true });
    replication.connect({ id: idOf(2), wake: () => undefined });
    const waiting = (): string[] => [...replication.waiting()].flatMap(({ records }) => [...records].map(({ incarnation, slot }) => `${incarnation}/${slot}`));
    for (let incarnation = 1n; incarnation <= 1000n; incarnation += 1n) {
      for (const slot of [1, 2]) store.merge({ origin: idOf(9), incarnation, slot, seq: 1, flags: 0, payload: bytes(slot) });
    }
    expect(waiting()).toEqual(["1000/1", "1000/2"]);
    store.drop(idOf(9));
    expect(waiting()).toEqual([]);
  });

  it("tells at most ten changes a second of one kind, after a hundred at once, and always the newest", () => {
    const network = new ReplicaNetwork();
    const [a, b] = row(network, 2) as [ReplicaNode, ReplicaNode];
    network.clock.advance(10_000);
    const before = recordsIn(a.sentOf("records"));
    for (let i = 0; i < 1000; i += 1) {
      a.store.put(0x0200, bytes(i & 0xff, i >> 8));
      network.clock.advance(100 / 3);
    }
    // 33 seconds: the hundred, and then once a second with ten more.
    expect(recordsIn(a.sentOf("records")) - before).toBeLessThan(100 + 34 * 11 + 10);
    a.store.put(0x0100, bytes(1));
    network.clock.advance(50);
    // Another kind is not held back by it.
    expect(b.store.get(a.id, 0x0100)?.payload).toEqual(bytes(1));
    network.clock.advance(1000);
    expect(b.store.get(a.id, 0x0200)?.seq).toBe(1000);
  });

  it("does not send a neighbour what that one has just sent", () => {
    const clock = new HandClock();
    const store = new RecordStore({ self: idOf(1), incarnation: 1n });
    const replication = new Replication({ store, clock, random: seededRandom(1), reachability: new DecreedReachability(), forwards: () => true });
    const [left, right] = [2, 3].map((n) => replication.connect({ id: idOf(n), wake: () => undefined })) as [ReplicaLink, ReplicaLink];
    for (const link of [left, right]) expect([link.next()?.t, link.next()]).toEqual(["digest", undefined]);
    const [one, two] = [1, 2].map((slot) => encodeRecord({ origin: idOf(9), incarnation: 1n, slot, seq: 1, flags: 0, payload: bytes(slot) })) as [Uint8Array, Uint8Array];
    left.receive({ t: "records", r: Uint8Array.from([...one, ...two]) });
    right.receive({ t: "records", r: two });
    expect([left.next(), right.next()]).toEqual([undefined, { t: "records", r: one }]);
  });
});

describe("a neighbour that comes", () => {
  it("in the moment in which others come too, lacks nothing two seconds later: what it takes to be under way is not, for the hub did not count the others yet", () => {
    const clock = new HandClock();
    const reachability = new DecreedReachability();
    const make = (n: number, forwards: boolean): { store: RecordStore; replication: Replication } => {
      const store = new RecordStore({ self: idOf(n), incarnation: 1n });
      store.put(0, bytes(n));
      return { store, replication: new Replication({ store, clock, random: seededRandom(n), reachability, forwards: () => forwards }) };
    };
    const [hub, leaf] = [make(1, true), make(2, false)];
    for (let n = 1; n <= 9; n += 1) reachability.setQuietly(idOf(n), 1);
    const links = new Map<ReplicaLink, ReplicaLink>();
    const pump = (link: ReplicaLink): void => {
      for (let message = link.next(); message !== undefined; message = link.next()) links.get(link)!.receive(message);
    };
    // The hub reads what others sent, and what the leaf sent, in one go.
    const other = hub.replication.connect({ id: idOf(9), wake: () => undefined });
    for (let n = 3; n <= 9; n += 1) other.receive({ t: "records", r: encodeRecord({ origin: idOf(n), incarnation: 1n, slot: 0, seq: 1, flags: 0, payload: bytes(n) }) });
    const ofHub: ReplicaLink = hub.replication.connect({ id: idOf(2), forwards: () => false, wake: () => pump(ofHub) });
    const ofLeaf: ReplicaLink = leaf.replication.connect({ id: idOf(1), wake: () => pump(ofLeaf) });
    links.set(ofHub, ofLeaf).set(ofLeaf, ofHub);
    pump(ofLeaf);
    clock.advance(2000);
    expect([...leaf.store.origins()].sort()).toEqual(Array.from({ length: 9 }, (_, i) => idOf(i + 1)));
    hub.replication.close();
    leaf.replication.close();
  });

  it("with little gets everything in messages below 64 KiB, without being asked what it has", () => {
    const network = new ReplicaNetwork({ latencyMs: 50 });
    const hub = network.node({ recordsPerSecond: 1e6 });
    for (let i = 0; i < 20; i += 1) {
      const other = network.node({ n: 1000 + i, recordsPerSecond: 1e6, forwards: false });
      for (let slot = 0x0200; slot < 0x0210; slot += 1) other.store.put(slot, new Uint8Array(900).fill(i));
      network.link(hub, other);
    }
    network.clock.advance(10_000);
    const before = hub.sent.length;
    const late = network.node({ recordsPerSecond: 1e6 });
    network.link(hub, late);
    // The digest, then everything.
    expect(network.settle(1000, 10)).toBeLessThanOrEqual(50 + 50 * 4);
    const sent = hub.sent.slice(before);
    expect(Math.max(...sent.map((message) => sizeOf([message])))).toBeLessThanOrEqual(49_152 + 100);
    expect(late.sentOf("want")).toEqual([]);
    expect(late.sentOf("buckets")).toEqual([]);
  });

  it("back with nearly everything gets what it lacks, for little more than that", () => {
    const network = new ReplicaNetwork();
    const [hub, leaf] = [network.node(), network.node({ forwards: false })];
    network.link(hub, leaf);
    for (let i = 0; i < 60; i += 1) {
      const other = network.node({ n: 1000 + i * 7919, forwards: false });
      other.store.put(0x0200, new Uint8Array(900).fill(i));
      network.link(hub, other);
    }
    network.clock.advance(40_000);
    network.cut(hub, leaf);
    network.clock.advance(5000);
    const before = [hub.sent.length, leaf.sent.length] as const;
    hub.store.put(0x0201, bytes(1));
    network.nodes[5]!.store.put(0x0200, bytes(2));
    network.clock.advance(5000);
    const toLeaf = (): ReplicaMessage[] => hub.sent.slice(before[0]);
    const floodBytes = sizeOf(toLeaf());
    network.link(hub, leaf);
    expect(network.settle(1000)).toBeLessThan(100);
    network.clock.advance(1000);
    expect(network.agrees()).toBe(true);
    expect(sizeOf(toLeaf()) - floodBytes + sizeOf(leaf.sent.slice(before[1]))).toBeLessThan(12_000);
  });

  it("is told of origins that turned out to be reachable only after it came", () => {
    const network = new ReplicaNetwork({ latencyMs: 1, noticeMs: 400 });
    const [a, b] = row(network, 2) as [ReplicaNode, ReplicaNode];
    a.store.put(0x0200, bytes(1));
    network.clock.advance(20);
    const late = network.node({ forwards: false });
    network.link(b, late);
    network.clock.advance(1000);
    expect(late.store.get(a.id, 0x0200)?.payload).toEqual(bytes(1));
  });

  it("with an older incarnation than is known of it outbids what it said before, within two seconds", () => {
    const network = new ReplicaNetwork({ latencyMs: 50 });
    const nodes = row(network, 3);
    const old = network.node({ n: 50, incarnation: 1_000_000n, forwards: false });
    old.store.put(0x0200, bytes(1));
    old.store.put(0x0201, bytes(1));
    network.link(nodes[0]!, old);
    network.clock.advance(1000);
    network.kill(old);
    network.clock.advance(1000);
    const young = network.node({ n: 50, incarnation: 10n, forwards: false });
    young.store.put(0x0200, bytes(2));
    network.link(nodes[2]!, young);
    expect(network.settle(2000)).toBeLessThan(2000);
    expect(young.store.incarnation).toBe(1_000_001n);
    for (const node of nodes) expect([...node.store.records(young.id)].map(({ payload }) => payload[0])).toEqual([2]);
    expect(young.superseded).toEqual([]);
  });

  it("under the id of a living process makes the older one of them stop, and no other", () => {
    for (const [first, second] of [[100n, 200n], [200n, 100n], [100n, 101n]] as const) {
      const network = new ReplicaNetwork({ latencyMs: 20 });
      const nodes = row(network, 3);
      const twins = [first, second].map((incarnation) => network.node({ n: 50, incarnation, forwards: false }));
      for (const [i, twin] of twins.entries()) {
        twin.store.put(0x0200, bytes(i));
        network.link(nodes[i * 2]!, twin);
      }
      const incarnations = new Set<bigint>();
      nodes[1]!.store.subscribe((origin) => {
        if (origin === idOf(50)) incarnations.add(nodes[1]!.store.incarnationOf(origin)!);
      });
      network.clock.advance(30_000);
      const older = first < second ? 0 : 1;
      expect(twins.map(({ superseded }) => superseded.map(({ code }) => code))[older]).toEqual(["ERR_ASTRANET_SUPERSEDED"]);
      expect(twins[1 - older]!.superseded).toEqual([]);
      expect(incarnations.size).toBeLessThanOrEqual(6);
      for (const node of nodes) expect([...node.store.records(idOf(50))].map(({ payload }) => payload[0])).toEqual([1 - older]);
    }
  });
});

describe("comparing digests", () => {
  it("repairs a flood that was missed within 61 seconds, and counts it", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const network = new ReplicaNetwork({ seed });
      const [a, b, c] = row(network, 3) as [ReplicaNode, ReplicaNode, ReplicaNode];
      a.store.put(0x0200, bytes(1));
      network.clock.advance(100_000);
      network.loses = (message) => message.t === "records";
      a.store.put(0x0200, bytes(2));
      network.clock.advance(100);
      network.loses = () => false;
      expect(network.agrees()).toBe(false);
      expect(network.settle(61_000)).toBeLessThanOrEqual(61_000);
      expect([a, b, c].map(({ replication }) => replication.stats.repairs)).toEqual([0, 1, 0]);
    }
  });

  it("of equal stores costs a digest each half a minute, and nothing else", () => {
    const network = new ReplicaNetwork();
    const nodes = row(network, 3);
    for (const node of nodes) node.store.put(0x0200, bytes(1));
    network.clock.advance(100_000);
    const before = nodes.map(({ sent }) => sent.length);
    network.clock.advance(300_000);
    const sent = nodes.flatMap((node, i) => node.sent.slice(before[i]));
    expect(new Set(sent.map(({ t }) => t))).toEqual(new Set(["digest"]));
    expect(sent.length).toBeGreaterThanOrEqual((4 * 300) / 36 - 4);
    expect(sent.length).toBeLessThanOrEqual((4 * 300) / 24 + 4);
  });

  it("asks again before it looks closer, as changes may be under way", () => {
    const network = new ReplicaNetwork();
    const [a, b] = row(network, 2) as [ReplicaNode, ReplicaNode];
    network.clock.advance(100_000);
    const link = b.wires.get(a)!.link;
    const before = b.sent.length;
    const digest: ReplicaMessage = { t: "digest", h: new Uint8Array(8).fill(7), n: 3, a: 3, f: true, q: false };
    link.receive(digest);
    network.clock.advance(999);
    expect(b.sent.slice(before).filter(({ t }) => t === "buckets")).toEqual([]);
    network.clock.advance(1);
    expect(b.sent.slice(before).map(({ t, q }) => [t, q])).toContainEqual(["digest", true]);
    // The answer agrees: there was nothing.
    network.clock.advance(1000);
    expect(b.sentOf("buckets")).toEqual([]);
  });

  it("becomes rarer where it finds nothing, and does not end", () => {
    const network = new ReplicaNetwork();
    const full = network.node({ limits: { maxOrigins: 3 } });
    const [a, b] = [network.node(), network.node()];
    network.link(full, a);
    network.link(full, b);
    for (let i = 0; i < 5; i += 1) {
      const leaf = network.node({ n: 100 + i, forwards: false });
      leaf.store.put(0x0200, bytes(i));
      network.link(a, leaf);
    }
    network.clock.advance(3_600_000);
    expect(full.refused.length).toBeGreaterThan(0);
    expect(full.refused.every(({ code }) => code === "ERR_ASTRANET_OVERLOAD")).toBe(true);
    const pulls = full.sentOf("buckets").length;
    expect(pulls).toBeGreaterThan(3);
    expect(pulls).toBeLessThan(30);
    network.clock.advance(3_600_000);
    expect(full.sentOf("buckets").length).toBeGreaterThan(pulls);
  });

  it("lets a node read a neighbour more slowly that sends more than it should, and lose nothing", () => {
    const network = new ReplicaNetwork();
    const [a, b] = [network.node(), network.node({ recordsPerSecond: 10 })];
    for (let slot = 0; slot < 100; slot += 1) a.store.put(0x0200 + slot, bytes(slot));
    network.link(a, b);
    const link = b.wires.get(a)!.link;
    expect(link.receive({ t: "records", r: encodeRecord(a.store.get(a.id, 0x0200)!) })).toBe(0);
    expect(network.settle(60_000)).toBeLessThan(20_000);
    // What is known already costs nothing.
    network.clock.advance(60_000);
    const all = a.sentOf("records").map((message) => link.receive(message));
    expect(all.every((waitMs) => waitMs === 0)).toBe(true);
  });

  it("takes nothing of a message that is malformed at its end", () => {
    const network = new ReplicaNetwork();
    const [a, b] = row(network, 2) as [ReplicaNode, ReplicaNode];
    network.clock.advance(1000);
    const good = encodeRecord({ origin: idOf(77), incarnation: 1n, slot: 0, seq: 1, flags: 0, payload: bytes(1) });
    const link = b.wires.get(a)!.link;
    expect(() => link.receive({ t: "records", r: Uint8Array.from([...good, ...good.subarray(0, 20)]) })).toThrow(
      expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }),
    );
    expect(b.store.incarnationOf(idOf(77))).toBeUndefined();
  });
});

describe("a partition", () => {
  it("of ten minutes heals to equal stores within two round trips and a flood, and nothing that was withdrawn comes back", () => {
    const network = new ReplicaNetwork({ latencyMs: 50, noticeMs: 300 });
    const nodes = row(network, 20);
    for (const [i, node] of nodes.entries()) node.store.put(0x0200, bytes(i));
    network.clock.advance(10_000);
    expect(network.agrees()).toBe(true);
    network.cut(nodes[9]!, nodes[10]!);
    network.clock.advance(60_000);
    for (const node of nodes) node.store.put(0x0200, bytes());
    for (const node of nodes) node.store.put(0x0201, bytes(1));
    network.clock.advance(540_000);
    expect([...nodes[0]!.store.origins()]).toHaveLength(10);
    expect([...nodes[19]!.store.origins()]).toHaveLength(10);
    network.link(nodes[9]!, nodes[10]!);
    expect(network.settle(10_000)).toBeLessThanOrEqual(2 * 100 + 10 * (50 + 20) + 50);
    for (const node of nodes) {
      const said = [...node.store.records()].filter(({ slot }) => slot === 0x0200).map(({ payload }) => payload.length);
      expect(said).toEqual(Array.from({ length: 20 }, () => 0));
    }
  });

  it.each([20, 85, 95, 100])("of %i seconds, around the times at which nodes hush and forget, heals within seconds", (seconds) => {
    const network = new ReplicaNetwork({ latencyMs: 20, noticeMs: 4000 });
    const nodes = row(network, 8);
    for (const [i, node] of nodes.entries()) node.store.put(0x0200, bytes(i));
    network.clock.advance(20_000);
    network.cut(nodes[3]!, nodes[4]!);
    network.clock.advance(seconds * 1000);
    network.link(nodes[3]!, nodes[4]!);
    network.clock.advance(12_000);
    expect(network.agrees()).toBe(true);
  });
});

describe("an origin that died", () => {
  it("is not kept alive by islands that meet one after the other", () => {
    const network = new ReplicaNetwork();
    const islands = Array.from({ length: 4 }, () => network.node());
    const dead = network.node({ n: 500, forwards: false });
    dead.store.put(0x0200, bytes(1));
    network.link(dead, islands[0]!);
    network.clock.advance(5000);
    network.kill(dead);
    const heard: boolean[] = [];
    // Each meets the next before those who could once reach the dead fall silent; the first meets the last when it has forgotten.
    for (let i = 0; i < 4; i += 1) {
      const [here, there] = [islands[i]!, islands[(i + 1) % 4]!];
      network.clock.advance(28_000);
      network.link(here, there);
      network.clock.advance(1000);
      heard.push(there.store.incarnationOf(dead.id) !== undefined);
      network.cut(here, there);
    }
    expect(heard).toEqual([true, false, false, false]);
  });

  it("is told to nobody who comes while it is hushed, and to all of them as soon as it is back", () => {
    const network = new ReplicaNetwork();
    const [a, b] = row(network, 2) as [ReplicaNode, ReplicaNode];
    const away = network.node({ n: 500, forwards: false });
    network.link(away, a);
    away.store.put(0x0200, bytes(1));
    network.clock.advance(5000);
    network.cut(away, a);
    network.clock.advance(40_000);
    const late = network.node({ forwards: false });
    network.link(b, late);
    network.clock.advance(5000);
    expect(late.store.incarnationOf(away.id)).toBeUndefined();
    expect(b.store.incarnationOf(away.id)).toBeDefined();
    network.link(away, a);
    expect(network.settle(200)).toBeLessThan(200);
    expect(late.store.get(away.id, 0x0200)?.payload).toEqual(bytes(1));
  });
});

describe("an origin that some have forgotten and others have not", () => {
  it("is known to all of them again within seconds of its return", () => {
    const network = new ReplicaNetwork();
    const [a, b, c] = row(network, 3) as [ReplicaNode, ReplicaNode, ReplicaNode];
    const away = network.node({ n: 500, forwards: false });
    away.store.put(0x0200, bytes(1));
    network.link(away, a);
    network.clock.advance(5000);
    const [there, gone] = [new Set([a, b, c, away].map(({ id }) => id)), new Set([a, b, c].map(({ id }) => id))];
    c.reachability.set(gone);
    network.clock.advance(20_000);
    b.reachability.set(gone);
    network.clock.advance(75_000);
    expect([b, c].map(({ store }) => store.incarnationOf(away.id))).toEqual([1n, undefined]);
    for (const node of [b, c]) node.reachability.set(there);
    expect(network.settle(3000)).toBeLessThan(3000);
  });
});

describe("64 nodes that all link at once", () => {
  it("agree within five seconds, and send each record at most three times both ways over each link", () => {
    const network = new ReplicaNetwork({ latencyMs: 5 });
    const nodes = Array.from({ length: 64 }, () => network.node());
    for (const node of nodes) node.store.put(0x0000, new Uint8Array(60));
    for (const a of nodes) for (const b of nodes) if (a.id < b.id) network.link(a, b);
    const links = (64 * 63) / 2;
    expect(network.settle(5000, 100)).toBeLessThanOrEqual(5000);
    network.clock.advance(5000);
    const sent = nodes.reduce((sum, node) => sum + recordsIn(node.sentOf("records")), 0);
    expect(sent).toBeLessThanOrEqual(64 * 3 * 2 * links);
  });
});
