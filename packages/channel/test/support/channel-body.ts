import type { Channels} from "@astranet/channel";
import { copy, pipe, type DuplexBytes, type Receiver, type Sender } from "@astranet/channel";
import { describe, expect, it } from "vitest";

/** Two sides that have a channel from the first to the second, and what ends them. */
export interface Sides {
  /** Opens a channel, and gives both its ends. */
  channel<T>(): Promise<{ sender: Sender<T>; receiver: Receiver<T> }>;
  /** The same the other way round. */
  channelBack<T>(): Promise<{ sender: Sender<T>; receiver: Receiver<T> }>;
  end(): void | Promise<void>;
}

/** Both sides of two Channels. `end` ends what is underneath; by default they are aborted. */
export function sidesOf(one: Channels, two: Channels, end?: () => void | Promise<void>): Sides {
  const between = async <T>(from: Channels, to: Channels): Promise<{ sender: Sender<T>; receiver: Receiver<T> }> => {
    const sender = from.open<T>();
    return { sender, receiver: await to.accept<T>() };
  };
  const endBoth = (): void => {
    one.abort();
    two.abort();
  };
  return { channel: () => between(one, two), channelBack: () => between(two, one), end: end ?? endBoth };
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

async function wordsOf(readable: ReadableStream<Uint8Array>): Promise<string> {
  let words = "";
  const decoder = new TextDecoder();
  const reader = readable.getReader();
  for (let result = await reader.read(); !result.done; result = await reader.read()) words += decoder.decode(result.value, { stream: true });
  return words + decoder.decode();
}

function bytesOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(text(chunk));
      controller.close();
    },
  });
}

/** Both ends of a byte stream within this process. */
function bytePipe(): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> } {
  return new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 65_536, size: (chunk) => chunk.length });
}

/** Sooner than what nobody claims is given up, which is after 10 s. */
const atOnce = { timeout: 8000 };

