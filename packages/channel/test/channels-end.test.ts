import { Channels, json, msgpack, pipe, type Receiver, type Sender } from "@astranet/channel";
import { Session } from "@astranet/mux";
import { memoryPair } from "@astranet/transport";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../router/test/support/virtual-clock.ts";
import { begin, bytes, message, preface } from "./support/peer.ts";
import { state } from "./support/state.ts";

const encoder = new Encoder();
const includes = (words: string): string => expect.stringContaining(words) as string;
const end = new ExtData(65, Uint8Array.of(0));
const receiver = 2;
const nobody = { remoteCode: 256, message: includes("nobody accepts channels any more") };

describe("Channels that made their session", () => {
  it.each<[string, (channels: Channels) => unknown]>([
    ["close", (channels) => channels.close()],
    ["are disposed of", (channels) => channels[Symbol.asyncDispose]()],
  ])("end it when they %s, and resolve then", async (_what, ends) => {
    const { channels, raw, clock } = begin();
    await clock.settle();
    const ended = ends(channels) as Promise<void>;
    expect(await state(ended)).toBe("pending");
    await clock.advance(10_000);
    expect([await state(ended), await state(raw.closed), await state(channels.session.closed)]).toEqual(["resolved", "resolved", "resolved"]);
    await expect(channels.accept()).rejects.toMatchObject({ code: "ERR_ASTRANET_CHANNEL_CLOSED" });
  });

  it("wait for a Sender that nobody closes for as long as closeTimeoutMs of their session says, and then break it", async () => {
    const clock = new VirtualClock();
    const [here, there] = memoryPair({ clock });
    const channels = new Channels(here, { role: "client", clock, session: { closeTimeoutMs: 300 } });
    const sender = channels.open();
    const peer = new Channels(there, { role: "server", clock });
    await clock.settle();
    const closed = channels.close();
    await clock.advance(299);
    expect([await state(closed), await state(sender.closed)]).toEqual(["pending", "pending"]);
    await clock.advance(1);
    expect(await state(closed)).toBe("resolved");
    await expect(sender.closed).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    peer.abort();
  });

  it("break it when they are aborted, and who waits for accept hears why", async () => {
    for (const reason of [undefined, new Error("enough")]) {
      const { channels, raw, clock } = begin();
      await clock.settle();
      const accepting = channels.accept();
      channels.abort(reason);
      await clock.settle();
      expect(await state(raw.closed)).toBe("rejected");
      await expect(accepting).rejects.toMatchObject(reason === undefined ? { code: "ERR_ASTRANET_SESSION_CLOSED", message: includes("the channels were aborted here") } : { cause: reason });
    }
  });

  it("need to be told their role, and are where their stream is", async () => {
    const clock = new VirtualClock();
    const [here, there] = memoryPair({ clock });
    const [client, server] = [new Session(here, { role: "client", clock }), new Session(there, { role: "server", clock })];
    const stream = client.open();
    for (const role of [undefined, "both"]) expect(() => new Channels(stream, { role: role as never })).toThrow(expect.objectContaining({ code: "EINVAL", message: includes(`role must be 'client' or 'server' where the pipe is no Session, not ${role}`) }));
    const channels = new Channels(stream, { role: "client", clock });
    expect([channels.session.localAddress, channels.session.remoteAddress]).toEqual([client.localAddress, client.remoteAddress]);
    await clock.settle();
    const far = new Channels({ stream: await server.accept() }, { role: "server", clock });
    void channels.open().send("hello");
    await clock.settle();
    expect(await (await far.accept()).receive()).toBe("hello");
    server.abort();
    await clock.settle();
    await expect(far.accept()).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
  });
});

