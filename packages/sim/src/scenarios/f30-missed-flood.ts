import { RecordStore, type MergeResult, type StoredRecord } from "@astranet/discovery";
import { cast, link, lists } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** Loses the next record of one origin. */
class Forgetful extends RecordStore {
  loses: string | undefined;
  lost = 0;

  override merge(record: StoredRecord): MergeResult {
    if (record.origin !== this.loses) return super.merge(record);
    this.loses = undefined;
    this.lost += 1;
    return "old";
  }
}

/** A flood misses a node: digests tell, and it is repaired. */
export const missedFlood: Scenario = {
  id: "F30",
  title: "a flood misses a node",
  world: { conditions: { latencyMs: 10 } },
  async run({ world, workload }) {
    const { r, a } = cast(world, ["r", "a"]);
    let store: Forgetful | undefined;
    const b = world.add({ name: "b", router: { role: "peer" }, tampering: { store: (options) => (store = new Forgetful(options)) } });
    b.start();
    link([a, r], [b, r]);
    await within(world, 10_000, "b sees a", () => lists(b, a, "a"));
    await world.run(40_000);
    world.losesFloods = true;
    store!.loses = a.id;
    workload.offerEcho(a, "missed");
    await world.run(1000);
    must("b has missed it", store!.lost === 1 && !lists(b, a, "missed"));
    const tookMs = await within(world, 61_000, "b sees it all the same", () => lists(b, a, "missed"));
    must(`within 61 s: ${tookMs}`, tookMs <= 61_000);
    await world.quiet();
  },
};
