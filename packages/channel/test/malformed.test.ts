import { Channels, json, type Codec, type Receiver } from "@astranet/channel";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { begin, bytes, message, preface } from "./support/peer.ts";
import { state } from "./support/state.ts";

const encoder = new Encoder();
const end = (number: number): ExtData => new ExtData(65, Uint8Array.of(number));
const null_ = Uint8Array.of(0xc0);
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const includes = (words: string): string => expect.stringContaining(words) as string;
const receiver = 2;

describe("a stream that does not say what it is for", () => {
  it.each([
    ["of another version", [0, 2], "the peer's channels are of version 2, ours of 1"],
    ["of another codec", [0, 1, 4, ...text("json")], "the channel's messages are json, and here they are msgpack"],
    ["of a codec without a name", [0, 1, 0], "the name of the peer's codec has 0 bytes"],
    ["of a codec with a name of 65 bytes", [0, 1, 65], "the name of the peer's codec has 65 bytes"],
    ["of a number of more than seven bytes", [128, 128, 128, 128, 128, 128, 128, 0], "a stream has a number that is too large"],
  ])("is reset, and its peer reads why: one %s", async (_what, begins, words) => {
    const { open, clock } = begin();
    await clock.settle();
    const stream = open(...begins);
    await clock.settle();
    await expect(stream.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 257, message: includes(words) });
  });

  it.each([
    ["nothing", []],
    ["a part of a number", [133]],
    ["a part of a name", [0, 1, 7, 109]],
  ])("is reset when it ends after %s", async (_what, begins) => {
    const { open, clock } = begin();
    await clock.settle();
    const stream = open(...begins);
    await clock.settle();
    expect(await state(stream.closed)).toBe("pending");
    void stream.end();
    await clock.settle();
    await expect(stream.closed).rejects.toMatchObject({ remoteCode: 257, message: includes("a stream ended before it said what it is for") });
  });

  it("may have a codec with a name of 64 bytes, and one here may have no longer one", async () => {
    const named = (name: string): Codec => ({ ...json(), name });
    const longest = "ü".repeat(32);
    const { channels, open, raw, clock } = begin({ codec: named(longest) });
    open(0, 1, 64, text(longest), message(text("7")));
    await clock.settle();
    expect(await (await channels.accept()).receive()).toBe(7);
    for (const [name, length] of [["", 0], [`${longest}x`, 65]] as const) {
      expect(() => new Channels(raw, { codec: named(name) })).toThrow(expect.objectContaining({ code: "EINVAL", message: includes(`the name of a codec has 1 to 64 bytes, not ${length}`) }));
    }
  });
});