describe("Channels over a session that was given", () => {
  it("leave it when they close, are disposed of, or are aborted, and turn away what comes, also what had begun to", async () => {
    for (const how of ["close", "abort", "dispose"]) {
      const { raw, channels: far, clock } = begin();
      const there = new Channels(raw);
      const [unaccepted, unclaimed, begun] = [far.session.open(), far.session.open(), far.session.open()];
      void unaccepted.write(preface);
      void unclaimed.write(Uint8Array.of(5));
      void begun.write(preface.subarray(0, 3));
      await clock.settle();
      if (how === "close") await there.close();
      else if (how === "abort") there.abort();
      else await there[Symbol.asyncDispose]();
      await clock.settle();
      await expect(unclaimed.closed).rejects.toMatchObject(nobody);
      // One that waits when they are closed is still accepted, and none after it.
      if (how === "abort") await expect(unaccepted.closed).rejects.toMatchObject(nobody);
      else expect(await there.accept()).toBeDefined();
      void begun.write(preface.subarray(3));
      const late = far.session.open();
      await clock.settle();
      for (const each of [begun, late]) await expect(each.closed).rejects.toMatchObject(nobody);
      await expect(there.accept()).rejects.toMatchObject({ code: how === "abort" ? "ERR_ASTRANET_SESSION_CLOSED" : "ERR_ASTRANET_CHANNEL_CLOSED" });
      expect([await state(raw.closed), await state(far.session.closed)]).toEqual(["pending", "pending"]);
    }
  });

  it("take none of its streams but those that they are given, where it is shared", async () => {
    const { raw, channels: far, clock } = begin();
    const there = new Channels(raw, { shared: true });
    const stream = far.session.open();
    void stream.write(bytes(preface, message(encoder.encode("hello"))));
    await clock.settle();
    const mine = await raw.accept();
    there.incoming(mine);
    await clock.settle();
    expect(await (await there.accept()).receive()).toBe("hello");
  });
});

describe("an iteration of Channels", () => {
  it("that is left early leaves them as they are, for the next one too", async () => {
    const { channels, open, clock } = begin();
    for (let n = 0; n < 3; n += 1) open(preface, message(encoder.encode(n)));
    await clock.settle();
    const seen: unknown[] = [];
    for await (const each of channels) {
      seen.push(await each.receive());
      break;
    }
    const iterator = channels[Symbol.asyncIterator]();
    for await (const each of iterator) {
      seen.push(await each.receive());
      break;
    }
    expect(await iterator.return!()).toEqual({ done: true, value: undefined });
    seen.push(await (await channels.accept()).receive());
    expect(seen).toEqual([0, 1, 2]);
  });
});

