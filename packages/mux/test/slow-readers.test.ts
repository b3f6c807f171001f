import type { Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { bytes } from "./support/frames.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

const STREAMS = 10_000;
const MAX_UNREAD = 64 * 1_048_576;

/** 10,000 streams that nobody reads, with writers that go on until they are held back. */
async function unread() {
  const accepted: Stream[] = [];
  const pair = new SessionPair({
    both: { keepAlive: false },
    server: { maxUnreadBytes: MAX_UNREAD, onstream: (stream) => accepted.push(stream) },
  });
  const opened = Array.from({ length: STREAMS }, () => {
    const stream = pair.client.open();
    void (async () => {
      for (;;) await stream.write(new Uint8Array(16_384));
    })().catch(() => undefined);
    return stream;
  });
  await pair.settle();
  return { pair, accepted, opened };
}

describe("10,000 streams that nobody reads, with blocked writers at the other end", () => {
  it("leave memory within the budget and a quarter, and reset only offenders, with ERR_ASTRANET_OVERLOAD", async () => {
    const { pair, accepted, opened } = await unread();
    const stats = pair.server.stats();
    expect(stats.unreadBytes).toBeLessThanOrEqual(MAX_UNREAD);
    expect(stats.unreadBytes).toBeGreaterThan(MAX_UNREAD / 2);
    expect(stats.retainedBytes).toBeLessThanOrEqual(MAX_UNREAD * 1.25);
    expect(accepted.length).toBe(STREAMS);

    // Who was reset was reset for what lay unread, on both sides alike, and nothing else is.
    const lost = accepted.filter((stream) => stream.readableLength === 0);
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThan(STREAMS);
    for (const stream of lost) {
      expect(await codeOf(stream.read())).toBe("ERR_ASTRANET_OVERLOAD");
      const [state, error] = await outcome((opened[(stream.id - 1) / 2] as Stream).read());
      expect([state, error]).toMatchObject(["rejected", { code: "ERR_ASTRANET_OVERLOAD", retryable: false, remoteCode: 10 }]);
    }
    expect(pair.server.streamCount).toBe(STREAMS - lost.length);
    expect(pair.client.streamCount).toBe(STREAMS - lost.length);
    expect([await codeOf(pair.client.closed), await codeOf(pair.server.closed)]).toEqual(["pending", "pending"]);

    // A fresh stream has its bytes through and back.
    const echo = pair.client.open();
    void echo.end(new Uint8Array(1_024).fill(7));
    await pair.settle();
    const fresh = accepted.at(-1) as Stream;
    expect(fresh.id).toBe(echo.id);
    void fresh.end((await fresh.read()) as Uint8Array);
    await pair.settle();
    expect(await echo.read()).toEqual(new Uint8Array(1_024).fill(7));
    pair.client.abort();
    pair.server.abort();
  });

  it("are left alone while they hold less than the budget, however long that is", async () => {
    const modest = new SessionPair({ both: { keepAlive: false }, server: { maxUnreadBytes: MAX_UNREAD } });
    const streams = Array.from({ length: STREAMS }, () => modest.client.open());
    for (const stream of streams) void stream.write(bytes("a little"));
    await modest.advance(60 * 60_000);
    expect(modest.server.stats()).toMatchObject({ streams: STREAMS, backlog: STREAMS, unreadBytes: 8 * STREAMS });
    expect(modest.server.stats().retainedBytes).toBeLessThanOrEqual(1_024 * STREAMS);
    modest.client.abort();
    modest.server.abort();
  });
});
