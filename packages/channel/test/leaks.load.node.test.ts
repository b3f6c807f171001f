import { expect, it } from "vitest";
import { channelsOpenedAndClosed } from "./leaks/channels-opened-and-closed.ts";

/** A million: `pnpm proof channel-leaks`. */
it("a hundred thousand channels that were opened and closed leave nothing behind", async () => {
  const { heapBytes, streams } = await channelsOpenedAndClosed(100_000);
  expect(streams).toBe(0);
  expect(heapBytes).toBeLessThan(2_000_000);
});
