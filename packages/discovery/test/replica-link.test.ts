import { describe, expect, it } from "vitest";
import type { AstraError } from "@astranet/transport";
import type { ReplicaMessage } from "@astranet/discovery";
import { RecordCell } from "../src/record-cell.ts";
import { digestMessage, encodeList, encodeWantEntry, readList, readWants } from "../src/replication/replica-message.ts";
import type { Digest } from "../src/store-digest.ts";
import { LoneReplica, record, type HandLink, type LoneReplicaInit } from "./support/lone-replica.ts";
import { idOf } from "./support/world.ts";

const nothing: Digest = { hi: 0, lo: 0, count: 0 };
const strange = (count: number): Digest => ({ hi: 77, lo: 77, count });

interface Said {
  readonly full?: boolean;
  readonly held?: number;
  readonly ask?: boolean;
}

/** What a neighbour says of its store: unless said otherwise, it forwards, has as many records as the digest counts, and asks for nothing. */
const digestOf = (digest: Digest, { full = true, held = digest.count, ask = false }: Said = {}): ReplicaMessage => digestMessage({ digest, full, held, ask });
const asking = (messages: readonly ReplicaMessage[]): unknown[] => messages.map(({ t, q }) => [t, q]);

interface Listed {
  readonly origin: string;
  readonly incarnation?: bigint;
  readonly hi?: number;
  readonly lo?: number;
}

const list = (...entries: readonly Listed[]): ReplicaMessage => ({ t: "list", l: encodeList(entries.map((entry) => ({ incarnation: 1n, hi: 1, lo: 1, ...entry }))) });

/** A neighbour's wish: which versions it has, as [slot, seq, the hash's lower half]. */
function want(origin: string, incarnation: bigint, versions: readonly (readonly [number, number, number])[] = []): ReplicaMessage {
  const cells = versions.map(([slot, seq, lo]) => Object.assign(new RecordCell(record(9, slot, seq)), { hash: { hi: 0, lo } }));
  return { t: "want", w: encodeWantEntry(origin, incarnation, cells) };
}

const wantsOf = (messages: readonly ReplicaMessage[]): string[][] => messages.filter(({ t }) => t === "want").map(({ w }) => readWants(w as Uint8Array).map(({ origin }) => origin));
const listsOf = (messages: readonly ReplicaMessage[]): string[][] => messages.filter(({ t }) => t === "list").map(({ l }) => readList(l as Uint8Array).map(({ origin }) => origin));

/** Ids of so many nodes that begin with different bytes. */
const spread = (count: number): string[] => Array.from({ length: count }, (_, i) => `${(i & 0xff || 1).toString(16).padStart(2, "0")}${(i + 1).toString(16).padStart(14, "0")}`);

/** Node 1 with a link to node 2, both of which have said something of themselves. */
function meet(init: LoneReplicaInit = {}, peer: { readonly forwards?: () => boolean } = {}): { node: LoneReplica; link: HandLink } {
  const node = new LoneReplica(init);
  node.store.put(0, Uint8Array.of(1));
  node.know(record(2));
  return { node, link: node.link(2, peer) };
}

/** The same, and they have compared already and agreed. */
function agree(init: LoneReplicaInit = {}): { node: LoneReplica; link: HandLink } {
  const met = meet(init);
  met.link.link.receive(digestOf(met.node.store.digest));
  expect(met.link.sent()).toEqual([]);
  return met;
}