describe("when the session dies", () => {
  const gone = { code: "ECONNRESET", message: expect.not.stringContaining("within") as string };

  it("a message that waits for a stream is received at once, and what lacks it says that the session died", async () => {
    const { channels, open, raw, clock } = begin();
    open(preface, message(encoder.encode([end]), [receiver, 6]));
    await clock.settle();
    const received = (await channels.accept<[Receiver]>()).receive();
    raw.abort();
    await clock.settle();
    await expect((await received)[0].receive()).rejects.toMatchObject(gone);
    expect(clock.timers).toBe(0);
  });

  it("a channel that nobody had accepted gives what came, what is in its messages too, and at once", async () => {
    const { channels, open, raw, clock } = begin();
    open(preface, message(encoder.encode([end]), [receiver, 5]), message(encoder.encode([end]), [receiver, 6]));
    open(5, message(encoder.encode("hello")));
    await clock.settle();
    raw.abort();
    await clock.settle();
    const there = await channels.accept<[Receiver]>();
    const received = [there.receive(), there.receive()];
    expect(await Promise.all(received.map(state))).toEqual(["resolved", "resolved"]);
    const [[here], [lost]] = await Promise.all(received) as [[Receiver], [Receiver]];
    expect(await here.receive()).toBe("hello");
    await expect(here.receive()).rejects.toMatchObject(gone);
    await expect(lost.receive()).rejects.toMatchObject(gone);
    expect(clock.timers).toBe(0);
  });

  it("a channel that was closed before ends, also where nobody had accepted it", async () => {
    for (const saysBye of [false, true]) {
      const { channels, open, raw, clock } = begin();
      void open(preface, message(encoder.encode("last"))).end();
      await clock.settle();
      if (saysBye) void raw.close();
      await clock.settle();
      raw.abort();
      await clock.settle();
      const there = await channels.accept();
      expect([await there.receive(), await there.next()]).toEqual(["last", { done: true, value: undefined }]);
    }
  });

  it("or the Channels are closed, no message waits for a stream that is not taken any more", async () => {
    const { raw, channels: far, clock } = begin();
    const there = new Channels(raw);
    const stream = far.session.open();
    void stream.write(preface);
    await clock.settle();
    const accepted = await there.accept<[Receiver]>();
    await there.close();
    const received = accepted.receive();
    void stream.write(message(encoder.encode([end]), [receiver, 5]));
    await clock.settle();
    await expect((await received)[0].receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", message: includes("the channels were closed") });
  });
});

describe("a channel", () => {
  it("that is closed is so also where its peer stops reading before the end is on its way", async () => {
    const { channels, raw, clock } = begin();
    const sender = channels.open<Uint8Array>();
    await clock.settle();
    const stream = await raw.accept();
    while (sender.trySend(new Uint8Array(100_000)));
    const closing = sender.close();
    await clock.settle();
    expect(await state(closing)).toBe("pending");
    stream.stop(65_536);
    void stream.end();
    await clock.settle();
    expect([await state(closing), await state(sender.closed)]).toEqual(["resolved", "resolved"]);
  });

  it("whose sender closed it and then gave up is broken, where nobody has received yet", async () => {
    const { channels, open, clock } = begin();
    await clock.settle();
    const stream = open(preface, message(encoder.encode("one")));
    void stream.end();
    await clock.settle();
    stream.reset(256, "no more power");
    await clock.settle();
    const there = await channels.accept();
    expect(await there.receive()).toBe("one");
    await expect(there.receive()).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 256, message: includes("no more power") });
  });

  it("drops what comes back on it, and pays for it", async () => {
    const { channels, raw, clock } = begin();
    const sender = channels.open();
    await clock.settle();
    const stream = await raw.accept();
    void stream.write(new Uint8Array(1_000_000));
    await clock.advance(1000);
    expect([stream.writableLength, channels.session.stats().unreadBytes]).toEqual([0, 0]);
    void sender.close();
  });

  it("that ends while its messages wait for a stream ends after them", async () => {
    const { channels, open, clock } = begin();
    void open(preface, message(encoder.encode([end]), [receiver, 5]), message(encoder.encode("last"))).end();
    await clock.settle();
    const there = await channels.accept<unknown>();
    const [first, last, over] = [there.next(), there.next(), there.next()];
    await clock.settle();
    expect(await state(over)).toBe("pending");
    open(5);
    await clock.settle();
    expect([(await first).done, await last, await over]).toEqual([false, { done: false, value: "last" }, { done: true, value: undefined }]);
  });

  it("that is handed on is given up where what came on it is too long for the next way: its sender stops, what is in the message is closed", async () => {
    const near = begin();
    const far = begin({ maxMessageBytes: 1000 });
    const [stream, inner] = [near.open(preface), near.open(5)];
    await near.clock.settle();
    void far.channels.open().send([await near.channels.accept()]);
    await far.clock.settle();
    const settle = async (): Promise<void> => {
      await near.clock.settle();
      await far.clock.settle();
      await near.clock.settle();
    };
    void stream.write(bytes(message(encoder.encode([end, new Uint8Array(2000)]), [receiver, 5]), message(encoder.encode("next"))));
    await settle();
    await expect(stream.write(Uint8Array.of(0))).rejects.toMatchObject({ code: "EPIPE", remoteCode: 65_537 });
    await expect(inner.closed).rejects.toMatchObject({ remoteCode: 256, message: includes("the message that it travelled in was dropped") });
    expect(near.channels.session.stats().unreadBytes).toBe(0);
    const [opened, handed] = [await far.raw.accept(), await far.raw.accept()];
    await opened.read();
    await handed.read();
    await settle();
    await expect(handed.closed).rejects.toMatchObject({ remoteCode: 258, message: includes("maxMessageBytes") });
  });

  it("keeps what is in a message whose streams cannot be opened, and opens none", async () => {
    const clock = new VirtualClock();
    const [here, there] = memoryPair({ clock });
    const raw = new Session(there, { role: "client", clock, keepAlive: false });
    const channels = new Channels(here, { role: "server", clock, session: { keepAlive: false, maxPendingOpens: 2 } });
    await clock.settle();
    const out = channels.open<Receiver[]>();
    await clock.settle();
    const [stream, pairs] = [await raw.accept(), [pipe<number>({ capacity: 1 }), pipe<number>({ capacity: 1 }), pipe<number>({ capacity: 1 })]];
    await expect(out.send(pairs.map((each) => each.receiver))).rejects.toMatchObject({ code: "ERR_ASTRANET_STREAM_LIMIT" });
    for (const { sender, receiver: mine } of pairs) {
      await sender.send(1);
      expect(await mine.receive()).toBe(1);
    }
    stream.reset();
    await clock.settle();
    expect(raw.streamCount).toBe(0);
  });
});

