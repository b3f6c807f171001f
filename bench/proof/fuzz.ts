import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { diceOf, fuzz, FuzzedSession } from "../../packages/mux/test/fuzz/fuzz.ts";
import { makeInput } from "../../packages/mux/test/fuzz/input.ts";

/**
 * Bad input: `pnpm proof fuzz [--inputs 1000000] [--seed S] [--from N]`. Mutated and random bytes go into the decoder and
 * into live sessions. Nothing may crash, hang or be left over, `stats().retainedBytes` stays within 4 × input + 64 KiB +
 * 1 KiB per open stream, and so does the heap of the process, measured with many sessions held. A failure names the seed and the input.
 */
const { values } = parseArgs({
  options: { inputs: { type: "string", default: "1000000" }, seed: { type: "string" }, from: { type: "string", default: "0" } },
});
const inputs = Number(values.inputs);
const from = Number(values.from);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const BATCH = 50_000;
/** Sessions held at once while the heap is measured. */
const HELD = 1_000;
/** How much the heap may differ between two batches: caches and compiled code. */
const NOISE = 8 * 1_048_576;
const MIB = 1_048_576;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function heapBytes(): Promise<number> {
  // What finalizers and finished microtasks let go of is gone after the second turn.
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Holds sessions that were told their inputs, and compares what the process grew by with what they may keep. */
async function holdMany(): Promise<{ readonly grown: number; readonly retained: number; readonly allowed: number; readonly streams: number }> {
  const before = await heapBytes();
  const held: FuzzedSession[] = [];
  let allowed = 0;
  let retained = 0;
  let streams = 0;
  for (let number = 0; number < HELD; number++) {
    const dice = diceOf(~seed, number);
    const subject = new FuzzedSession(dice, true);
    await subject.tell(makeInput(dice, subject.wire, subject.peerParity, []));
    allowed += subject.allowance;
    retained += subject.session.stats().retainedBytes;
    streams += subject.session.streamCount;
    held.push(subject);
  }
  const grown = (await heapBytes()) - before;
  for (const subject of held) await subject.end();
  return { grown, retained, allowed, streams };
}

const failures: unknown[] = [];
process.on("unhandledRejection", (reason) => {
  failures.push(reason);
});

console.log(`fuzz: seed ${seed}, inputs ${from} to ${from + inputs - 1}`);
const begun = performance.now();
const total = { inputs: 0, bytes: 0, sound: 0, survivors: 0, streams: 0 };
const heaps: number[] = [];
for (let at = from; at < from + inputs; at += BATCH) {
  const report = await fuzz(seed, at, Math.min(at + BATCH, from + inputs));
  for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += report[key];
  heaps.push(await heapBytes());
  if (failures.length > 0) throw new Error(`a rejection that nobody handled, up to input ${at + BATCH} of seed ${seed}`, { cause: failures[0] });
  console.log(`${total.inputs} inputs, ${(total.bytes / MIB).toFixed(0)} MiB, heap ${((heaps.at(-1) ?? 0) / MIB).toFixed(1)} MiB, ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
}
const grownBy = (heaps.at(-1) ?? 0) - (heaps[0] ?? 0);
const { grown, retained, allowed, streams } = await holdMany();
console.log(JSON.stringify(total));
console.log(`heap after the last batch against the first: ${(grownBy / MIB).toFixed(2)} MiB more`);
console.log(
  `${HELD} sessions held with ${streams} streams: the heap grew by ${(grown / MIB).toFixed(1)} MiB, ${(retained / MIB).toFixed(1)} MiB are told by stats(), ${(allowed / MIB).toFixed(1)} MiB are allowed`,
);
if (grownBy > NOISE) throw new Error("the heap grew from batch to batch");
if (grown > allowed) throw new Error("the sessions keep more than they may");
console.log("all of it held");
