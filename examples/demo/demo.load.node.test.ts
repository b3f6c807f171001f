import { expect, it } from "vitest";
import { runExample } from "../run-example.ts";

it("the demo does all of its job over one socket", async () => {
  const printed = await runExample("demo");
  expect(printed).toMatch(/^sockets +(?:1 between the two processes|cannot be counted here)/m);
  expect(printed).toMatch(/^ +SHA-256 [0-9a-f]{16}… confirmed/m);
  expect(printed).toMatch(/^streams +100,000 opened/m);
  expect(printed).toMatch(/^done +all of it was right/m);
});
