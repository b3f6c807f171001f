import { copy, discard, pipe, Receiver, select, Sender } from "@astranet/channel";
import { describe, expect, it } from "vitest";
import { state } from "./support/state.ts";

describe("a pipe", () => {
  it("of capacity 0 is a rendezvous: a send resolves when somebody has taken the message", async () => {
    const { sender, receiver } = pipe<string>();
    const sent = sender.send("one");
    expect(await state(sent)).toBe("pending");
    expect(await receiver.receive()).toBe("one");
    expect(await state(sent)).toBe("resolved");
    const received = receiver.receive();
    expect(await state(received)).toBe("pending");
    expect(await state(sender.send("two"))).toBe("resolved");
    expect(await received).toBe("two");
  });

  it("holds as many messages as its capacity, in order, and then sends wait", async () => {
    const { sender, receiver } = pipe<number>({ capacity: 2 });
    const sends = [1, 2, 3, 4].map((n) => sender.send(n));
    expect(await Promise.all(sends.map(state))).toEqual(["resolved", "resolved", "pending", "pending"]);
    expect(await receiver.receive()).toBe(1);
    expect(await Promise.all(sends.map(state))).toEqual(["resolved", "resolved", "resolved", "pending"]);
    expect([await receiver.receive(), await receiver.receive(), await receiver.receive()]).toEqual([2, 3, 4]);
    expect(await state(sends[3]!)).toBe("resolved");
  });

  it("ends when its sender is closed, after every message that was sent before", async () => {
    const { sender, receiver } = pipe<number>({ capacity: 1 });
    const sends = [sender.send(1), sender.send(2)];
    await sender.close();
    await expect(sender.send(3)).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    const messages: number[] = [];
    for await (const message of receiver) messages.push(message);
    expect(messages).toEqual([1, 2]);
    await Promise.all([...sends, sender.closed, receiver.closed]);
    await expect(receiver.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_CHANNEL_CLOSED" });
    expect([await receiver.next(), receiver.tryReceive()]).toEqual([{ done: true, value: undefined }, { done: true, value: undefined }]);
  });

  it("tells those who wait of the end", async () => {
    const { sender, receiver } = pipe();
    const [received, next] = [receiver.receive(), receiver.next()];
    void sender.close();
    await expect(received).rejects.toMatchObject({ code: "ERR_ASTRANET_CHANNEL_CLOSED" });
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it("serves those who receive in the order in which they came", async () => {
    const { sender, receiver } = pipe<number>();
    const received = [receiver.receive(), receiver.receive(), receiver.receive()];
    for (const n of [1, 2, 3]) await sender.send(n);
    expect(await Promise.all(received)).toEqual([1, 2, 3]);
  });

  it("that is cancelled drops what waits, and sends reject with EPIPE and the reason", async () => {
    const { sender, receiver } = pipe<number>({ capacity: 1 });
    await sender.send(1);
    const waiting = sender.send(2);
    const reason = new Error("enough");
    receiver.cancel(reason);
    await expect(waiting).rejects.toMatchObject({ code: "EPIPE", cause: reason });
    await expect(sender.send(3)).rejects.toMatchObject({ code: "EPIPE" });
    expect(() => sender.trySend(3)).toThrow(expect.objectContaining({ code: "EPIPE" }));
    expect(await receiver.next()).toEqual({ done: true, value: undefined });
    await Promise.all([sender.closed, receiver.closed, sender.close()]);
  });

  it("is cancelled by leaving the loop early", async () => {
    const { sender, receiver } = pipe<number>({ capacity: 2 });
    await sender.send(1);
    await sender.send(2);
    for await (const message of receiver) {
      expect(message).toBe(1);
      break;
    }
    await expect(sender.send(3)).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("that its sender gives up breaks: what waits is dropped, and both sides hear ECONNRESET", async () => {
    const { sender, receiver } = pipe<number>({ capacity: 1 });
    await sender.send(1);
    const waiting = sender.send(2);
    const reason = new Error("no more power");
    sender.abort(reason);
    for (const call of [waiting, receiver.receive(), receiver.next(), sender.send(3), receiver.closed, sender.closed]) await expect(call).rejects.toMatchObject({ code: "ECONNRESET", cause: reason });
    expect(() => receiver.tryReceive()).toThrow(expect.objectContaining({ code: "ECONNRESET" }));
  });

  it("tells those who wait that it broke", async () => {
    const { sender, receiver } = pipe();
    const received = receiver.receive();
    sender.abort();
    await expect(received).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("takes and gives without waiting, where that can be", () => {
    const { sender, receiver } = pipe<number>({ capacity: 1 });
    expect([receiver.tryReceive(), sender.trySend(1), sender.trySend(2)]).toEqual([undefined, true, false]);
    expect([receiver.tryReceive(), receiver.tryReceive()]).toEqual([{ done: false, value: 1 }, undefined]);
  });

  it("gives up waiting when the signal is aborted, with its reason: nothing was sent, and no message is lost", async () => {
    const { sender, receiver } = pipe<number>();
    const abort = new AbortController();
    const calls = [receiver.receive({ signal: abort.signal }), receiver.next({ signal: abort.signal })];
    const reason = new Error("too late");
    abort.abort(reason);
    for (const call of calls) await expect(call).rejects.toBe(reason);
    const sent = sender.send(1);
    const again = new AbortController();
    const second = sender.send(2, { signal: again.signal });
    again.abort(reason);
    await expect(second).rejects.toBe(reason);
    await expect(sender.send(3, { signal: again.signal })).rejects.toBe(reason);
    await expect(receiver.receive({ signal: again.signal })).rejects.toBe(reason);
    expect(await receiver.receive()).toBe(1);
    await sent;
    expect(receiver.tryReceive()).toBeUndefined();
  });

  it("says what its own side has done, whatever the other one does later: after close that is ERR_ASTRANET_INVALID_STATE", async () => {
    const { sender, receiver } = pipe<number>();
    await sender.close();
    const refused = { code: "ERR_ASTRANET_INVALID_STATE" };
    await expect(sender.send(1)).rejects.toMatchObject(refused);
    receiver.cancel();
    await expect(sender.send(1)).rejects.toMatchObject(refused);
    expect(() => sender.trySend(1)).toThrow(expect.objectContaining(refused));
  });

  it("refuses a signal that is none", async () => {
    const { sender, receiver } = pipe<number>();
    const signal = {} as AbortSignal;
    for (const call of [sender.send(1, { signal }), receiver.receive({ signal }), select({ in: receiver }, { signal })]) await expect(call).rejects.toMatchObject({ code: "EINVAL" });
    expect([receiver.tryReceive(), sender.trySend(1)]).toEqual([undefined, false]);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses a capacity of %s", (capacity) => {
    expect(() => pipe({ capacity })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("carries undefined and null like any other message", async () => {
    const { sender, receiver } = pipe({ capacity: 2 });
    await sender.send(undefined);
    await sender.send(null);
    expect([await receiver.next(), await receiver.next()]).toEqual([{ done: false, value: undefined }, { done: false, value: null }]);
  });

  it("can be used with await using: a Sender is closed then, and a Receiver cancelled", async () => {
    const [one, two] = [pipe<number>({ capacity: 1 }), pipe<number>({ capacity: 1 })];
    {
      await using mine = one.sender;
      await mine.send(1);
    }
    expect([await one.receiver.receive(), await one.receiver.next()]).toEqual([1, { done: true, value: undefined }]);
    {
      await using mine = two.receiver;
      await two.sender.send(1);
      expect(await mine.receive()).toBe(1);
    }
    await expect(two.sender.send(2)).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("is iterated by an iterator that is one itself, and says the end when it is left", async () => {
    const { sender, receiver } = pipe<number>({ capacity: 1 });
    await sender.send(1);
    const iterator = receiver[Symbol.asyncIterator]();
    expect(iterator[Symbol.asyncIterator]()).toBe(iterator);
    expect([await iterator.next(), await iterator.return!()]).toEqual([{ done: false, value: 1 }, { done: true, value: undefined }]);
    await expect(sender.send(2)).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("says in words why there is no message, and what an option must be", async () => {
    const { sender, receiver } = pipe();
    void sender.close();
    await expect(receiver.receive()).rejects.toThrow("there are no more messages: the channel is closed");
    await expect(receiver.receive({ signal: 1 as never })).rejects.toThrow("the channel is closed");
    await expect(pipe().receiver.receive({ signal: 1 as never })).rejects.toThrow("signal must be an AbortSignal");
    await expect(select({})).rejects.toThrow("select needs at least one case");
    expect(() => pipe({ capacity: -2 })).toThrow("capacity must be an integer from 0 on, not -2");
  });
});

describe("an end of a channel in a message", () => {
  it("belongs to who receives the message, and works there as it did here", async () => {
    const { sender, receiver } = pipe<{ reply: Sender<string>; more: Receiver<number> }>({ capacity: 1 });
    const [reply, more] = [pipe<string>({ capacity: 1 }), pipe<number>({ capacity: 1 })];
    await sender.send({ reply: reply.sender, more: more.receiver });
    const message = await receiver.receive();
    expect([message.reply instanceof Sender, message.more instanceof Receiver]).toEqual([true, true]);
    await message.reply.send("hello");
    await more.sender.send(7);
    expect([await reply.receiver.receive(), await message.more.receive()]).toEqual(["hello", 7]);
  });

  it("is of no use to who sent it", async () => {
    const { sender } = pipe({ capacity: 1 });
    const inner = pipe({ capacity: 1 });
    await sender.send([inner.sender, inner.receiver]);
    const gone = { code: "ERR_ASTRANET_INVALID_STATE" };
    for (const call of [inner.sender.send(1), inner.receiver.receive(), inner.receiver.next(), sender.send(inner.sender), sender.send({ again: inner.receiver })]) await expect(call).rejects.toMatchObject(gone);
    expect(() => inner.sender.trySend(1)).toThrow(expect.objectContaining(gone));
    expect(() => inner.receiver.tryReceive()).toThrow(expect.objectContaining(gone));
    await Promise.all([inner.sender.close(), inner.sender.closed, inner.receiver.closed]);
    inner.receiver.cancel();
    inner.sender.abort();
  });

  it("is of no use to a call that waits for a message of it", async () => {
    const [{ sender }, inner] = [pipe({ capacity: 1 }), pipe<number>()];
    const iteration = (async () => {
      for await (const each of inner.receiver) expect(each).toBeDefined();
    })();
    const waiting = [inner.receiver.receive(), select({ in: inner.receiver, other: pipe().receiver }), iteration];
    await sender.send(inner.receiver);
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    expect(inner.sender.trySend(1)).toBe(false);
  });

  it("is of no use to who sent it from the moment of the call", async () => {
    const { sender, receiver } = pipe<Sender>();
    const inner = pipe();
    const sent = sender.send(inner.sender);
    expect(() => inner.sender.trySend(1)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INVALID_STATE" }));
    const there = await receiver.receive();
    await sent;
    void there.send("x");
    expect(await inner.receiver.receive()).toBe("x");
  });

  it("is the caller's again when the message was not sent: aborted, cancelled, refused", async () => {
    const inner = pipe<string>({ capacity: 1 });
    const { sender, receiver } = pipe();
    const abort = new AbortController();
    const aborted = sender.send([inner.sender, inner.receiver], { signal: abort.signal });
    abort.abort();
    await expect(aborted).rejects.toBe(abort.signal.reason);
    const refused = sender.send([inner.sender, inner.receiver, () => undefined]);
    await expect(refused).rejects.toMatchObject({ code: "EINVAL" });
    const cancelled = sender.send([inner.sender, inner.receiver]);
    receiver.cancel();
    await expect(cancelled).rejects.toMatchObject({ code: "EPIPE" });
    await inner.sender.send("still mine");
    expect(await inner.receiver.receive()).toBe("still mine");
  });

  it("is closed when its message is dropped", async () => {
    const { sender, receiver } = pipe({ capacity: 1 });
    const [one, two] = [pipe(), pipe()];
    await sender.send({ one: one.sender, two: two.receiver });
    receiver.cancel();
    await expect(one.receiver.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(two.sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("may not be in it twice", async () => {
    const { sender } = pipe({ capacity: 1 });
    const inner = pipe<number>({ capacity: 1 });
    await expect(sender.send({ here: inner.sender, there: [inner.sender] })).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("twice") as string });
    await inner.sender.send(1);
  });

  it("may be three deep, in a message over a channel that came in a message", async () => {
    interface Level {
      readonly depth: number;
      readonly down?: Sender<Level>;
    }
    const outer = pipe<Level>({ capacity: 1 });
    const levels = [pipe<Level>({ capacity: 1 }), pipe<Level>({ capacity: 1 }), pipe<Level>({ capacity: 1 })] as const;
    await outer.sender.send({ depth: 1, down: levels[0].sender });
    await (await outer.receiver.receive()).down!.send({ depth: 2, down: levels[1].sender });
    await (await levels[0].receiver.receive()).down!.send({ depth: 3, down: levels[2].sender });
    await (await levels[1].receiver.receive()).down!.send({ depth: 4 });
    expect(await levels[2].receiver.receive()).toEqual({ depth: 4 });
  });
});

describe("discard", () => {
  it("closes all that is in a message, and leaves alone what is somebody else's", async () => {
    const pipes = Array.from({ length: 5 }, () => pipe({ capacity: 1 }));
    const [bytes, other] = [new TransformStream<Uint8Array, Uint8Array>(), pipe({ capacity: 1 })];
    await other.sender.send(pipes[4]!.sender);
    discard({ a: pipes[0]!.sender, list: [pipes[1]!.receiver], map: new Map([[pipes[2]!.sender, new Set([pipes[3]!.receiver])]]), bytes: bytes.readable, gone: pipes[4]!.sender, n: 1, nothing: null });
    const dropped = { code: "ECONNRESET", message: "ECONNRESET: the message that it travelled in was dropped" };
    for (const at of [0, 2]) await expect(pipes[at]!.receiver.receive()).rejects.toMatchObject(dropped);
    for (const at of [1, 3]) await expect(pipes[at]!.sender.send(1)).rejects.toMatchObject(dropped);
    await expect(bytes.writable.getWriter().closed).rejects.toMatchObject(dropped);
    await ((await other.receiver.receive()) as Sender).send("unharmed");
    expect(await pipes[4]!.receiver.receive()).toBe("unharmed");
    discard(7);
  });
});

describe("copy", () => {
  it("moves everything, ends in messages too, closes the other channel, and says how many there were", async () => {
    const [from, to] = [pipe({ capacity: 10 }), pipe({ capacity: 10 })];
    const inner = pipe({ capacity: 1 });
    for (const message of [1, "two", { inner: inner.sender }]) await from.sender.send(message);
    void from.sender.close();
    expect(await copy(to.sender, from.receiver)).toBe(3);
    expect([await to.receiver.receive(), await to.receiver.receive()]).toEqual([1, "two"]);
    const { inner: moved } = (await to.receiver.receive()) as { inner: Sender };
    await moved.send("x");
    expect([await inner.receiver.receive(), await to.receiver.next()]).toEqual(["x", { done: true, value: undefined }]);
  });

  it("cancels where nobody receives, and aborts where the sender gave up", async () => {
    const [from, to] = [pipe<number>({ capacity: 1 }), pipe<number>()];
    await from.sender.send(1);
    to.receiver.cancel();
    await expect(copy(to.sender, from.receiver)).rejects.toMatchObject({ code: "EPIPE" });
    const [lost, inner] = [pipe<Sender>({ capacity: 1 }), pipe()];
    await lost.sender.send(inner.sender);
    await expect(copy(to.sender as Sender, lost.receiver)).rejects.toMatchObject({ code: "EPIPE" });
    await expect(inner.receiver.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(from.sender.send(2)).rejects.toMatchObject({ code: "EPIPE" });
    const [other, there] = [pipe<number>(), pipe<number>()];
    const copied = copy(there.sender, other.receiver);
    other.sender.abort(new Error("gone"));
    await expect(copied).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(there.receiver.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("does not wait for a message to see that nobody receives there any more, or that the sender is not the caller's", async () => {
    const [from, to, other] = [pipe<number>(), pipe<number>(), pipe({ capacity: 1 })];
    const copied = copy(to.sender, from.receiver);
    to.receiver.cancel();
    await expect(copied).rejects.toMatchObject({ code: "EPIPE" });
    await expect(from.sender.send(1)).rejects.toMatchObject({ code: "EPIPE" });
    const [idle, gone] = [pipe<number>(), pipe<number>()];
    await other.sender.send(gone.sender);
    await expect(copy(gone.sender, idle.receiver)).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    const closed = copy(idle.sender, pipe<number>().receiver);
    void idle.sender.close();
    await expect(closed).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
  });

  it("leaves both as they are when it is aborted", async () => {
    const [from, to] = [pipe<number>({ capacity: 5 }), pipe<number>({ capacity: 5 })];
    await from.sender.send(1);
    const abort = new AbortController();
    const copied = copy(to.sender, from.receiver, { signal: abort.signal });
    expect(await to.receiver.receive()).toBe(1);
    abort.abort();
    await expect(copied).rejects.toBe(abort.signal.reason);
    await from.sender.send(2);
    await to.sender.send(3);
    expect([await from.receiver.receive(), await to.receiver.receive()]).toEqual([2, 3]);
  });
});
