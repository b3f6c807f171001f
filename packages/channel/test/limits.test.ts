import { BytePair, Channels, pipe, type Codec, type Receiver } from "@astranet/channel";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { begin, bytes, message, preface } from "./support/peer.ts";
import { state } from "./support/state.ts";

const encoder = new Encoder();
const includes = (words: string): string => expect.stringContaining(words) as string;
const receiver = 2;
/** msgpack of so many bytes. */
const packed = (length: number): Uint8Array => encoder.encode(new Uint8Array(length - (length > 257 ? 3 : 2)));

describe("maxMessageBytes", () => {
  it("is the longest message that is sent, which comes too, and one byte more is neither", async () => {
    const { channels, raw, open, clock } = begin({ maxMessageBytes: 1000 });
    const out = new Channels(raw, { maxMessageBytes: 1000 }).open<Uint8Array>();
    await clock.settle();
    const there = await channels.accept<Uint8Array>();
    // Beside the bytes: 3 of msgpack, and 1 that says that there are no ends.
    void out.send(new Uint8Array(996));
    await clock.settle();
    expect((await there.receive()).length).toBe(996);
    await expect(out.send(new Uint8Array(997))).rejects.toMatchObject({ code: "EMSGSIZE", message: includes("a message of 1001 bytes is too long: maxMessageBytes is 1000") });
    const stream = open(preface, message(packed(999)), message(packed(1000)));
    await clock.settle();
    const other = await channels.accept();
    await other.receive();
    await expect(other.receive()).rejects.toMatchObject({ code: "EMSGSIZE", message: includes("a message of 1001 bytes came, and maxMessageBytes is 1000") });
    await clock.settle();
    await expect(stream.closed).rejects.toMatchObject({ remoteCode: 258, message: includes("a message of 1001 bytes came") });
  });

  it("counts what says where its ends are: what is sent with many of them comes too", async () => {
    const { channels, raw, clock } = begin({ maxMessageBytes: 1000 });
    const out = new Channels(raw, { maxMessageBytes: 1000 }).open<unknown[]>();
    await clock.settle();
    const there = await channels.accept<unknown[]>();
    let most = 0;
    for (let pad = 700; pad < 1000; pad += 1) {
      const pairs = Array.from({ length: 20 }, () => pipe());
      const sent = await out.send([new Uint8Array(pad), ...pairs.map((each) => each.receiver)]).then(() => true, () => false);
      if (sent) most = pad;
      await clock.settle();
      expect(there.tryReceive() === undefined).toBe(!sent);
    }
    expect(most).toBeGreaterThan(700);
  });

  it("of a message of 2^49 bytes or more is beyond whatever it is", async () => {
    const { channels, open, clock } = begin();
    open(preface, 255, 255, 255, 255, 255, 255, 127);
    open(preface, 255, 255, 255, 255, 255, 255, 255);
    await clock.settle();
    const [short, long] = [await channels.accept(), await channels.accept()];
    await expect(short.receive()).rejects.toMatchObject({ code: "EMSGSIZE", message: includes(`a message of ${2 ** 49 - 1} bytes came, and maxMessageBytes is 16777216`) });
    await expect(long.receive()).rejects.toMatchObject({ code: "EMSGSIZE", message: includes("a message of 2^49 bytes or more came") });
  });
});

describe("maxReferences", () => {
  it("is the most that one message has, sent or received", async () => {
    const { channels, raw, open, clock } = begin({ maxReferences: 3 });
    const here = new Channels(raw, { maxReferences: 3 });
    const out = here.open<Receiver[]>();
    await clock.settle();
    const there = await channels.accept<Receiver[]>();
    const receivers = (count: number): Receiver[] => Array.from({ length: count }, () => pipe().receiver);
    void out.send(receivers(3));
    await clock.settle();
    expect(await there.receive()).toHaveLength(3);
    await expect(out.send(receivers(4))).rejects.toMatchObject({ code: "EINVAL", message: includes("the message has more channels and byte streams than maxReferences, 3") });
    open(preface, message(encoder.encode(0), [receiver, 101], [receiver, 102], [receiver, 103]));
    for (const id of [101, 102, 103]) open(id);
    await clock.settle();
    expect(await (await channels.accept()).receive()).toBe(0);
  });
});

