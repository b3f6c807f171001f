import { BytePair, isEnd, json, msgpack, pipe, type Codec, type DuplexBytes } from "@astranet/channel";
import { describe, expect, it } from "vitest";
import { state } from "./support/state.ts";

/** What `object` is to a message: how many ends it has. */
function endsIn(message: unknown, codec: Codec = msgpack()): number {
  let count = 0;
  codec.encode(message, { add: () => count++ });
  return count;
}

async function received<T>(message: T): Promise<T> {
  const { sender, receiver } = pipe<T>({ capacity: 1 });
  await sender.send(message);
  return receiver.receive();
}

const pair = (): BytePair => new BytePair(new ReadableStream<Uint8Array>(), new WritableStream<Uint8Array>());

const plainPair = (): DuplexBytes => ({ readable: new ReadableStream<Uint8Array>(), writable: new WritableStream<Uint8Array>() });

describe("a byte stream in a message", () => {
  it("is one end where an object of a class has both directions, and two in a plain one", () => {
    for (const codec of [msgpack(), json()]) expect([endsIn(pair(), codec), endsIn(new TransformStream(), codec), endsIn(plainPair(), codec), endsIn([new ReadableStream(), new WritableStream()], codec)]).toEqual([1, 1, 2, 2]);
  });

  it("is an end, and so are those of channels; nothing else is", () => {
    const { sender, receiver } = pipe();
    expect([sender, receiver, new ReadableStream(), new WritableStream(), pair()].map(isEnd)).toEqual([true, true, true, true, true]);
    expect([null, undefined, 1, "x", {}, [], plainPair(), new Map(), new (class Foreign { readonly field = 1; })()].map(isEnd)).toEqual(Array.from({ length: 9 }, () => false));
  });

  it("is a stream of another realm too, or a polyfill: whatever has its methods", () => {
    class Readable {
      getReader = (): void => undefined;
      cancel = (): void => undefined;
    }
    class Writable {
      getWriter = (): void => undefined;
      abort = (): void => undefined;
    }
    class Both {
      readable = new Readable();
      writable = new Writable();
    }
    for (const stream of [new Readable(), new Writable(), new Both()]) expect(endsIn([stream])).toBe(1);
  });

  const locked = { code: "ERR_ASTRANET_INVALID_STATE", message: "ERR_ASTRANET_INVALID_STATE: message.it is locked: somebody reads or writes it, or it was sent to somebody else" };
  it.each([
    ["a readable", () => new ReadableStream<Uint8Array>(), (stream: ReadableStream) => stream.getReader()],
    ["a writable", () => new WritableStream<Uint8Array>(), (stream: WritableStream) => stream.getWriter()],
    ["a pair whose readable is locked", pair, ({ readable }: BytePair) => readable.getReader()],
    ["a pair whose writable is locked", pair, ({ writable }: BytePair) => writable.getWriter()],
  ] as [string, () => object, (stream: never) => { releaseLock: () => void }][])("cannot be sent while somebody has it in hands, and can afterwards: %s", async (_what, make, lock) => {
    const stream = make();
    const reader = lock(stream as never);
    const { sender, receiver } = pipe({ capacity: 1 });
    await expect(sender.send({ it: stream })).rejects.toMatchObject(locked);
    reader.releaseLock();
    await sender.send({ it: stream });
    await expect(sender.send({ it: stream })).rejects.toMatchObject(locked);
    await receiver.receive();
  });

  it("may not be in a message by itself and in a pair too: nothing is sent, and all is the caller's as before", async () => {
    const { sender } = pipe({ capacity: 1 });
    const both = pair();
    for (const half of [both.readable, both.writable]) {
      for (const message of [[both, half], [half, both]]) await expect(sender.send(message)).rejects.toMatchObject({ code: "EINVAL", message: expect.stringMatching(/^EINVAL: message\[[01]\].* is in the message twice$/) as string });
    }
    for (const twice of [both, new BytePair(both.readable, new WritableStream<Uint8Array>())]) await expect(sender.send([both, twice])).rejects.toMatchObject({ code: "EINVAL" });
    expect([both.readable.locked, both.writable.locked]).toEqual([false, false]);
    await sender.send(both);
  });

  it("that was sent to somebody else is said to be: a channel's", async () => {
    const { sender } = pipe({ capacity: 1 });
    const inner = pipe();
    await sender.send(inner.sender);
    await expect(sender.send([inner.sender])).rejects.toMatchObject({ message: "ERR_ASTRANET_INVALID_STATE: message[0] was sent to somebody else, who owns it now" });
  });

  it("is the caller's again where the message was not sent, in each direction", async () => {
    const { sender } = pipe();
    const streams = { readable: new ReadableStream<Uint8Array>(), writable: new WritableStream<Uint8Array>(), both: pair() };
    const abort = new AbortController();
    const sent = sender.send(streams, { signal: abort.signal });
    expect([streams.readable.locked, streams.writable.locked, streams.both.readable.locked, streams.both.writable.locked]).toEqual([true, true, true, true]);
    abort.abort();
    await expect(sent).rejects.toBe(abort.signal.reason);
    expect([streams.readable.locked, streams.writable.locked, streams.both.readable.locked, streams.both.writable.locked]).toEqual([false, false, false, false]);
  });

  it("is read only when its new owner reads, to its end, and cancelled by him with his reason", async () => {
    let pulls = 0;
    let reason: unknown;
    const source = (): ReadableStream<Uint8Array> => new ReadableStream<Uint8Array>({ pull: (controller) => (++pulls === 2 ? controller.close() : controller.enqueue(Uint8Array.of(pulls))), cancel: (why) => { reason = why; } }, { highWaterMark: 0 });
    const stream = await received(source());
    const reader = stream.getReader();
    expect([await state(reader.closed), pulls]).toEqual(["pending", 0]);
    expect([await reader.read(), await reader.read()]).toEqual([{ done: false, value: Uint8Array.of(1) }, { done: true, value: undefined }]);
    await (await received(source())).cancel("enough");
    expect(reason).toBe("enough");
  });

  it("is written as its new owner writes, closed when he closes, and aborted by him with his reason", async () => {
    const seen: unknown[] = [];
    const sink = (): WritableStream<Uint8Array> => new WritableStream<Uint8Array>({ write: (chunk) => void seen.push(chunk), close: () => void seen.push("closed"), abort: (reason) => void seen.push(reason) });
    const writer = (await received(sink())).getWriter();
    await writer.write(Uint8Array.of(1));
    await writer.close();
    await (await received(sink())).abort("enough");
    expect(seen).toEqual([Uint8Array.of(1), "closed", "enough"]);
  });

  it("that breaks tells its new owner, also who only waits", async () => {
    let breaks: (error: Error) => void = () => undefined;
    const stream = await received(new WritableStream<Uint8Array>({ start: (controller) => { breaks = (error) => controller.error(error); } }));
    const { closed } = stream.getWriter();
    const error = new Error("broke");
    breaks(error);
    await expect(closed).rejects.toBe(error);
  });

  it("whose message is dropped hears why, in each direction", async () => {
    const { sender, receiver } = pipe({ capacity: 1 });
    const reasons: unknown[] = [];
    const both: DuplexBytes = new BytePair(new ReadableStream<Uint8Array>({ cancel: (reason) => void reasons.push(reason) }), new WritableStream<Uint8Array>({ abort: (reason) => void reasons.push(reason) }));
    await sender.send([both]);
    receiver.cancel();
    const dropped = expect.objectContaining({ code: "ECONNRESET", message: "ECONNRESET: the message that it travelled in was dropped" }) as unknown;
    await state(receiver.closed);
    expect(reasons).toEqual([dropped, dropped]);
  });
});
