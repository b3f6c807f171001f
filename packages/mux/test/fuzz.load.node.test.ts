import { expect, it } from "vitest";
import { fuzz } from "./fuzz/fuzz.ts";

const INPUTS = 20_000;
// Any other by FUZZ_SEED. A failure names the seed and the input; `pnpm proof fuzz --seed S --from N --inputs 1` repeats it.
const seed = Number(process.env["FUZZ_SEED"] ?? 20_777);

it(`any bytes, mutated or random, leave decoder and session whole: seed ${seed}`, async () => {
  const report = await fuzz(seed, 0, INPUTS);
  console.log(`fuzz: seed ${seed}, ${JSON.stringify(report)}`);
  expect(report.inputs).toBe(INPUTS);
  // The inputs are worth something only if many get beyond their first frames.
  expect(report.sound / INPUTS).toBeGreaterThan(0.4);
  expect(report.streams / INPUTS).toBeGreaterThan(0.5);
}, 180_000);
