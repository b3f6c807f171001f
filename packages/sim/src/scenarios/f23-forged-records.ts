import { maxIncarnation, recordKinds, type StoredRecord } from "@astranet/discovery";
import { Stranger } from "../mistakes/stranger.ts";
import { packed, recordsMessage } from "../mistakes/words.ts";
import type { SimNode } from "../node/sim-node.ts";
import { cast, link, lists, propagationMs, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const latencyMs = 10;
const nodeSlot = recordKinds.node << 8;
/** Three links with their batches, and a moment. No path has to be searched for this. */
const defenceMs = 3 * (latencyMs + 20) + 50;
/** Three defences within 30 s are what two processes of one id look like (F9), and a forger may drive a node out so: docs/replication.md says it. One that comes more slowly may not. */
const betweenForgeriesMs = 20_000;

/** A member tells the network what x never said. Without signatures nobody can know, until x hears of it, and outbids it. */
export const forgedRecords: Scenario = {
  id: "F23",
  title: "a member forges newer records of another node",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    const { x, r1, r2, b } = cast(world, ["x", "r1", "r2", "b"]);
    link([x, r1], [r1, r2], [b, r2]);
    const nodes = [r1, r2, b];
    const isAsItWas = (): boolean => nodes.every((node) => lists(node, x, "x") && reaches(node, x) && holdsWhatXSays(node, x));
    await within(world, 10_000, "everybody sees x", isAsItWas);
    await world.run(1000);
    const forger = new Stranger(world, "forger");
    const raw = await world.settle(forger.link(r2.address), 1000);
    await world.run(100);
    const serviceSlots = [...x.running.store.records(x.id)].filter(({ slot }) => slot >> 8 === recordKinds.service);
    const forgeries: readonly (readonly [what: string, make: () => StoredRecord])[] = [
      ["that x is about to leave, in the life that it leads", () => newer(x.running.store.get(x.id, nodeSlot)!, packed({ role: "peer", leave: true }))],
      ["that x offers nothing any more", () => newer(x.running.store.get(x.id, serviceSlots[0]!.slot)!, new Uint8Array())],
      ["a later life of x", () => ({ ...newer(x.running.store.get(x.id, nodeSlot)!, packed({ role: "peer" })), incarnation: x.running.store.incarnation + 1_000_000n })],
      // There is none beyond it that x could take.
      ["the last life that x can have", () => ({ ...newer(x.running.store.get(x.id, nodeSlot)!, packed({ role: "peer" })), incarnation: maxIncarnation })],
    ];
    for (const [what, make] of forgeries) {
      const forged = make();
      world.allow(forged);
      const before = x.running.store.incarnation;
      raw.tell(recordsMessage(forged));
      const sent = world.now;
      await within(world, propagationMs(1, latencyMs), `it is believed at first: ${what}`, () => r2.running.store.get(x.id, forged.slot)?.payload.length === forged.payload.length);
      // From the forger over r2 and r1 to x.
      const defends = (): boolean => x.running.store.incarnation > before;
      await within(world, sent + defenceMs - world.now, `x defends itself: ${what}`, defends);
      await within(world, sent + propagationMs(6, latencyMs) - world.now, `everybody believes x again: ${what}`, isAsItWas);
      must(`nobody can tell who forged: ${what}`, raw.closedAt === undefined);
      // (What ran meanwhile may have ended: circuits to who takes its leave drain, and whose word it was is not known.)
      const conn = await world.settle(b.running.dial({ name: "x" }), 1000);
      await world.settle(conn.end(new Uint8Array(5)), 1000);
      must(`x is dialled as before: ${what}`, (await world.settle(conn.read(), 1000))?.length === 5);
      await world.run(betweenForgeriesMs);
    }
    must("x goes on", !x.running.superseded && isAsItWas());
    raw.abort();
    await world.run(5000);
    await world.quiet();
  },
};

function newer(record: StoredRecord, payload: Uint8Array): StoredRecord {
  return { ...record, seq: record.seq + 1, payload };
}

function holdsWhatXSays(node: SimNode, x: SimNode): boolean {
  const said = (holder: SimNode): string => [...holder.running.store.records(x.id)].map(({ incarnation, slot, seq, payload }) => `${incarnation}/${slot}/${seq} ${payload.join()}`).sort().join("\n");
  return said(node) === said(x);
}
