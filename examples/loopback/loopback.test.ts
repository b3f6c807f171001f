import { expect, it } from "vitest";
import { runExample } from "../run-example.ts";

it("the loopback example is greeted through both pipes", async () => {
  expect(await runExample("loopback")).toBe("hello, left\nhello, right\n");
});
