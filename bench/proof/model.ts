import { parseArgs } from "node:util";
import { rare, report, runModel } from "../../packages/mux/test/model/run.ts";

/**
 * The model-based test of the multiplexer with as many operations as wanted:
 * `pnpm proof model --operations 10000000 --seed 1`. A failure is shrunk and printed as a list of operations.
 */
const { values } = parseArgs({
  options: { operations: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const began = performance.now();
let shown = began;
const run = await runModel({
  operations: Number(values.operations),
  seed: Number(values.seed),
  progress(done) {
    if (performance.now() - shown < 10_000) return;
    shown = performance.now();
    console.log(`${String(done)} operations, ${((shown - began) / 1_000).toFixed(0)} s`);
  },
});
console.log(report(run));
console.log(`${((performance.now() - began) / 1_000).toFixed(1)} s`);
const missing = rare(run);
if (missing.length > 0) console.log(`less than 1 %: ${missing.join(", ")}`);
process.exitCode = run.failure === undefined && missing.length === 0 ? 0 : 1;
