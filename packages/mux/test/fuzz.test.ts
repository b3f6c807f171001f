import { expect, it } from "vitest";
import { fuzz } from "./fuzz/fuzz.ts";

// A thousand, in every runtime; see fuzz.load.node.test.ts for more.
it("any bytes leave decoder and session whole", async () => {
  const report = await fuzz(1, 0, 1_000);
  expect(report.inputs).toBe(1_000);
});