describe("a link", () => {
  it("begins with this node's own records and a digest that asks for nothing, of which it tells once", () => {
    const node = new LoneReplica();
    node.store.put(0, Uint8Array.of(1));
    node.know(record(9));
    const link = node.link(2);
    node.replication.announce();
    node.clock.advance(0);
    expect(link.wokenAt).toEqual([0]);
    const late = node.replication.connect({ id: idOf(3), wake: () => undefined });
    expect([late.next()?.t, late.next(), late.next()]).toEqual(["records", { t: "digest", h: expect.any(Uint8Array) as Uint8Array, n: 2, a: 2, f: true, q: false }, undefined]);
  });

  it("tells a digest each 24 to 36 seconds, at random", () => {
    for (const [byte, atMs] of [[0, 24_000], [128, 30_024], [255, 36_000]] as const) {
      const { node, link } = meet({ random: (length) => new Uint8Array(length).fill(byte) });
      node.clock.advance(atMs - 1);
      expect(link.sent()).toEqual([]);
      node.clock.advance(1);
      expect(link.kinds()).toEqual(["digest"]);
    }
  });

  it("wakes its neighbour's writer once a tick, and only where something is to be sent", () => {
    const { node, link } = agree();
    const other = node.link(3);
    link.link.receive({ t: "buckets", b: node.store.buckets() });
    link.link.receive(list({ origin: idOf(2), ...node.store.digestOf(idOf(2)) }));
    link.tell(record(9, 0), record(9, 1));
    node.clock.advance(0);
    expect([link.wokenAt, other.wokenAt]).toEqual([[], [0]]);
    link.link.receive(digestOf(node.store.digest, { ask: true }));
    link.link.receive(list({ origin: idOf(7) }));
    node.clock.advance(0);
    expect([link.wokenAt, link.kinds()]).toEqual([[0], ["want", "digest"]]);
  });

  it("that is over says nothing, takes nothing, wakes nobody and waits for nothing", () => {
    const { node, link } = meet();
    link.link.receive(digestOf(strange(1)));
    link.link.receive(digestOf(strange(2)));
    link.link.add(node.store.cell(idOf(1), 0)!);
    link.link.flush();
    link.link.close();
    link.link.close();
    node.clock.advance(0);
    expect([link.sent(), link.wokenAt, [...node.replication.waiting()], node.clock.pending]).toEqual([[], [], [], 0]);
    expect([link.link.receive({ t: "anything" } as unknown as ReplicaMessage), link.tell(record(9))]).toEqual([0, 0]);
    expect(node.store.incarnationOf(idOf(9))).toBeUndefined();
  });
});

describe("what a neighbour sends", () => {
  it("is of itself and of this node only, where it does not forward", () => {
    for (const [forwards, heard] of [[() => false, false], [() => true, true], [undefined, true]] as const) {
      const { node, link } = meet({}, forwards === undefined ? {} : { forwards });
      link.tell(record(9), record(2, 5), record(1, 0, 1, Uint8Array.of(9), 70n));
      expect([node.store.get(idOf(9), 0) !== undefined, node.store.get(idOf(2), 5) !== undefined, node.store.incarnation]).toEqual([heard, true, 71n]);
      link.sent();
      link.link.receive(list({ origin: idOf(8) }, { origin: idOf(2) }, { origin: idOf(1), incarnation: 99n }));
      expect(wantsOf(link.sent())).toEqual([heard ? [idOf(8), idOf(2), idOf(1)] : [idOf(2), idOf(1)]]);
    }
  });

  it("costs time where it is new or refused, and none where it is old or known", () => {
    const node = new LoneReplica({ recordsPerSecond: 10, limits: { maxOrigins: 2 } });
    const refused: AstraError[] = [];
    const link = node.link(2, { refused: (error) => refused.push(error) });
    const slots = Array.from({ length: 30 }, (_, slot) => record(9, slot, 2));
    expect(link.tell(...slots)).toBe(2000);
    node.clock.advance(2000);
    expect(link.tell(...slots, ...slots.map((each) => ({ ...each, seq: 1 })))).toBe(0);
    expect(link.tell(...[11, 12, 13, 14, 15].map((n) => record(n)))).toBe(500);
    expect(refused.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => "ERR_ASTRANET_OVERLOAD"));
    // Nobody has to listen to what is refused.
    expect(node.link(3).tell(record(11))).toBe(0);
  });

  it("is not taken for refused where somebody who listens to the store fails", () => {
    const { node, link } = meet();
    node.store.subscribe(() => {
      throw new TypeError("of somebody else");
    });
    expect(() => link.tell(record(9))).toThrow(TypeError);
  });

  it("is not sent back to it where an older version waited for it", () => {
    const { node, link } = meet();
    const other = node.link(3);
    node.know(record(9, 0, 1), record(9, 1, 1));
    link.tell(record(9, 0, 2));
    expect([link.records(), other.records()]).toEqual([["9/1/1"], ["9/0/2", "9/1/1"]]);
  });
});

