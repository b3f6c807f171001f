import { expect, it } from "vitest";
import { manyStreams } from "./scenarios/many-streams.ts";

it("100,000 streams between two processes are one circuit to the relay between them, which holds no more for them", async () => {
  expect(await manyStreams({ streams: 100_000 })).toMatchObject({ streams: 100_000 });
});
