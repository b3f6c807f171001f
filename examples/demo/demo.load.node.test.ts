import { expect, it } from "vitest";
import { runExample } from "../run-example.ts";

it("the demo does all of its job through relays, over one socket, and goes on when the relay is killed", async () => {
  const printed = await runExample("demo");
  expect(printed).toMatch(/^sockets +(?:1 between the consumer and the relay, 0 between the two ends|cannot be counted here)/m);
  expect(printed).toMatch(/^lost +100,000 streams, each with one ECONNRESET/m);
  expect(printed).toMatch(/^goes on .*You asked for \/over-another-way/m);
  expect(printed).toMatch(/^ +SHA-256 [0-9a-f]{16}… confirmed/m);
  expect(printed).toMatch(/^streams +100,000 opened/m);
  expect(printed).toMatch(/^done +all of it was right/m);
});
