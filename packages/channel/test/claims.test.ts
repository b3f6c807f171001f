import type { Receiver } from "@astranet/channel";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { begin, message, preface } from "./support/peer.ts";
import { state } from "./support/state.ts";

const encoder = new Encoder();
const withEnd = encoder.encode([new ExtData(65, Uint8Array.of(0))]);
const [receiver, writable] = [2, 4];

describe("messages and the streams that belong to them", () => {
  it("wait each for as long as it may, by one timer for all of them, and by none when nothing waits", async () => {
    const { channels, open, clock } = begin({ claimTimeoutMs: 3000 });
    await clock.settle();
    const timers = clock.timers;
    const outer = open(preface, message(withEnd, [receiver, 11]));
    const first = open(1);
    await clock.advance(1000);
    const [second, third] = [open(2), open(3)];
    void outer.write(message(withEnd, [receiver, 12]));
    await clock.settle();
    expect(clock.timers).toBe(timers + 1);
    const there = await channels.accept<[Receiver]>();
    await clock.settle();
    const messages = [there.receive(), there.receive()];
    const states = (): Promise<string[]> => Promise.all([first.closed, second.closed, third.closed, ...messages].map(state));
    await clock.advance(1999);
    expect(await states()).toEqual(["pending", "pending", "pending", "pending", "pending"]);
    await clock.advance(1);
    expect(await states()).toEqual(["rejected", "pending", "pending", "pending", "pending"]);
    await expect(first.closed).rejects.toMatchObject({ remoteCode: 259, message: expect.stringContaining("its message did not come in time") as string });
    await clock.advance(1000);
    // Those of messages began to wait when these were read.
    expect(await states()).toEqual(["rejected", "rejected", "rejected", "resolved", "resolved"]);
    await clock.advance(3000);
    expect(clock.timers).toBe(timers);
  });

  it("wait for themselves alone: a message that came later waits longer", async () => {
    const { channels, open, clock } = begin({ claimTimeoutMs: 3000 });
    const outer = open(preface, message(withEnd, [receiver, 11]));
    await clock.settle();
    const there = await channels.accept<[Receiver]>();
    await clock.advance(1000);
    void outer.write(message(withEnd, [receiver, 12]));
    await clock.advance(2000);
    const messages = [there.receive(), there.receive()];
    expect(await Promise.all(messages.map(state))).toEqual(["resolved", "pending"]);
    open(12, message(encoder.encode("in time")));
    await clock.settle();
    expect(await (await messages[1]!)[0].receive()).toBe("in time");
  });

  it("that were dropped cost nothing when their time has come", async () => {
    const { channels, open, clock } = begin();
    const here = open(7);
    open(preface, message(withEnd, [receiver, 6]), message(withEnd, [receiver, 7]));
    await clock.settle();
    (await channels.accept()).cancel();
    await clock.settle();
    // At once, though the message before it still waited.
    await expect(here.closed).rejects.toMatchObject({ remoteCode: 256, message: expect.stringContaining("the message that it travelled in was dropped") as string });
    await clock.advance(20_000);
    const late = open(6);
    await clock.advance(20_000);
    await expect(late.closed).rejects.toMatchObject({ remoteCode: 259 });
  });

  it("that did not come are broken as what they would have been", async () => {
    const { channels, open, clock } = begin();
    open(preface, message(withEnd, [writable, 6]));
    await clock.settle();
    const received = (await channels.accept<[WritableStream]>()).receive();
    await clock.advance(10_000);
    const [end] = await received;
    expect(end).toBeInstanceOf(WritableStream);
    await expect(end.getWriter().closed).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });
});
