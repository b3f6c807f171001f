import { Channels, pipe, select, sending, type Receiver, type Sender } from "@astranet/channel";
import { memoryPair } from "@astranet/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../router/test/support/virtual-clock.ts";
import { state } from "./support/state.ts";

/** Two sides, with a channel between them over which ends are handed over. */
async function begin(options = {}): Promise<{ here: Channels; hand: Sender; there: Receiver; end: () => void }> {
  const [one, two] = memoryPair();
  const [here, far] = [new Channels(one, { role: "client", ...options }), new Channels(two, { role: "server" })];
  const hand = here.open();
  return {
    here,
    hand,
    there: await far.accept(),
    end: () => {
      here.abort();
      far.abort();
    },
  };
}

/** What a peer gets to which `receiver` is sent. */
async function sent<T>(hand: Sender, there: Receiver, receiver: Receiver<T>): Promise<Receiver<T>> {
  void hand.send(receiver);
  return (await there.receive()) as Receiver<T>;
}

const way = fc.constantFrom("send", "trySend", "select");
/** Lengths of messages, some longer than what is sent at once. */
const message = fc.record({ way, length: fc.oneof(fc.nat({ max: 10 }), fc.constantFrom(20_000, 100_000, 300_000)) });

describe("a Receiver that is sent to a peer", () => {
  it("gives there, in order, what waited, what was being sent, and what is sent after, by whichever call", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 3 }), fc.array(message, { maxLength: 12 }), fc.array(message, { maxLength: 12 }), async (capacity, before, after) => {
        const { hand, there, end } = await begin();
        const { sender, receiver } = pipe<Uint8Array>({ capacity });
        const expected: number[] = [];
        const calls: Promise<unknown>[] = [];
        const put = ({ way: call, length }: { way: string; length: number }): void => {
          const bytes = new Uint8Array(length).fill(expected.length);
          if (call === "trySend" && !sender.trySend(bytes)) return;
          if (call === "send") calls.push(sender.send(bytes));
          if (call === "select") calls.push(select({ out: sending(sender, bytes) }));
          expected.push(length);
        };
        before.forEach(put);
        const handed = sent(hand, there, receiver);
        after.forEach(put);
        const closed = sender.close();
        const lengths: number[] = [];
        for await (const bytes of await handed) {
          expect(bytes.every((byte) => byte === lengths.length)).toBe(true);
          lengths.push(bytes.length);
        }
        expect(lengths).toEqual(expected);
        await Promise.all([closed, sender.closed, ...calls]);
        end();
      }),
      { numRuns: 30 },
    );
  });

  it("that was cancelled before tells nobody anything but that it is over", async () => {
    const { hand, there, end } = await begin();
    const { sender, receiver } = pipe({ capacity: 1 });
    await sender.send("dropped");
    receiver.cancel(new Error("enough"));
    const far = await sent(hand, there, receiver);
    await expect(far.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(sender.send(1)).rejects.toMatchObject({ code: "EPIPE" });
    end();
  });

  it("whose sender has closed ends there after what waited; whose sender gave up breaks there", async () => {
    const { hand, there, end } = await begin();
    const [one, two] = [pipe({ capacity: 2 }), pipe({ capacity: 2 })];
    await Promise.all([one.sender.send(1), one.sender.send(2), two.sender.send(3)]);
    void one.sender.close();
    two.sender.abort(new Error("no more power"));
    const [ended, broken] = [await sent(hand, there, one.receiver), await sent(hand, there, two.receiver)];
    expect([await ended.receive(), await ended.receive(), await ended.next()]).toEqual([1, 2, { done: true, value: undefined }]);
    await expect(broken.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
    end();
  });

  it("breaks where a message that was sent before is too long to go there: what follows it must not come without it", async () => {
    const { hand, there, end } = await begin({ maxMessageBytes: 1000 });
    const [{ sender, receiver }, inner] = [pipe({ capacity: 3 }), pipe()];
    await Promise.all([sender.send("first"), sender.send([new Uint8Array(2000), inner.sender]), sender.send("third")]);
    const far = await sent(hand, there, receiver);
    expect(await far.receive()).toBe("first");
    await expect(far.receive()).rejects.toMatchObject({ code: "ECONNRESET", message: expect.stringContaining("maxMessageBytes") as string });
    await expect(sender.send("fourth")).rejects.toMatchObject({ code: "EMSGSIZE" });
    await expect(sender.closed).rejects.toMatchObject({ code: "EMSGSIZE" });
    await expect(inner.receiver.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
    end();
  });

  it("goes on where a message is too long that is only being sent: its sender hears EMSGSIZE, and what was in it is its own again", async () => {
    const { hand, there, end } = await begin({ maxMessageBytes: 1000 });
    const [{ sender, receiver }, inner] = [pipe(), pipe({ capacity: 1 })];
    const calls = [sender.send("first"), sender.send([new Uint8Array(2000), inner.sender]), sender.send("third")];
    const far = await sent(hand, there, receiver);
    await expect(calls[1]).rejects.toMatchObject({ code: "EMSGSIZE" });
    expect([await far.receive(), await far.receive()]).toEqual(["first", "third"]);
    await Promise.all([calls[0], calls[2], inner.sender.send("still mine")]);
    end();
  });

  it.each(["close", "send"] as const)("tells who waits for its %s when the session dies", async (what) => {
    const { here, hand, there, end } = await begin();
    const { sender, receiver } = pipe<Uint8Array>();
    await sent(hand, there, receiver);
    while (sender.trySend(new Uint8Array(100_000)));
    const waits = what === "close" ? sender.close() : sender.send(new Uint8Array(1));
    expect(await state(waits)).toBe("pending");
    here.session.abort(new Error("pulled"));
    await expect(waits).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    await expect(sender.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    end();
  });
});

describe("a Sender that is sent to a peer", () => {
  it("comes after what was sent over it before, whether that was received or waits", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 3 }), fc.nat({ max: 6 }), fc.nat({ max: 6 }), fc.nat({ max: 3 }), async (capacity, before, after, taken) => {
        const { here, hand, there, end } = await begin();
        const { sender, receiver } = pipe<number>({ capacity });
        const sends: Promise<unknown>[] = [];
        for (let n = 0; n < before; n += 1) sends.push(n % 2 === 0 ? sender.send(n) : select({ out: sending(sender, n) }));
        void hand.send(sender);
        const far = (await there.receive()) as Sender<number>;
        const numbers: number[] = [];
        for (let n = 0; n < Math.min(taken, before); n += 1) numbers.push(await receiver.receive());
        for (let n = 0; n < after; n += 1) await far.send(before + n);
        void far.close();
        // All of it has come.
        await here.session.ping();
        for await (const n of receiver) numbers.push(n);
        expect(numbers).toEqual(Array.from({ length: before + after }, (_, n) => n));
        await Promise.all(sends);
        end();
      }),
      { numRuns: 50 },
    );
  });
});

