import { expect, it } from "vitest";
import { runExample } from "../run-example.ts";

it("the echo example hears what it said", async () => {
  expect(await runExample("echo")).toBe("hello, echo\n");
});
