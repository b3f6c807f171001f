import { expect, it } from "vitest";
import { callsBesideALongOne } from "./leaks/calls-beside-a-long-one.ts";
import { channelsOpenedAndClosed } from "./leaks/channels-opened-and-closed.ts";

/** A million: `pnpm proof channel-leaks`. */
it("a hundred thousand channels that were opened and closed leave nothing behind", async () => {
  const { heapBytes, streams } = await channelsOpenedAndClosed(100_000);
  expect(streams).toBe(0);
  expect(heapBytes).toBeLessThan(2_000_000);
});

it("twenty thousand calls that are served while another one runs, as many at once as maxCalls, leave nothing behind", async () => {
  expect(await callsBesideALongOne(20_000)).toBeLessThan(1_000_000);
});