describe("a Sender whose peer dies", () => {
  it("still gives what was sent over it before, here and there", async () => {
    const { here, hand, there, end } = await begin();
    const { sender, receiver } = pipe<string>();
    const mine = sender.send("mine");
    void hand.send(sender);
    const far = (await there.receive()) as Sender<string>;
    void far.send("theirs");
    await here.session.ping();
    here.session.abort(new Error("pulled"));
    await far.closed.catch(() => undefined);
    expect([await receiver.receive(), await receiver.receive()]).toEqual(["mine", "theirs"]);
    await mine;
    await expect(receiver.receive()).rejects.toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|ERR_ASTRANET_SESSION_CLOSED)$/) as string });
    end();
  });
});

describe("what a call says that is refused", () => {
  it("names who ended the channel, and why where that was said", async () => {
    const pipes = Array.from({ length: 5 }, () => pipe());
    void pipes[0]!.sender.close();
    pipes[1]!.receiver.cancel();
    pipes[2]!.receiver.cancel(new Error("enough"));
    pipes[3]!.sender.abort();
    pipes[4]!.sender.abort(new Error("no power"));
    const errors = await Promise.all(pipes.map(({ sender }) => sender.send(1).catch((error: unknown) => error as Error)));
    expect(errors.map((error) => [(error as Error).message, "cause" in (error as Error), ((error as Error).cause as Error | undefined)?.message])).toEqual([
      ["ERR_ASTRANET_INVALID_STATE: the sender is closed", false, undefined],
      ["EPIPE: nobody receives any more", false, undefined],
      ["EPIPE: nobody receives any more", true, "enough"],
      ["ECONNRESET: the sender gave up", false, undefined],
      ["ECONNRESET: the sender gave up", true, "no power"],
    ]);
  });
});

describe("what was on its way in a message", () => {
  it("when its receiver cancelled is closed at once, though its sender has closed already; what had come is left alone", async () => {
    const clock = new VirtualClock();
    const [one, two] = memoryPair({ clock });
    const [here, far] = [new Channels(one, { role: "client", clock }), new Channels(two, { role: "server", clock })];
    const hand = here.open<Receiver<string>>();
    await clock.settle();
    const there = await far.accept<Receiver<string>>();
    const [came, late] = [pipe<string>(), pipe<string>()];
    void hand.send(came.receiver);
    await clock.settle();
    const received = await there.receive();
    void hand.send(late.receiver);
    const closed = hand.close();
    there.cancel();
    await clock.settle();
    await closed;
    expect(await state(late.sender.closed)).not.toBe("pending");
    await expect(late.sender.send("to nobody")).rejects.toMatchObject({ code: "ECONNRESET" });
    void came.sender.send("still here");
    await clock.settle();
    expect(await received.receive()).toBe("still here");
    expect([here.session.streamCount, far.session.streamCount]).toEqual([1, 1]);
  });
});
