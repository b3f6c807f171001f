import assert from "node:assert/strict";
import { Mesh } from "../mesh.ts";
import { type Figures, megabytes, MiB } from "./scenario.ts";

/** What a relay may hold more than before, however many streams its circuit has. */
const relayGrowth = 2 * MiB;

/** Many streams from A to C over one circuit: B neither counts them nor holds anything for them. */
export async function manyStreams({ streams }: { readonly streams: number }): Promise<Figures> {
  await using mesh = new Mesh();
  const { a, c, relays } = await mesh.row(1);
  const relay = relays[0]!;
  await c.call("serveConversations", "hold");
  await a.call("waitFor", "hold");
  // What is made once is there before the first look.
  await a.call("openConversations", "few", "hold", 1000, 0);
  await relay.call("forgetPeak");
  const before = await relay.call("memory");
  const began = performance.now();
  await a.call("openConversations", "many", "hold", streams - 1000, 0);
  const ms = performance.now() - began;
  assert.equal((await c.call("ends", "hold")).open, streams);
  const after = await relay.call("memory");
  const { relayed, relayBytes } = await relay.call("circuits");
  assert.deepEqual([relayed, relayBytes], [1, 0]);
  assert.deepEqual(await Promise.all([a, c].map(async (end) => (await end.call("circuits")).opened + (await end.call("circuits")).accepted)), [1, 1]);
  assert.deepEqual(await relay.call("linkCount"), 2);
  assert.ok(after.held - before.held <= relayGrowth, `the relay holds ${String(megabytes(after.held - before.held))} MB more`);
  await Promise.all(["few", "many"].map((name) => a.call("resetAll", name)));
  const { ends } = await c.call("over", "hold");
  assert.equal(Object.values(ends).reduce((sum, count) => sum + count, 0), streams);
  return {
    streams,
    "opened a second": Math.round((streams * 1000) / ms),
    "relay holds more, MB": megabytes(after.held - before.held),
    "relay's RSS before and after, MB": [before.rss, after.rss].map(megabytes).join(", "),
    "its peak meanwhile, MB": megabytes(after.peakRss),
  };
}