describe("maxUnclaimed", () => {
  it("is how many streams wait for their messages, the next one hears how many do, and one that was claimed makes room", async () => {
    const { channels, open, clock } = begin({ maxUnclaimed: 2 });
    await clock.settle();
    // Their numbers are of two bytes.
    open(200, 1);
    open(201, 1);
    const third = open(202, 1);
    await clock.settle();
    await expect(third.closed).rejects.toMatchObject({ remoteCode: 259, message: includes("2 streams wait for their messages already") });
    open(preface, message(encoder.encode(new ExtData(65, Uint8Array.of(0))), [receiver, 200, 1] as never));
    await clock.settle();
    await channels.accept();
    const [fourth, again] = [open(203, 1), open(201, 1)];
    await clock.settle();
    expect(await state(fourth.closed)).toBe("pending");
    await expect(again.closed).rejects.toMatchObject({ remoteCode: 257, message: includes("another stream is number 201") });
  });
});

describe("acceptBacklog", () => {
  it("is how many channels wait, the next one hears it, and with none only those are taken that somebody waits for", async () => {
    const { channels, open, clock } = begin({ acceptBacklog: 0 });
    await clock.settle();
    const early = open(preface);
    await clock.settle();
    await expect(early.closed).rejects.toMatchObject({ remoteCode: 260, message: includes("0 channels wait to be accepted already") });
    for (let n = 0; n < 3; n += 1) {
      const accepted = channels.accept();
      open(preface, message(encoder.encode(n)));
      await clock.settle();
      expect(await (await accepted).receive()).toBe(n);
    }
  });
});