describe("a message that is malformed", () => {
  const kinds = "a message is malformed: it has something in it of a kind that is not known";
  it.each<[string, Uint8Array, string]>([
    ["that is empty", Uint8Array.of(0), "a message is malformed: it is cut short"],
    ["that ends within the number of its ends", Uint8Array.of(1, 129), "a message is malformed: it is cut short"],
    ["that ends before the kind of an end", Uint8Array.of(1, 1), kinds],
    ["that ends before the number of an end", Uint8Array.of(2, 1, 1), "a message is malformed: it is cut short"],
    ["that ends within the number of an end", Uint8Array.of(3, 1, 1, 133), "a message is malformed: it is cut short"],
    ["with a number of more than seven bytes", bytes(9, 1, 1, 255, 255, 255, 255, 255, 255, 255), "a message is malformed: a number in it is too large"],
    ["with an end of kind 0", message(null_, [0, 9]), kinds],
    ["with an end of kind 6", message(null_, [6, 9]), kinds],
    ["with an end of number 0", message(null_, [receiver, 0]), "a message is malformed: it has something in it whose number is 0"],
    ["with more ends than maxReferences", message(null_, ...Array.from({ length: 5 }, (_, i): [number, number] => [receiver, i + 11])), "it has 5 channels and byte streams, and maxReferences is 4"],
    ["that wants one stream twice", message(null_, [receiver, 55], [receiver, 7], [receiver, 7]), "two messages want stream number 7"],
    ["with an end that is not there", message(encoder.encode(end(0))), "a message has no end number 0"],
    ["with an end after the last one", message(encoder.encode(end(1)), [receiver, 55]), "a message has no end number 1"],
    ["with an end twice", message(encoder.encode([end(0), end(0)]), [receiver, 55]), "a message has no end number 0 any more"],
  ])("breaks its channel here and there, and both read why: one %s", async (_what, malformed, words) => {
    const { channels, open, clock } = begin({ maxReferences: 4 });
    const inner = open(55);
    await clock.settle();
    const stream = open(preface, message(encoder.encode("good")), malformed);
    await clock.settle();
    const there = await channels.accept();
    expect(await there.receive()).toBe("good");
    const error = await there.receive().catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringMatching(new RegExp(`${words}$`)) as string });
    await clock.settle();
    await expect(stream.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 257, message: includes(words) });
    // What belonged to it is not kept either.
    if (malformed.includes(55)) await expect(inner.closed).rejects.toMatchObject({ remoteCode: 256, message: includes("the message that it travelled in was dropped") });
  });

  it.each([1, 2])("whose stream ends %i bytes after its beginning is one that the end cuts", async (length) => {
    const { channels, open, clock } = begin();
    void open(preface, message(encoder.encode("good")), Uint8Array.of(10, 0).subarray(0, length)).end();
    await clock.settle();
    const there = await channels.accept();
    expect(await there.receive()).toBe("good");
    await expect(there.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: includes("the channel ended in the middle of a message") });
  });

  it("is the last of its channel, also for who waits while another one comes with it", async () => {
    const { channels, open, clock } = begin();
    const [stream, inner] = [open(preface), open(5)];
    await clock.settle();
    const there = await channels.accept();
    const waiting = [there.receive(), there.receive()];
    void stream.write(bytes(message(Uint8Array.of(0xc1)), message(encoder.encode(end(0)), [receiver, 5])));
    await clock.settle();
    for (const each of [...waiting, there.receive()]) await expect(each).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: includes("0xc1") });
    // Nobody has taken it up.
    expect(await state(inner.closed)).toBe("pending");
  });

  it("leaves those before it that wait for a stream as they are, and drops those behind it at once", async () => {
    const { channels, open, clock } = begin();
    open(preface, message(encoder.encode(end(0)), [receiver, 6]), Uint8Array.of(1, 129));
    const [dropped] = [open(7), open(preface, message(Uint8Array.of(0xc1)), message(encoder.encode(end(0)), [receiver, 8]), message(encoder.encode(end(0)), [receiver, 7]))];
    await clock.settle();
    const [first, second] = [await channels.accept(), await channels.accept()];
    const waiting = first.receive();
    await expect(second.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    await clock.settle();
    expect(await state(dropped.closed)).toBe("rejected");
    open(6, message(encoder.encode("hello")));
    await clock.settle();
    expect(await ((await waiting) as Receiver).receive()).toBe("hello");
    await expect(first.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
  });

  it("closes what its codec had taken of it when it threw, and says of which codec it is", async () => {
    const codec: Codec = {
      name: "mine",
      encode: () => new Uint8Array(1),
      decode: (_bytes, ends) => {
        ends.take(0);
        throw new RangeError(`one of ${ends.count}`);
      },
    };
    const { channels, open, clock } = begin({ codec });
    await clock.settle();
    const [one, two] = [open(5), open(6)];
    const stream = open(0, 1, 4, text("mine"), message(null_, [receiver, 5], [receiver, 6]));
    await clock.settle();
    const there = await channels.accept();
    await expect(there.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: includes("a message could not be decoded as mine: one of 2"), cause: expect.any(RangeError) as unknown });
    await clock.settle();
    await expect(stream.closed).rejects.toMatchObject({ remoteCode: 257 });
    for (const each of [one, two]) await expect(each.closed).rejects.toMatchObject({ remoteCode: 256 });
  });
});