describe("the reason of an abort", () => {
  it.each([
    ["an Error", new Error("no power"), /: no power$/],
    ["words", "no power", /: no power$/],
    ["anything else", 7, /\(code 256\)$/],
  ])("is read by the peer where it is %s", async (_what, reason, words) => {
    const { channels, raw, clock } = begin();
    const sender = channels.open();
    await clock.settle();
    const stream = await raw.accept();
    sender.abort(reason);
    await clock.settle();
    await expect(stream.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 256, message: expect.stringMatching(words) as string });
  });
});

describe("codecs", () => {
  it("that differ are told to who opens the channel", async () => {
    const { channels, raw, clock } = begin({ codec: json() });
    await clock.settle();
    const sender: Sender = new Channels(raw, { codec: msgpack() }).open();
    await clock.settle();
    await expect(sender.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 257, message: includes("the channel's messages are msgpack, and here they are json") });
    void channels.close();
  });
});

describe("a Sender over a network that is closed", () => {
  /** A channel whose receiver takes nothing, and into which no more goes. */
  async function full(): Promise<{ sender: Sender<Uint8Array>; receiver: Receiver<Uint8Array>; clock: VirtualClock }> {
    const clock = new VirtualClock();
    const [here, there] = memoryPair({ clock });
    const [one, two] = [new Channels(here, { role: "client", clock }), new Channels(there, { role: "server", clock })];
    const sender = one.open<Uint8Array>();
    const accepting = two.accept<Uint8Array>();
    await clock.settle();
    const receiver = await accepting;
    while (sender.trySend(new Uint8Array(50_000))) await clock.settle();
    void sender.send(new Uint8Array(1)).catch(() => undefined);
    return { sender, receiver, clock };
  }

  it("waits for room, unless its signal is aborted: the end follows all the same", async () => {
    const { sender, receiver, clock } = await full();
    const abort = new AbortController();
    const [closing, patient] = [sender.close({ signal: abort.signal }), sender.close()];
    await clock.settle();
    expect([await state(closing), await state(patient)]).toEqual(["pending", "pending"]);
    abort.abort("long enough");
    await expect(closing).rejects.toBe("long enough");
    await expect(sender.close({ signal: abort.signal })).rejects.toBe("long enough");
    let bytes = 0;
    const reading = (async () => {
      for await (const message of receiver) bytes += message.length;
    })();
    await clock.settle();
    await Promise.all([reading, patient]);
    expect(bytes % 50_000).toBe(1);
    await sender.close({ signal: new AbortController().signal });
  });

  it("is given up by abort, also while close waits", async () => {
    const { sender, receiver, clock } = await full();
    const closing = sender.close({ signal: new AbortController().signal });
    sender.abort();
    await clock.settle();
    await expect(receiver.closed).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await state(closing)).not.toBe("pending");
  });

  it("is over once the end is on its way, whether or not somebody asked before", async () => {
    const clock = new VirtualClock();
    const [here, there] = memoryPair({ clock, latencyMs: 100 });
    const [one, two] = [new Channels(here, { role: "client", clock }), new Channels(there, { role: "server", clock })];
    const [early, late] = [one.open(), one.open()];
    await clock.advance(200);
    const asked = early.closed;
    const closing = Promise.all([early.close(), late.close()]);
    await clock.advance(50);
    expect(await state(closing)).toBe("resolved");
    expect([await state(asked), await state(early.closed), await state(late.closed)]).toEqual(["resolved", "resolved", "resolved"]);
    two.abort();
  });
});
