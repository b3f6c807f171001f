import { parseArgs } from "node:util";
import { fuzz, type FuzzReport } from "../../packages/mux/test/fuzz/fuzz.ts";
import { heapBytes, measure } from "../../packages/mux/test/fuzz/heap.ts";
import { shapes } from "../../packages/mux/test/fuzz/shapes.ts";

/**
 * Bad input: `pnpm proof fuzz [--inputs 1000000] [--seed S] [--from N]`. Mutated and random bytes go into the decoder and
 * into live sessions. Nothing may crash, hang or be left over, and `stats().retainedBytes` stays within 4 × input + 64 KiB +
 * 1 KiB per open stream. So does the heap of the process, measured where a session was told what costs it most.
 * A failure names the seed and the input; `--seed S --from N --inputs 1` repeats it.
 */
const { values } = parseArgs({
  options: { inputs: { type: "string", default: "1000000" }, seed: { type: "string" }, from: { type: "string", default: "0" } },
});
const from = Number(values.from);
const end = from + Number(values.inputs);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const BATCH = 50_000;
const MIB = 1_048_576;
/** By how much the heap may differ between two batches: caches and compiled code. */
const NOISE = 8 * MIB;

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => {
  unhandled.push(reason);
});

console.log(`fuzz: seed ${seed}, inputs ${from} to ${end - 1}`);
const begun = performance.now();
const total: FuzzReport = { inputs: 0, bytes: 0, sound: 0, survivors: 0, streams: 0 };
const heaps: number[] = [];
for (let at = from; at < end; at += BATCH) {
  const report = await fuzz(seed, at, Math.min(at + BATCH, end));
  for (const key of Object.keys(total) as (keyof FuzzReport)[]) total[key] += report[key];
  const heap = await heapBytes();
  heaps.push(heap);
  if (unhandled.length > 0) throw new Error(`a rejection that nobody handled, before input ${at + BATCH} of seed ${seed}`, { cause: unhandled[0] });
  console.log(`${total.inputs} inputs, ${mib(total.bytes)}, heap ${mib(heap)}, ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
}
console.log(`the decoder took ${total.sound} to the end; ${total.survivors} sessions lived on, with ${total.streams} streams; none crashed or hung, nothing was left`);
const grownBy = Math.max(...heaps) - (heaps[0] ?? 0);
if (grownBy > NOISE) throw new Error(`the heap grew by ${mib(grownBy)} from batch to batch`);

for (const shape of shapes) {
  await measure(shape);
  const { told, streams, grown, retained, allowed } = await measure(shape);
  console.log(`${shape.name}: ${mib(told)} told, ${streams} streams open, heap ${mib(grown)}, stats() ${mib(retained)}, allowed ${mib(allowed)}`);
  if (grown > allowed || retained > allowed) throw new Error(`${shape.name}: more is kept than may be`);
}
console.log("all of it held");