describe("maxPartialBytes", () => {
  const longMessage = message(new Uint8Array(200_000));
  /** The first so many bytes of it. */
  const part = (length: number): Uint8Array => longMessage.subarray(0, length);

  it("counts what of a message is here once it is 32,768 bytes, which is told who sends it, and no less", async () => {
    const { channels, open, clock } = begin({ maxPartialBytes: 32_767 });
    await clock.settle();
    const [short, other, long] = [open(preface, part(32_767)), open(preface, part(32_767)), open(preface, part(32_768))];
    await clock.settle();
    const there = [await channels.accept(), await channels.accept(), await channels.accept()];
    await clock.settle();
    expect([await state(short.closed), await state(other.closed)]).toEqual(["pending", "pending"]);
    const words = includes("long messages that are not whole yet exceed maxPartialBytes, 32767");
    await expect(there[2]!.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_OVERLOAD", message: words });
    await expect(long.closed).rejects.toMatchObject({ remoteCode: 261, message: words });
  });

  /** Says whether a channel may have exactly as many bytes of a message as is the limit: whether nothing else is counted. */
  async function allIsFree({ channels, open, clock }: ReturnType<typeof begin>, limit: number): Promise<boolean> {
    const stream = open(preface, part(limit));
    await clock.settle();
    const there = await channels.accept();
    await clock.settle();
    const free = (await state(stream.closed)) === "pending";
    there.cancel();
    await clock.settle();
    return free;
  }

  it.each<[string, (there: Receiver, stream: { end(): Promise<void>; reset(): void; write(bytes: Uint8Array): Promise<void> }) => unknown]>([
    ["is whole and was received", (there, stream) => (void stream.write(longMessage.subarray(50_000)), there.receive().catch(() => undefined))],
    ["was given up by its receiver", (there) => there.cancel()],
    ["was given up by its sender", (_there, stream) => stream.reset()],
    ["was cut by the end", (_there, stream) => stream.end()],
  ])("counts nothing of a message any more that %s", async (_what, ends) => {
    const peer = begin({ maxPartialBytes: 60_000 });
    const { channels, open, clock } = peer;
    const stream = open(preface, part(50_000));
    await clock.settle();
    const there = await channels.accept();
    await clock.settle();
    expect(await allIsFree(peer, 60_000)).toBe(false);
    const ended = ends(there, stream);
    await clock.settle();
    await ended;
    expect(await allIsFree(peer, 60_000)).toBe(true);
    expect(channels.session.stats().unreadBytes).toBe(0);
  });

  it("counts nothing that follows what is malformed, in whatever pieces it came, before or after that was received", async () => {
    const peer = begin({ maxPartialBytes: 60_000 });
    const { channels, open, clock } = peer;
    const streams = [open(preface, message(Uint8Array.of(0xc1)), part(50_000)), open(preface, Uint8Array.of(1, 129)), open(preface)];
    await clock.settle();
    void streams[1]!.write(part(50_000));
    await clock.settle();
    const there = [await channels.accept(), await channels.accept(), await channels.accept()];
    for (const each of there.slice(0, 2)) await expect(each.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    await clock.settle();
    there[2]!.cancel();
    expect(await allIsFree(peer, 60_000)).toBe(true);
    expect(channels.session.stats().unreadBytes).toBe(0);
  });

  it("is asked for when the message before a long one was received, and breaks the channel after that where it is too little", async () => {
    const { channels, open, clock } = begin({ maxPartialBytes: 40_000 });
    await clock.settle();
    const stream = open(preface, message(encoder.encode("first")), part(50_000));
    await clock.settle();
    const there = await channels.accept();
    await clock.settle();
    expect(await state(stream.closed)).toBe("pending");
    expect(await there.receive()).toBe("first");
    await expect(there.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_OVERLOAD" });
    await clock.settle();
    await expect(stream.closed).rejects.toMatchObject({ remoteCode: 261 });
  });

  it("is not asked for while another message waits: a long one behind it stops within the window, and comes when that was received", async () => {
    const { channels, open, clock } = begin();
    const long = message(encoder.encode(new Uint8Array(1_000_000)));
    const stream = open(preface, message(encoder.encode("first")), long);
    await clock.advance(1000);
    const there = await channels.accept<string | Uint8Array>();
    await clock.advance(1000);
    expect(stream.writableLength).toBeGreaterThan(500_000);
    expect(await there.receive()).toBe("first");
    const received = there.receive();
    await clock.advance(1000);
    expect((await received).length).toBe(1_000_000);
    expect([stream.writableLength, channels.session.stats().unreadBytes]).toEqual([0, 0]);
  });
});

describe("a limit", () => {
  it("may be 0 and the greatest integer, and nothing beyond", () => {
    const { raw } = begin();
    const limits = ["maxMessageBytes", "maxReferences", "maxUnclaimed", "claimTimeoutMs", "acceptBacklog", "maxPartialBytes"];
    for (const name of limits) {
      const most = name === "maxMessageBytes" ? 268_435_455 : Number.MAX_SAFE_INTEGER;
      for (const value of [0, most]) expect(new Channels(raw, { [name]: value, shared: true })).toBeInstanceOf(Channels);
      for (const value of [-1, most + 1, 0.5, NaN, "1"]) {
        expect(() => new Channels(raw, { [name]: value, shared: true })).toThrow(expect.objectContaining({ code: "EINVAL", message: includes(`${name} must be an integer from 0 to ${most}, not ${value}`) }));
      }
    }
  });
});

describe("what a codec gives as an end of its message", () => {
  /** A codec whose messages are lists of ends, as they are. */
  const ends: Codec = { name: "ends", encode: (list, table) => bytes(...(list as never[]).map((each) => table.add(each))), decode: (list, table) => Array.from(list, (n) => table.take(n)) };

  it("is a Sender, a Receiver or a byte stream, once", async () => {
    const { channels, raw, clock } = begin({ codec: ends });
    const out = new Channels(raw, { codec: ends }).open<unknown[]>();
    await clock.settle();
    for (const each of [null, undefined, 7, "words", () => undefined, {}, new Map()]) {
      await expect(out.send([each])).rejects.toMatchObject({ code: "EINVAL", message: includes("is neither a Sender, nor a Receiver, nor a byte stream") });
    }
    const { sender, receiver: mine } = pipe();
    await expect(out.send([sender, mine, sender])).rejects.toMatchObject({ code: "EINVAL", message: includes("message[0] is in the message twice") });
    const both = new BytePair(new ReadableStream<Uint8Array>(), new WritableStream<Uint8Array>());
    for (const message of [[both, both.readable], [both.writable, both]]) await expect(out.send(message)).rejects.toMatchObject({ code: "EINVAL", message: includes("is in the message twice") });
    expect([both.readable.locked, both.writable.locked]).toEqual([false, false]);
    void out.send([sender]);
    await clock.settle();
    const [got] = await (await channels.accept<[typeof sender]>()).receive();
    void got.send([]);
    await clock.settle();
    expect(await mine.receive()).toEqual([]);
  });
});
