import { UnreadBudget } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { SessionPair } from "./support/session-pair.ts";

describe("the figures of a session", () => {
  it("count the streams that were ever opened, by us and by the peer", async () => {
    const pair = new SessionPair();
    const [local] = await pair.stream();
    await pair.stream();
    local.reset();
    await pair.settle();
    expect(pair.client.stats()).toMatchObject({ streams: 1, opened: 2, accepted: 0 });
    expect(pair.server.stats()).toMatchObject({ streams: 1, opened: 0, accepted: 2 });
  });

  it("count what lies unread of streams that are over, and nothing of the sessions that share the budget", async () => {
    const maxUnreadBytes = new UnreadBudget();
    const [one, other] = [new SessionPair({ server: { maxUnreadBytes } }), new SessionPair({ server: { maxUnreadBytes } })];
    const sizes: [SessionPair, number][] = [[one, 1_000], [other, 300]];
    for (const [pair, size] of sizes) {
      // One stream that is over, and one that is not, with a tenth as much.
      const [over, there] = await pair.stream();
      void there.end();
      void over.end(new Uint8Array(size));
      const [open] = await pair.stream();
      void open.write(new Uint8Array(size / 10));
      await pair.settle();
    }
    expect([one, other].map((pair) => pair.server.stats()).map(({ streams, unreadBytes }) => [streams, unreadBytes])).toEqual([[1, 1_100], [1, 330]]);
    expect(maxUnreadBytes.unreadBytes).toBe(1_430);
    // The buffers that are kept for them are at least as long as what they hold.
    expect(one.server.stats().retainedBytes).toBeGreaterThanOrEqual(1_100);
  });
});