describe("the first digest", () => {
  it("of a neighbour that holds less than half is answered with everything, and another digest, by a node that forwards", () => {
    for (const [forwards, held, everything] of [[true, 1, true], [true, 2, false], [false, 1, false]] as const) {
      const { node, link } = meet({ forwards });
      node.know(record(8), record(9));
      link.sent();
      link.link.receive(digestOf(strange(held)));
      expect(link.records().sort()).toEqual(everything ? ["1/0/1", "2/0/1", "8/0/1", "9/0/1"] : []);
      node.clock.advance(2000);
      link.sent();
      // A later one never is: a limit may keep it from taking more.
      link.link.receive(digestOf(strange(0)));
      expect(link.records()).toEqual([]);
    }
  });

  it("of one that forwards and has more than twice as much as this node is not looked into before it had a second to send it", () => {
    const { node, link } = meet();
    link.link.receive(digestOf(strange(5)));
    expect(link.sent()).toEqual([]);
    node.clock.advance(999);
    expect(link.sent()).toEqual([]);
    node.clock.advance(1);
    expect(asking(link.sent())).toEqual([["digest", true]]);
    for (const said of [{ digest: strange(4) }, { digest: strange(5), full: false }]) {
      const other = meet();
      other.link.link.receive(digestOf(said.digest, said));
      expect(other.link.kinds()).toEqual(["buckets"]);
    }
  });

  it("is as expected where the neighbour lacks only what this node says of itself, or what both say is all that there is", () => {
    const { node } = meet();
    node.know(record(9));
    const [own, peer, ninth] = [1, 2, 9].map((n) => node.store.digestOf(idOf(n))!) as [Digest, Digest, Digest];
    const sum = (a: Digest, b: Digest): Digest => ({ hi: (a.hi ^ b.hi) >>> 0, lo: (a.lo ^ b.lo) >>> 0, count: a.count + b.count });
    for (const [digest, full, expected] of [
      [node.store.digest, true, true],
      [sum(peer, ninth), true, true],
      [sum(own, peer), true, true],
      [peer, true, true],
      [sum(own, peer), false, true],
      [peer, false, true],
      [ninth, true, false],
      [node.store.digest, false, false],
      [sum(peer, ninth), false, false],
      [own, true, false],
    ] as const) {
      const link = node.link(2);
      link.link.receive(digestOf(digest, { full, held: 3 }));
      expect([digest, full, link.kinds()]).toEqual([digest, full, expected ? [] : ["buckets"]]);
      link.link.close();
    }
  });

  it("is as expected where neither has said anything yet", () => {
    const node = new LoneReplica();
    const link = node.link(2);
    link.link.receive(digestOf(nothing, { full: false }));
    expect(link.sent()).toEqual([]);
  });
});

describe("a later digest that differs", () => {
  it("and asks is answered, and makes nobody ask in turn", () => {
    const { node, link } = agree();
    link.link.receive(digestOf(strange(2), { ask: true }));
    expect(asking(link.sent())).toEqual([["digest", false]]);
    node.clock.advance(2000);
    expect(link.sent()).toEqual([]);
  });

  it("is not asked about where one that agrees came within the second", () => {
    const { node, link } = agree();
    link.link.receive(digestOf(strange(2)));
    node.clock.advance(500);
    link.link.receive(digestOf(node.store.digest));
    node.clock.advance(5000);
    expect(link.sent()).toEqual([]);
  });

  it("and is looked into within the second is not asked about any more", () => {
    const { node, link } = agree();
    link.link.receive(digestOf(strange(2)));
    node.clock.advance(500);
    link.link.receive(digestOf(strange(2)));
    expect(link.kinds()).toEqual(["buckets"]);
    node.clock.advance(5000);
    expect(link.sent()).toEqual([]);
  });

  it("is answered with the buckets of what it was about: of everything, or of the two nodes alone", () => {
    const { node } = meet();
    node.know(record(9), record("0700000000000001"));
    const alone = meet().node.store.buckets();
    for (const [full, expected] of [[true, node.store.buckets()], [false, alone]] as const) {
      const link = node.link(2);
      link.link.receive(digestOf(strange(4), { full }));
      expect(link.sent()).toEqual([{ t: "buckets", b: expected }]);
      link.link.close();
    }
  });
});

