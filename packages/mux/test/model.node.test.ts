import { expect, test } from "vitest";
import { rare, report, runModel } from "./model/run.ts";

/** More, and with another seed: `pnpm proof model --operations 10000000 --seed 2`. */
const OPERATIONS = 110_000;

test("random operations on both ends agree with the reference model", { timeout: 180_000 }, async () => {
  const run = await runModel({ operations: OPERATIONS, seed: Number(process.env["MODEL_SEED"] ?? 1) });
  console.log(report(run));
  expect(run.failure?.what).toBeUndefined();
  expect(run.operations).toBeGreaterThanOrEqual(OPERATIONS);
  // What hardly ever happens proves little.
  expect(rare(run)).toEqual([]);
});
