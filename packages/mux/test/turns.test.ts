import type { Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { lengthOf, only } from "./support/frames.ts";
import { narrow, opens } from "./support/narrow-session.ts";

const KiB = 1_024;
const MiB = 1_048_576;

const turns = (frames: readonly Frame[]): number[] => only(frames, "DATA").map(({ payload }) => payload.length / 2);

describe("a send of 128 KiB", () => {
  it("is eight turns of 16 KiB: their headers do not make it begin a ninth", async () => {
    const { clock, session, next, news } = await narrow();
    for (const stream of opens(session, 20)) void stream.write(new Uint8Array(MiB));
    await clock.settle();
    expect(turns(news())).toEqual(new Array(8).fill(16 * KiB));
    for (let i = 0; i < 10; i++) expect(turns(next())).toEqual(new Array(8).fill(16 * KiB));
  });
});

describe("turns", () => {
  it("double with the sends, from 16 to 64 KiB", async () => {
    const { connection, clock, session, news } = await narrow();
    connection.isNarrow = false;
    for (const stream of opens(session, 20)) void stream.write(new Uint8Array(4 * MiB));
    await clock.settle();
    // Later ones may have less than a turn left.
    const sizes = turns(news()).slice(0, 200);
    expect([...new Set(sizes)]).toEqual([16 * KiB, 32 * KiB, 64 * KiB]);
    expect(connection.sends.length).toBeGreaterThan(80);
  });

  it("of small senders who have just enough for all of each send leave one its share that has more", async () => {
    const { clock, session, next } = await narrow();
    const [bulk, ...small] = opens(session, 9) as [Stream, ...Stream[]];
    await clock.settle();
    next();
    void bulk.write(new Uint8Array(10 * MiB));
    await clock.settle();
    next();
    let sent = 0;
    for (let i = 0; i < 50; i++) {
      for (const stream of small) if (stream.writableLength === 0) void stream.write(new Uint8Array(16 * KiB));
      await clock.settle();
      sent += lengthOf(next(), bulk.id);
    }
    // Nine senders share 50 sends of 128 KiB.
    expect(sent).toBeGreaterThan((50 * 128 * KiB) / 9 / 2);
  });

  it("go to a newly active stream first also after another of its class has gone to a later one", async () => {
    const { clock, session, next } = await narrow();
    const streams = opens(session, 30);
    const [request] = opens(session, 1) as [Stream];
    for (const stream of streams) void stream.write(new Uint8Array(MiB));
    await clock.settle();
    for (let i = 0; i < 10; i++) next();
    (streams[29] as Stream).urgency = 7;
    await clock.settle();
    next();
    void request.write(new Uint8Array(100));
    await clock.settle();
    expect(lengthOf(next(), request.id)).toBe(100);
  });
});