describe("repairs", () => {
  /** Node 2 has something else of node 9 than node 1, which wants it. */
  function repair(link: HandLink, node: LoneReplica, seq: number): number {
    link.link.receive(list({ origin: idOf(9), hi: seq }));
    expect(wantsOf(link.sent())).toEqual([[idOf(9)]]);
    link.tell(record(9, 0, seq));
    return node.replication.stats.repairs;
  }

  it("are counted where a link that was up had missed something, and not of what comes after the two agreed again", () => {
    const { node, link } = agree();
    link.link.receive(digestOf(strange(3)));
    node.clock.advance(1000);
    link.link.receive(digestOf(strange(3)));
    link.sent();
    expect(repair(link, node, 1)).toBe(1);
    link.tell(record(9, 0, 1), record(9, 0, 0x7fff), record(9, 0, 3));
    expect(node.replication.stats.repairs).toBe(2);
    link.link.receive(digestOf(node.store.digest));
    link.tell(record(9, 1, 1));
    expect(node.replication.stats.repairs).toBe(2);
  });

  it("are counted of 65,536 origins at most, so that what a neighbour claims to have fills no memory", () => {
    const { node, link } = agree();
    link.link.receive(digestOf(strange(3)));
    node.clock.advance(1000);
    link.link.receive(digestOf(strange(3)));
    const claimed = spread(65_537);
    for (let i = 0; i < claimed.length; i += 2048) {
      link.link.receive(list(...claimed.slice(i, i + 2048).map((origin) => ({ origin }))));
      link.sent();
    }
    link.tell(record(claimed.at(-1)!));
    expect(node.replication.stats.repairs).toBe(0);
    link.tell(record(claimed.at(-2)!));
    expect(node.replication.stats.repairs).toBe(1);
  });

  it("are not what a link brings that has just come up, nor what nobody looked for", () => {
    const unasked = meet();
    expect(repair(unasked.link, unasked.node, 1)).toBe(0);
    const { node, link } = meet();
    link.link.receive(digestOf(strange(3)));
    expect(link.kinds()).toEqual(["buckets"]);
    expect(repair(link, node, 1)).toBe(0);
  });
});

describe("buckets", () => {
  it("are answered with the origins of those that differ, but for what is hushed", () => {
    const { node, link } = meet();
    const [a, b, c, d] = spread(4) as [string, string, string, string];
    node.know(...[a, b, c].map((origin) => record(origin)));
    node.store.merge(record(d));
    link.sent();
    const theirs = node.store.buckets();
    theirs.fill(9, 8, 16); // Where a and b are.
    theirs.fill(9, 3 * 8, 4 * 8); // Where d is.
    link.link.receive({ t: "buckets", b: theirs });
    expect(listsOf(link.sent())).toEqual([[a, b]]);
    link.link.receive({ t: "buckets", b: node.store.buckets() });
    expect(link.sent()).toEqual([]);
  });

  it("are answered by a node that does not forward with itself and the neighbour, whatever else it knows", () => {
    const { node, link } = meet({ forwards: false });
    node.know(record(9), record("0700000000000001"));
    link.link.receive({ t: "buckets", b: new Uint8Array(2048) });
    expect(listsOf(link.sent())).toEqual([[idOf(1), idOf(2)]]);
    // Compared is what the two say, too.
    link.link.receive({ t: "buckets", b: meet().node.store.buckets() });
    expect(link.sent()).toEqual([]);
  });

  it("that differ in more than 2,048 origins are answered with lists of so many", () => {
    const node = new LoneReplica();
    const link = node.link(2);
    node.know(...spread(2048).map((origin) => record(origin)));
    link.sent();
    link.link.receive({ t: "buckets", b: new Uint8Array(2048) });
    expect(listsOf(link.sent()).map(({ length }) => length)).toEqual([2048, 1]);
  });
});

