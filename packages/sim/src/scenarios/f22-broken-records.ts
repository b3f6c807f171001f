import { decodeRecord, encodeRecord, type StoredRecord } from "@astranet/discovery";
import { AstraError } from "@astranet/transport";
import { Stranger } from "../mistakes/stranger.ts";
import { control, recordsMessage } from "../mistakes/words.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { World } from "../world.ts";
import { cast, isLinked, link, lists, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const latencyMs = 10;
/** A node whose link ends for a reason gives its last words so long to arrive. */
const lastWordsMs = 250;

/** A neighbour sends what is no record: it is found out, told so and cut off, and nothing of what it said is kept. */
export const brokenRecords: Scenario = {
  id: "F22",
  title: "a neighbour sends records that are none",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    const { a, r, b } = cast(world, ["a", "r", "b"]);
    link([a, r], [b, r]);
    await within(world, 10_000, "a and b are known", () => lists(a, b, "b") && lists(b, a, "a"));
    await world.run(1000);
    const down: unknown[] = [];
    r.running.router.subscribe((event) => {
      if (event.type === "linkdown") down.push(event.error);
    });
    const good: StoredRecord = { origin: "", incarnation: 1n, slot: 0x0300, seq: 1, flags: 0, payload: new Uint8Array(40).fill(7) };
    const cases = brokenMessages(world, good);
    for (const [what, message] of cases) {
      const stranger = new Stranger(world, `stranger-${down.length}`);
      const raw = await world.settle(stranger.link(r.address), 1000);
      await within(world, 1000, "the stranger is linked", () => r.running.router.links.some(({ peer, state }) => peer === stranger.id && state === "up"));
      await world.run(100);
      const stored = told(r);
      const before = down.length;
      // A good record comes first: of a message all is taken, or nothing.
      raw.tell(message({ ...good, origin: stranger.id }));
      await within(world, 2 * latencyMs + 1, `the link is closed: ${what}`, () => down.length > before && raw.heard.includes("ERR_ASTRANET_PROTOCOL"));
      must(`it is closed once, for breaking the protocol: ${what}: ${String(down[before])}`, down.length === before + 1 && AstraError.is(down[before], "ERR_ASTRANET_PROTOCOL"));
      await within(world, lastWordsMs + 2 * latencyMs, `the connection is over: ${what}`, () => raw.closedAt !== undefined);
      must(`the store is as it was: ${what}`, told(r) === stored);
      must(`nobody else has lost anything: ${what}`, isLinked(a, r) && isLinked(b, r) && reaches(a, b));
    }
    await leafSpeaksForOthers();
    await world.run(5000);
    await world.quiet();

    /** What a neighbour that hands nothing on says of others is not heard, which needs no quarrel. */
    async function leafSpeaksForOthers(): Promise<void> {
      const leaf = new Stranger(world, "leaf");
      const raw = await world.settle(leaf.link(r.address, "peer"), 1000);
      await world.run(100);
      const stored = told(r);
      raw.tell(recordsMessage({ ...good, origin: "abcdefabcdefabcd" }));
      await world.run(1000);
      must("what a leaf says of others is not taken, and the link stays", told(r) === stored && raw.closedAt === undefined);
      raw.abort();
    }
  },
};

/** What a node stores of others, in words. (What it says of itself changes with its links.) */
function told(node: SimNode): string {
  const { store } = node.running;
  const records = [...store.records()].filter(({ origin }) => origin !== node.id);
  return records.map(({ origin, incarnation, slot, seq, payload }) => `${origin} ${incarnation}/${slot}/${seq} ${payload.join()}`).sort().join("\n");
}

type Case = readonly [what: string, message: (good: StoredRecord) => Uint8Array];

function brokenMessages(world: World, template: StoredRecord): Case[] {
  const changed = (change: (bytes: Uint8Array) => Uint8Array): ((good: StoredRecord) => Uint8Array) => (good) => recordsMessage(good, change(encodeRecord({ ...good, slot: good.slot + 1 })));
  const put = (at: number, ...values: number[]) =>
    changed((bytes) => {
      bytes.set(values, at);
      return bytes;
    });
  const oversized = encodeRecord({ ...template, origin: "aaaaaaaaaaaaaaaa", payload: new Uint8Array(16_385) });
  return [
    ["truncated in its payload", changed((bytes) => bytes.slice(0, -1))],
    ["truncated in its header", changed((bytes) => bytes.slice(0, 24))],
    ["longer than it may be", (good) => recordsMessage(good, oversized)],
    ["a message longer than it may be", () => Uint8Array.of(0, 1, 0, 1)],
    ["of nobody", put(0, 0, 0, 0, 0, 0, 0, 0, 0)],
    ["of everybody", put(0, 255, 255, 255, 255, 255, 255, 255, 255)],
    ["of an incarnation beyond 2^63", put(8, 0x80, 0, 0, 0, 0, 0, 0, 1)],
    ["records that are no bytes", () => control({ t: "records", r: "text" })],
    ["no msgpack", () => Uint8Array.of(0, 0, 0, 2, 0xc1, 0xc1)],
    ...Array.from({ length: 8 }, () => bitFlip(world, template)),
  ];
}

/**
 * One bit of the second record is another. Most flips make another record, which is as good as any to whoever has no signatures to check (that is F23);
 * here are those that make none.
 */
function bitFlip(world: World, template: StoredRecord): Case {
  const { random } = world;
  for (;;) {
    const bit = random.integer(0, 25 * 8 - 1);
    const flipped = (good: StoredRecord): Uint8Array => encodeRecord(good).map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    if (!isRecord(flipped({ ...template, origin: "aaaaaaaaaaaaaaaa" }))) return [`bit ${bit} flipped`, (good) => recordsMessage(good, flipped({ ...good, slot: good.slot + 1 }))];
  }
}

function isRecord(bytes: Uint8Array): boolean {
  try {
    decodeRecord(bytes);
    return true;
  } catch {
    return false;
  }
}
