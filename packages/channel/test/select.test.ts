import { Channels, json, pipe, select, sending, type Sender } from "@astranet/channel";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { state } from "./support/state.ts";

describe("select", () => {
  it("takes what can happen now, of a receiver or of a sender", async () => {
    const [a, b] = [pipe<string>({ capacity: 1 }), pipe<number>({ capacity: 1 })];
    await a.sender.send("x");
    expect(await select({ a: a.receiver, b: b.receiver })).toEqual({ case: "a", done: false, message: "x" });
    expect(await select({ a: a.receiver, out: sending(b.sender, 1) })).toEqual({ case: "out" });
    expect(await b.receiver.receive()).toBe(1);
  });

  it("waits for the first that can happen, and nothing else does", async () => {
    const [a, b, c] = [pipe<string>(), pipe<number>(), pipe<boolean>()];
    const chosen = select({ a: a.receiver, b: b.receiver, out: sending(c.sender, true) });
    expect(await state(chosen)).toBe("pending");
    await b.sender.send(7);
    expect(await chosen).toEqual({ case: "b", done: false, message: 7 });
    expect([c.receiver.tryReceive(), a.sender.trySend("x")]).toEqual([undefined, false]);
    const second = select({ a: a.receiver, out: sending(c.sender, true) });
    expect(await c.receiver.receive()).toBe(true);
    expect(await second).toEqual({ case: "out" });
    expect(a.sender.trySend("x")).toBe(false);
  });

  it("is told of an end as of a message, and rejects with what broke a channel", async () => {
    const [a, b] = [pipe<string>(), pipe<number>()];
    const chosen = select({ a: a.receiver, b: b.receiver });
    void a.sender.close();
    expect(await chosen).toEqual({ case: "a", done: true });
    expect(await select({ a: a.receiver })).toEqual({ case: "a", done: true });
    const second = select({ b: b.receiver });
    b.sender.abort();
    await expect(second).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(select({ b: b.receiver })).rejects.toMatchObject({ code: "ECONNRESET" });
    const c = pipe<number>();
    const third = select({ out: sending(c.sender, 1) });
    c.receiver.cancel();
    await expect(third).rejects.toMatchObject({ code: "EPIPE" });
    await expect(select({ out: sending(c.sender, 1) })).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("meets another select over one pipe, once, and never itself", async () => {
    const [a, b] = [pipe<number>(), pipe<number>()];
    const both = await Promise.all([select({ a: a.receiver, b: b.receiver }), select({ a: sending(a.sender, 1), b: sending(b.sender, 2) })]);
    expect(both).toEqual([{ case: both[1].case, done: false, message: both[1].case === "a" ? 1 : 2 }, { case: both[1].case }]);
    expect([a.receiver.tryReceive(), b.receiver.tryReceive()]).toEqual([undefined, undefined]);
    const abort = new AbortController();
    const itself = select({ in: a.receiver, out: sending(a.sender, 1) }, { signal: abort.signal });
    expect(await state(itself)).toBe("pending");
    abort.abort();
    await expect(itself).rejects.toBe(abort.signal.reason);
    expect(a.receiver.tryReceive()).toBeUndefined();
  });

  it("gives each its turn where several can happen always", async () => {
    const pipes = [pipe<number>({ capacity: 1000 }), pipe<number>({ capacity: 1000 }), pipe<number>({ capacity: 1000 })] as const;
    for (const { sender } of pipes) for (let i = 0; i < 1000; i += 1) await sender.send(i);
    const counts = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 900; i += 1) counts[(await select({ a: pipes[0].receiver, b: pipes[1].receiver, c: pipes[2].receiver })).case] += 1;
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(200);
  });

  it("does not wait with wait: false", async () => {
    const { sender, receiver } = pipe<number>();
    expect(await select({ in: receiver, out: sending(sender, 1) }, { wait: false })).toBeUndefined();
    void sender.send(2);
    expect(await select({ in: receiver }, { wait: false })).toEqual({ case: "in", done: false, message: 2 });
  });

  it("gives back the ends in messages of cases that were not chosen", async () => {
    const [a, b, inner] = [pipe<number>(), pipe<Sender<number>>(), pipe<number>({ capacity: 1 })];
    const chosen = select({ a: a.receiver, b: sending(b.sender, inner.sender) });
    await a.sender.send(1);
    expect((await chosen).case).toBe("a");
    await inner.sender.send(5);
    expect(await inner.receiver.receive()).toBe(5);
  });

  it("gives back the ends in a message whose receiver cancels, or beside which another cannot be sent, once", async () => {
    for (let i = 0; i < 6; i += 1) {
      const [out, bad, inner] = [pipe(), pipe(), pipe({ capacity: 2 })];
      await expect(select({ out: sending(out.sender, inner.sender), bad: sending(bad.sender, () => 1) })).rejects.toMatchObject({ code: "EINVAL" });
      await inner.sender.send("mine");
      const cancelled = select({ out: sending(out.sender, inner.sender) });
      out.receiver.cancel();
      await expect(cancelled).rejects.toMatchObject({ code: "EPIPE" });
      await inner.sender.send("still mine");
      expect([await inner.receiver.receive(), await inner.receiver.receive()]).toEqual(["mine", "still mine"]);
    }
  });

  it("takes nothing where its signal was aborted before", async () => {
    const { sender, receiver } = pipe<number>({ capacity: 1 });
    await sender.send(1);
    const reason = new Error("too late");
    await expect(select({ in: receiver }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(receiver.tryReceive()).toEqual({ done: false, value: 1 });
  });

  it("rejects with what is wrong with a message that came", async () => {
    const [here, there] = memoryPair();
    const [one, two] = [new Channels(here, { role: "client", codec: json() }), new Channels(there, { role: "server", codec: { ...json(), decode: () => { throw new Error("nonsense"); } } })];
    const out = one.open();
    const waiting = select({ in: await two.accept(), other: pipe().receiver });
    await out.send(1);
    await expect(waiting).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("nonsense") as string });
    one.abort();
    two.abort();
  });

  it("leaves out a case that is undefined (Go's nil channel)", async () => {
    const [a, b] = [pipe<number>({ capacity: 1 }), pipe<string>({ capacity: 1 })];
    void a.sender.close();
    await b.sender.send("b");
    let open: typeof a.receiver | undefined = a.receiver;
    const seen: unknown[] = [];
    while (open !== undefined || seen.length < 2) {
      const chosen = await select({ a: open, b: b.receiver });
      if (chosen.case === "b") seen.push(chosen.message);
      else open = undefined;
      if (chosen.case === "b") await b.sender.send("b");
    }
    expect(seen.slice(0, 2)).toEqual(["b", "b"]);
    await expect(select({ a: undefined })).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("refuses no cases, and what is none", async () => {
    await expect(select({})).rejects.toMatchObject({ code: "EINVAL" });
    await expect(select({ a: 1 as never })).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining('"a"') as string });
    await expect(select({ a: sending(pipe().sender, () => 1) })).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("refuses an end that was handed over, whatever else could happen", async () => {
    const [ready, out, gone] = [pipe<number>({ capacity: 10 }), pipe({ capacity: 1 }), pipe<number>()];
    for (let i = 0; i < 10; i += 1) await ready.sender.send(i);
    await out.sender.send([gone.receiver, gone.sender]);
    for (let i = 0; i < 5; i += 1) await expect(select({ ready: ready.receiver, gone: i % 2 === 0 ? gone.receiver : sending(gone.sender, 1) })).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    expect(await ready.receiver.receive()).toBe(0);
  });

  it("leaves nobody behind where a message cannot be sent, whichever case it is", async () => {
    const [a, b, c] = [pipe<number>(), pipe(), pipe<number>()];
    for (let i = 0; i < 10; i += 1) await expect(select({ a: a.receiver, out: sending(b.sender, () => 1), c: c.receiver })).rejects.toMatchObject({ code: "EINVAL" });
    expect([a.sender.trySend(1), c.sender.trySend(1), (a.sender._queue as unknown as { hasTaker: boolean }).hasTaker, (c.sender._queue as unknown as { hasTaker: boolean }).hasTaker]).toEqual([false, false, false, false]);
  });

  it("leaves nobody behind: a thousand selects that were aborted take no message", async () => {
    const { sender, receiver } = pipe<number>();
    const abort = new AbortController();
    const selects = Array.from({ length: 1000 }, () => select({ in: receiver }, { signal: abort.signal }));
    abort.abort();
    for (const each of selects) await expect(each).rejects.toBe(abort.signal.reason);
    expect(sender.trySend(1)).toBe(false);
  });
});