/** What holds wherever a channel leads: libchan's and jschan's own tests, and what follows from the model. `begin` makes the two sides. */
export function channelBody(name: string, begin: () => Promise<Sides>): void {
  const using = async (body: (sides: Sides) => Promise<void>): Promise<void> => {
    const sides = await begin();
    try {
      await body(sides);
    } finally {
      await sides.end();
    }
  };

  describe(`a channel ${name}`, () => {
    it("carries messages in order, and its end", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<{ n: number; text: string }>();
        const sent = (async () => {
          for (let n = 0; n < 50; n += 1) await sender.send({ n, text: `message ${n}` });
          await sender.close();
        })();
        const numbers: number[] = [];
        for await (const { n, text: words } of receiver) {
          expect(words).toBe(`message ${n}`);
          numbers.push(n);
        }
        await sent;
        expect(numbers).toEqual(Array.from({ length: 50 }, (_, n) => n));
        await expect(receiver.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_CHANNEL_CLOSED" });
      }));

    it("carries everything that a message may hold", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel();
        const message = {
          nothing: null, undef: undefined, yes: true, int: -7, big: 2 ** 53, float: 0.1, zero: -0, infinite: -Infinity, bigint: -(2n ** 100n), words: "grüße ☺ 𝄞",
          list: [1, [2, [undefined]], {}], date: new Date(-1), map: new Map<unknown, unknown>([["a", 1], [{ k: 1 }, new Map([[1, 2]])]]), set: new Set([1, "2", [3]]),
          bytes: text("bytes"), floats: Float64Array.of(1.5, -2), view: new DataView(Uint8Array.of(1, 2).buffer), buffer: Uint8Array.of(3, 4).buffer,
        };
        const sent = sender.send(message);
        expect(await receiver.receive()).toEqual(message);
        await sent;
      }));

    it("carries errors, with what they say", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<Error>();
        const error = Object.assign(new TypeError("no such thing", { cause: new RangeError("too far") }), { code: "ENOSUCH" });
        const sent = sender.send(error);
        const received = await receiver.receive();
        await sent;
        expect(received).toBeInstanceOf(TypeError);
        expect(received).toMatchObject({ name: "TypeError", message: "no such thing", code: "ENOSUCH", cause: expect.any(RangeError) as unknown });
        expect(String(received.stack)).not.toContain("channel-body");
      }));

    it("gives copies: what is changed after a send is not in the message", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<{ list: number[]; bytes: Uint8Array }>();
        const message = { list: [1], bytes: Uint8Array.of(1) };
        const sent = sender.send(message);
        message.list.push(2);
        message.bytes[0] = 9;
        expect(await receiver.receive()).toEqual({ list: [1], bytes: Uint8Array.of(1) });
        await sent;
      }));

    it("refuses what no message can hold, says what and where, and goes on", () =>
      using(async (sides) => {
        class Account {
          readonly owner = "nobody";
        }
        const { sender, receiver } = await sides.channel();
        const bad: [unknown, string][] = [
          [{ jobs: [{ run: () => 1 }] }, "message.jobs[0].run is a function"],
          [new Map([["x", Symbol("s")]]), 'message.get("x") is a symbol'],
          [[new Account()], "message[0] is an object of class Account"],
          [{ at: new Date(Number.NaN) }, "message.at is an invalid Date"],
          [JSON.parse('{"a":{"__proto__":{"admin":true}}}'), 'message.a has a key "__proto__"'],
          [new WeakMap(), "the message is an object of class WeakMap"],
        ];
        for (const [message, why] of bad) await expect(sender.send(message)).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining(why) as unknown });
        const itself: unknown[] = [];
        itself.push(itself);
        await expect(sender.send(itself)).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("holds itself") as unknown });
        const sent = sender.send("good");
        expect(await receiver.receive()).toBe("good");
        await sent;
      }));

    it("that is cancelled tells its sender, whose sends reject with EPIPE", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<number>();
        const sent = sender.send(1);
        expect(await receiver.receive()).toBe(1);
        await sent;
        receiver.cancel();
        await sender.closed;
        await expect(sender.send(2)).rejects.toMatchObject({ code: "EPIPE" });
        await sender.close();
      }));

    it("that its sender gives up tells its receiver, with ECONNRESET", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<number>();
        const received = receiver.receive();
        sender.abort(new Error("no more power"));
        await expect(received).rejects.toMatchObject({ code: "ECONNRESET" });
        await expect(sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
        await expect(receiver.closed).rejects.toMatchObject({ code: "ECONNRESET" });
      }));

    it.each(["before", "after"])("that its sender gives up while nobody receives, %s it has closed, tells its receiver at once", (when) =>
      using(async (sides) => {
        const long = "x".repeat(100_000);
        const { sender, receiver } = await sides.channel<string>();
        while (sender.trySend(long));
        const waits = sender.send(long);
        if (when === "after") void sender.close();
        sender.abort(new Error("too slow"));
        await expect(receiver.closed).rejects.toMatchObject({ code: "ECONNRESET" });
        await expect(waits).rejects.toMatchObject({ code: "ECONNRESET" });
      }));

    it("carries a Sender for the answer (libchan's RetPipe, jschan's reply)", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<{ data: string; ret: Sender<{ data: string }> }>();
        const { sender: ret, receiver: answers } = pipe<{ data: string }>();
        const sent = sender.send({ data: "hello", ret });
        const request = await receiver.receive();
        await sent;
        expect(request.data).toBe("hello");
        void request.ret.send({ data: "this better not crash" });
        void request.ret.close();
        expect(await answers.receive()).toEqual({ data: "this better not crash" });
        expect(await answers.next()).toEqual({ done: true, value: undefined });
      }));

    it("carries a Receiver for more", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<{ hello: string; more: Receiver<number> }>();
        const { sender: more, receiver: there } = pipe<number>();
        const sent = sender.send({ hello: "world", more: there });
        const message = await receiver.receive();
        await sent;
        void (async () => {
          for (const n of [1, 2, 3]) await more.send(n);
          await more.close();
        })();
        const numbers: number[] = [];
        for await (const n of message.more) numbers.push(n);
        expect([message.hello, numbers]).toEqual(["world", [1, 2, 3]]);
      }));

    it("carries what was sent over a channel before that was handed over", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<Receiver<number>>();
        const inner = pipe<number>({ capacity: 3 });
        for (const n of [1, 2, 3]) await inner.sender.send(n);
        const last = inner.sender.send(4);
        void inner.sender.close();
        const sent = sender.send(inner.receiver);
        const there = await receiver.receive();
        await sent;
        const numbers: number[] = [];
        for await (const n of there) numbers.push(n);
        expect(numbers).toEqual([1, 2, 3, 4]);
        await last;
      }));

    it("carries channels three deep, in both directions (libchan's SubChannel and SenderSubChannel)", () =>
      using(async (sides) => {
        interface Down {
          readonly depth: number;
          readonly next?: Receiver<Down>;
        }
        interface Up {
          readonly depth: number;
          readonly next?: Sender<Up>;
        }
        const { sender, receiver } = await sides.channel<{ down: Receiver<Down>; up: Sender<Up> }>();
        const [down, up] = [pipe<Down>(), pipe<Up>()];
        const sent = sender.send({ down: down.receiver, up: up.sender });
        const there = await receiver.receive();
        await sent;
        let here: Sender<Down> = down.sender;
        let far: Receiver<Down> = there.down;
        for (let depth = 1; depth <= 3; depth += 1) {
          const next = pipe<Down>();
          void here.send({ depth, next: next.receiver });
          const message = await far.receive();
          expect(message.depth).toBe(depth);
          [here, far] = [next.sender, message.next!];
        }
        void here.send({ depth: 4 });
        expect(await far.receive()).toEqual({ depth: 4 });
        let back: Sender<Up> = there.up;
        let mine: Receiver<Up> = up.receiver;
        for (let depth = 1; depth <= 3; depth += 1) {
          const next = pipe<Up>();
          void back.send({ depth, next: next.sender });
          const message = await mine.receive();
          expect(message.depth).toBe(depth);
          // Now the answer comes the other way round.
          const sending = message.next!.send({ depth: depth * 10 });
          expect(await next.receiver.receive()).toEqual({ depth: depth * 10 });
          await sending;
          const again = pipe<Up>();
          const handing = back.send({ depth, next: again.sender });
          [back, mine] = [(await mine.receive()).next!, again.receiver];
          await handing;
        }
      }));

    it("carries a channel in a channel's message in a Map", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<Map<string, Sender<Map<string, Receiver<string>>>>>();
        const outer = pipe<Map<string, Receiver<string>>>();
        const sent = sender.send(new Map([["channel", outer.sender]]));
        const there = (await receiver.receive()).get("channel")!;
        await sent;
        const inner = pipe<string>();
        const handing = there.send(new Map([["inner", inner.receiver]]));
        const back = (await outer.receiver.receive()).get("inner")!;
        await handing;
        void inner.sender.send("deep");
        expect(await back.receive()).toBe("deep");
      }));

    it("carries ends that were over before they were handed over, or are at once, and holds up nothing for them", atOnce, () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<{ receivers: Receiver[]; senders: Sender[] }>();
        const [gone, going, unwanted, cancelled] = [pipe(), pipe(), pipe(), pipe()];
        gone.sender.abort(new Error("no power"));
        unwanted.receiver.cancel();
        const sent = sender.send({ receivers: [gone.receiver, going.receiver], senders: [unwanted.sender, cancelled.sender] });
        going.sender.abort(new Error("no power"));
        cancelled.receiver.cancel();
        const there = await receiver.receive();
        await sent;
        for (const each of there.receivers) await expect(each.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
        for (const each of there.senders) {
          await each.closed;
          await expect(each.send(1)).rejects.toMatchObject({ code: "EPIPE" });
        }
      }));

    it("carries bytes away: a ReadableStream", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<{ name: string; body: ReadableStream<Uint8Array> }>();
        const sent = sender.send({ name: "file", body: bytesOf("hello ", "world\n") });
        const message = await receiver.receive();
        await sent;
        expect([message.name, await wordsOf(message.body)]).toEqual(["file", "hello world\n"]);
      }));

    it("carries bytes back: a WritableStream", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<{ output: WritableStream<Uint8Array> }>();
        const output = bytePipe();
        const sent = sender.send({ output: output.writable });
        const message = await receiver.receive();
        await sent;
        const writer = message.output.getWriter();
        const written = (async () => {
          await writer.write(text("one "));
          await writer.write(text("two"));
          await writer.close();
        })();
        expect(await wordsOf(output.readable)).toBe("one two");
        await written;
      }));

    it("carries bytes both ways: a pair of them that belong together (libchan's ByteStream)", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<DuplexBytes>();
        const [there, back] = [bytePipe(), bytePipe()];
        class Both {
          readonly readable = there.readable;
          readonly writable = back.writable;
        }
        const sent = sender.send(new Both());
        const far = await receiver.receive();
        await sent;
        const writer = there.writable.getWriter();
        void writer.write(text("Hello there server!"));
        void writer.close();
        expect(await wordsOf(far.readable)).toBe("Hello there server!");
        const answer = far.writable.getWriter();
        void answer.write(text("G'day client ☺"));
        void answer.close();
        expect(await wordsOf(back.readable)).toBe("G'day client ☺");
      }));

    it("locks a byte stream that was sent, and tells its source when nobody reads any more", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<ReadableStream<Uint8Array>>();
        let cancelled: () => void = () => undefined;
        const over = new Promise<void>((resolve) => (cancelled = resolve));
        const source = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1000)), cancel: () => cancelled() });
        const sent = sender.send(source);
        const there = await receiver.receive();
        await sent;
        expect(source.locked).toBe(true);
        await expect(sender.send(source)).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
        const reader = there.getReader();
        await reader.read();
        await reader.cancel();
        await over;
      }));

    it("closes the channels in messages that nobody receives", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<unknown>();
        const [one, two] = [pipe<number>(), pipe<number>()];
        const sent = sender.send([one.sender, two.receiver]).catch(() => undefined);
        receiver.cancel();
        await sent;
        // Handed over and dropped, or never taken: where it was not sent they are still ours, and of use.
        await sender.closed;
      }));

    it.each(["the receiver cancels", "the sender gives up"])("breaks the ends in messages that were on their way when %s, at once", atOnce, (what) =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<{ inner: Receiver; pad: string }>();
        const inners: Sender[] = [];
        const produced = (async () => {
          for (let n = 0; n < 300; n += 1) {
            const inner = pipe();
            await sender.send({ inner: inner.receiver, pad: "x".repeat(3000) });
            inners.push(inner.sender);
          }
        })();
        produced.catch(() => undefined);
        for (let n = 0; n < 20; n += 1) (await receiver.receive()).inner.cancel();
        if (what === "the receiver cancels") receiver.cancel();
        else sender.abort();
        // Those that came before are still received.
        const rest = (async () => {
          for await (const { inner } of receiver) inner.cancel();
        })();
        await Promise.allSettled([rest, produced]);
        for (const each of inners) await each.closed.catch(() => undefined);
        for (const each of inners) await expect(each.send(1)).rejects.toMatchObject({ code: expect.stringMatching(/^(EPIPE|ECONNRESET)$/) as string });
      }));

    it.each(["the receiver cancels", "the sender gives up"])("leaves the ends in messages alone that were received before %s", (what) =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<Receiver<string>>();
        const inners = [pipe<string>(), pipe<string>(), pipe<string>()];
        const received: Receiver<string>[] = [];
        for (const inner of inners) {
          const sent = sender.send(inner.receiver);
          received.push(await receiver.receive());
          await sent;
        }
        if (what === "the receiver cancels") receiver.cancel();
        else sender.abort();
        await Promise.allSettled([sender.closed, receiver.closed]);
        for (const word of ["one", "two"]) {
          for (const [i, inner] of inners.entries()) {
            const sent = inner.sender.send(word);
            expect(await received[i]!.receive()).toBe(word);
            await sent;
          }
        }
      }));

    it("carries 50 channels of 50 messages each", () =>
      using(async (sides) => {
        const { sender, receiver } = await sides.channel<Receiver<number>>();
        const received = (async () => {
          const sums: Promise<number>[] = [];
          for await (const numbers of receiver) {
            sums.push(
              (async () => {
                let [sum, last] = [0, -1];
                for await (const n of numbers) {
                  expect(n).toBe(last + 1);
                  last = n;
                  sum += n;
                }
                return sum;
              })(),
            );
          }
          return Promise.all(sums);
        })();
        await Promise.all(
          Array.from({ length: 50 }, async () => {
            const inner = pipe<number>();
            await sender.send(inner.receiver);
            for (let n = 0; n < 50; n += 1) await inner.sender.send(n);
            await inner.sender.close();
          }),
        );
        await sender.close();
        expect(await received).toEqual(Array.from({ length: 50 }, () => 1225));
      }));

    it("carries long messages of several channels as they were, whatever becomes of the sender's memory", () =>
      using(async ({ channel }) => {
        const count = 30;
        const lengths = [17_000, 65_536, 200_000];
        const own = new Uint8Array(Math.max(...lengths));
        const send = async (sender: Sender<Uint8Array>, first: number): Promise<void> => {
          for (let i = 0; i < count; i += 1) await sender.send(own.fill(first + i).subarray(0, lengths[i % lengths.length]));
          await sender.close();
        };
        const receive = async (receiver: Receiver<Uint8Array>, first: number): Promise<void> => {
          const kept: Uint8Array[] = [];
          for await (const message of receiver) kept.push(message);
          expect(kept.map(({ length }) => length)).toEqual(Array.from({ length: count }, (_, i) => lengths[i % lengths.length]));
          expect(kept.every((message, i) => message.every((byte) => byte === first + i))).toBe(true);
        };
        const both: Promise<void>[] = [];
        for (const first of [0, 50, 100]) {
          const { sender, receiver } = await channel<Uint8Array>();
          both.push(send(sender, first), receive(receiver, first));
        }
        await Promise.all(both);
      }));

    it("lets a third party have what came over it: proxied, and closed when either side goes", () =>
      using(async (sides) => {
        // One hands a channel to two, which hands it back to one over another channel.
        const there = await sides.channel<{ numbers: Receiver<number>; answers: Sender<string> }>();
        const back = await sides.channelBack<{ numbers: Receiver<number>; answers: Sender<string> }>();
        const [numbers, answers] = [pipe<number>(), pipe<string>()];
        const sent = there.sender.send({ numbers: numbers.receiver, answers: answers.sender });
        const middle = await there.receiver.receive();
        const handed = back.sender.send(middle);
        const third = await back.receiver.receive();
        await Promise.all([sent, handed]);
        for (let n = 0; n < 5; n += 1) {
          void numbers.sender.send(n);
          expect(await third.numbers.receive()).toBe(n);
          void third.answers.send(`got ${n}`);
          expect(await answers.receiver.receive()).toBe(`got ${n}`);
        }
        void numbers.sender.close();
        expect(await third.numbers.next()).toEqual({ done: true, value: undefined });
        answers.receiver.cancel();
        await third.answers.closed;
        await expect(third.answers.send("more")).rejects.toMatchObject({ code: "EPIPE" });
      }));

    it("copies a channel to another one, ends in messages too (libchan's Copy)", () =>
      using(async (sides) => {
        const [there, back] = [await sides.channel<{ n: number; ret: Sender<number> }>(), await sides.channelBack<{ n: number; ret: Sender<number> }>()];
        const copied = copy(back.sender, there.receiver);
        const served = (async () => {
          for await (const { n, ret } of back.receiver) {
            await ret.send(n * n);
            await ret.close();
          }
        })();
        for (let n = 0; n < 10; n += 1) {
          const ret = pipe<number>();
          void there.sender.send({ n, ret: ret.sender });
          expect(await ret.receiver.receive()).toBe(n * n);
        }
        void there.sender.close();
        expect(await copied).toBe(10);
        await served;
      }));

    it("of which nobody receives does not hold up another one", () =>
      using(async (sides) => {
        const [slow, quick] = [await sides.channel<Uint8Array>(), await sides.channel<number>()];
        const abort = new AbortController();
        let count = 0;
        const flood = (async () => {
          for (;;) {
            await slow.sender.send(new Uint8Array(10_000), { signal: abort.signal });
            count += 1;
          }
        })();
        for (let n = 0; n < 100; n += 1) {
          const sent = quick.sender.send(n);
          expect(await quick.receiver.receive()).toBe(n);
          await sent;
        }
        abort.abort();
        await expect(flood).rejects.toBe(abort.signal.reason);
        for (let n = 0; n < count; n += 1) expect((await slow.receiver.receive()).length).toBe(10_000);
        expect(slow.receiver.tryReceive()).toBeUndefined();
      }));
  });
}
