import type { Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { bytes, credit, stop } from "./support/frames.ts";
import { narrow, opens } from "./support/narrow-session.ts";
import { codeOf } from "./support/session-pair.ts";

const KiB = 1_024;
const MiB = 1_048_576;

/** A session over a connection that has no room, and streams whose SYNs have left. */
async function full(count: number, initialWindow = 2 ** 30) {
  const narrowed = await narrow({}, { initialWindow });
  const streams = opens(narrowed.session, count);
  await narrowed.clock.settle();
  return { ...narrowed, streams };
}

describe("what a session has to frame", () => {
  it("is less by what is withdrawn: others write at once again", async () => {
    for (const how of ["reset", "STOP"] as const) {
      const { connection, streams } = await full(2);
      const [bulk, other] = streams as [Stream, Stream];
      void bulk.write(new Uint8Array(MiB));
      expect(other.tryWrite(bytes("x"))).toBe(false);
      if (how === "reset") bulk.reset();
      else connection.give(stop(bulk.id));
      expect(other.tryWrite(bytes("x"))).toBe(true);
    }
  });

  it("is not less by more than was withdrawn", async () => {
    const { streams } = await full(3);
    const [first, second, other] = streams as [Stream, Stream, Stream];
    void first.write(new Uint8Array(MiB));
    const controller = new AbortController();
    const waiting = first.write(new Uint8Array(MiB), { signal: controller.signal });
    controller.abort();
    expect(await codeOf(waiting)).not.toBe("pending");
    expect(second.tryWrite(bytes("x"))).toBe(false);
    first.reset();
    for (let i = 0; i < 2; i++) expect(second.tryWrite(new Uint8Array(MiB / 2))).toBe(true);
    expect(other.tryWrite(bytes("x"))).toBe(false);
  });

  it("does not count bytes that lack credit, neither while they wait nor as they are dropped", async () => {
    const { clock, next, streams } = await full(2, 64 * KiB);
    const [stuck, other] = streams as [Stream, Stream];
    next();
    void stuck.write(new Uint8Array(3 * MiB));
    await clock.settle();
    next();
    // The connection has room once more: so that it has none, something must leave.
    stuck.urgency = 1;
    await clock.settle();
    expect(stuck.writableLength).toBe(3 * MiB - 64 * KiB);
    stuck.reset();
    expect(await codeOf(other.write(new Uint8Array(MiB)))).toBe("resolved");
    expect(await codeOf(other.write(bytes("x")))).toBe("pending");
  });

  it("does not count them either where the send that used up the credit was the last that there was room for", async () => {
    const { clock, next, news, streams } = await full(2, 128 * KiB);
    const [stuck, other] = streams as [Stream, Stream];
    next();
    news();
    void stuck.write(new Uint8Array(3 * MiB));
    await clock.settle();
    expect(stuck.writableLength).toBe(3 * MiB - 128 * KiB);
    expect(other.tryWrite(bytes("x"))).toBe(true);
  });

  it("does not count them where the turn that used up the credit was the last of a send, and others have bytes", async () => {
    const { connection, clock, next, streams } = await full(9, 128 * KiB);
    const [bulk, stuck, ...small] = streams as [Stream, Stream, ...Stream[]];
    connection.give(credit(bulk.id, 2 ** 20));
    // All but a turn's worth of this one's credit is used up.
    void stuck.write(new Uint8Array(112 * KiB));
    await clock.settle();
    for (let i = 0; i < 3; i++) next();
    void bulk.write(new Uint8Array(600 * KiB));
    await clock.settle();
    next();
    // Seven turns and its own are one send.
    for (const stream of small) void stream.write(new Uint8Array(16 * KiB));
    void stuck.write(new Uint8Array(16 * KiB));
    void stuck.write(new Uint8Array(2 * MiB));
    await clock.settle();
    next();
    expect(stuck.writableLength).toBe(2 * MiB);
    expect(bulk.tryWrite(bytes("x"))).toBe(true);
  });
});

describe("ready()", () => {
  it("resolves when less than half of what may wait is left, so that it is worth it", async () => {
    const { clock, session, next, streams } = await full(2);
    const [bulk, other] = streams as [Stream, Stream];
    void bulk.write(new Uint8Array(2 * MiB));
    expect(other.tryWrite(bytes("x"))).toBe(false);
    const ready = other.ready();
    await clock.settle();
    while (bulk.writableLength > 512 * KiB) {
      next();
      expect([bulk.writableLength % (128 * KiB), await codeOf(ready)]).toEqual([0, "pending"]);
    }
    expect([bulk.writableLength, session._sender.hasRoom]).toEqual([512 * KiB, true]);
    next();
    expect(await codeOf(ready)).toBe("resolved");
  });
});