describe("a list", () => {
  it("makes a node want what it does not know, and what is of a newer life or of the same and another hash", () => {
    const { node, link } = meet();
    node.know(record(9, 0, 1, Uint8Array.of(1), 5n));
    link.sent();
    const { hi, lo } = node.store.digestOf(idOf(9))!;
    for (const [entry, wanted] of [
      [{ origin: idOf(8), incarnation: 0n }, true],
      [{ origin: idOf(9), incarnation: 5n, hi, lo }, false],
      [{ origin: idOf(9), incarnation: 5n, hi: hi ^ 1, lo }, true],
      [{ origin: idOf(9), incarnation: 5n, hi, lo: lo ^ 1 }, true],
      [{ origin: idOf(9), incarnation: 4n, hi: hi ^ 1, lo: lo ^ 1 }, false],
      [{ origin: idOf(9), incarnation: 6n, hi, lo }, true],
    ] as const) {
      link.link.receive(list({ ...entry, hi: "hi" in entry ? entry.hi >>> 0 : 1, lo: "lo" in entry ? entry.lo >>> 0 : 1 }));
      expect([entry, wantsOf(link.sent())]).toEqual([entry, wanted ? [[entry.origin]] : []]);
    }
  });

  it("is answered with what is there of each origin, in messages of 48 KiB", () => {
    const { node, link } = meet();
    node.know(record(9, 0), record(9, 1), record(9, 2));
    link.sent();
    const unknown = spread(2729);
    for (const origin of [idOf(9), ...unknown]) link.link.receive(list({ origin }));
    const wants = link.sent().map(({ w }) => w as Uint8Array);
    expect(wants.map(({ length }) => length)).toEqual([49_152, 18]);
    const [nine] = readWants(wants[0]!);
    expect(nine).toEqual({ origin: idOf(9), incarnation: 1n, versions: new Map([0, 1, 2].map((slot) => [slot, { seq: 1, lo: node.store.cell(idOf(9), slot)!.hash.lo }])) });
    expect(wants.flatMap((bytes) => readWants(bytes).map(({ origin }) => origin))).toEqual([idOf(9), ...unknown]);
  });

  it("adds to what is wanted until 65,536 origins are, whatever a neighbour claims to have", () => {
    const { link } = meet();
    const claimed = spread(65_537);
    for (let i = 0; i < claimed.length; i += 2048) link.link.receive(list(...claimed.slice(i, i + 2048).map((origin) => ({ origin }))));
    expect(wantsOf(link.sent()).flat()).toEqual(claimed.slice(0, 65_536));
  });
});

describe("a want", () => {
  it("is answered with what is newer than the neighbour's, or differs, and nothing else", () => {
    const { node, link } = meet();
    node.know(...[0, 1, 2, 3, 4].map((slot) => record(9, slot, 5, Uint8Array.of(1), 7n)));
    link.sent();
    const lo = (slot: number): number => node.store.cell(idOf(9), slot)!.hash.lo;
    const versions = [[0, 5, lo(0)], [1, 4, lo(1)], [2, 5, (lo(2) ^ 1) >>> 0], [3, 6, (lo(3) ^ 1) >>> 0]] as const;
    for (const [incarnation, expected] of [[7n, [1, 2, 4]], [6n, [0, 1, 2, 3, 4]], [0n, [0, 1, 2, 3, 4]], [8n, []]] as const) {
      link.link.receive(want(idOf(9), incarnation, versions));
      expect([incarnation, link.records()]).toEqual([incarnation, expected.map((slot) => `9/${slot}/5`)]);
    }
    link.link.receive(want(idOf(8), 0n));
    expect(link.sent()).toEqual([]);
  });

  it("that names an origin again and again is answered once, so that it costs no more than the store is large", () => {
    const { node, link } = meet();
    node.know(record(8), record(9));
    link.sent();
    const { lo } = node.store.cell(idOf(9), 0)!.hash;
    const wants = [want(idOf(9), 1n, [[0, 1, lo]]), want(idOf(8), 0n), want(idOf(9), 0n)];
    link.link.receive({ t: "want", w: Uint8Array.from(wants.flatMap(({ w }) => [...(w as Uint8Array)])) });
    expect(link.records()).toEqual(["8/0/1"]);
  });

  it("is not answered for what is hushed, nor, by a node that does not forward, for any but itself and the neighbour", () => {
    for (const forwards of [true, false]) {
      const { node, link } = meet({ forwards });
      node.know(record(9));
      node.store.merge(record(8));
      node.clock.advance(0);
      link.sent();
      for (const n of [1, 2, 8, 9]) link.link.receive(want(idOf(n), 0n));
      expect(link.records()).toEqual(["1/0/1", "2/0/1", ...(forwards ? ["9/0/1"] : [])]);
    }
  });
});
