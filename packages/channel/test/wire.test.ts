import { Channels, json, pipe, type Receiver, type Sender } from "@astranet/channel";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { begin, message, preface } from "./support/peer.ts";
import { state } from "./support/state.ts";

const encoder = new Encoder();
/** msgpack of an object whose `end` is the first end of the message. */
const withEnd = encoder.encode({ end: new ExtData(65, Uint8Array.of(0)) });
const [sender, receiver] = [1, 2];

describe("a channel in a message", () => {
  it("may arrive before its message", async () => {
    const { channels, open, clock } = begin();
    const inner = open(5);
    await clock.advance(100);
    open(preface, message(withEnd, [receiver, 5]));
    await clock.settle();
    const { end } = (await (await channels.accept<{ end: Receiver<string> }>()).receive());
    void inner.write(message(encoder.encode("hello")));
    await clock.settle();
    expect(await end.receive()).toBe("hello");
  });

  it("may arrive after its message, which waits for it, and so do those that follow", async () => {
    const { channels, open, clock } = begin();
    const outer = open(preface, message(withEnd, [receiver, 5]), message(encoder.encode("next")));
    await clock.settle();
    const there = await channels.accept();
    const received = [there.receive(), there.receive()];
    await clock.advance(5000);
    expect(await state(received[0]!)).toBe("pending");
    const inner = open(5, message(encoder.encode("hello")));
    await clock.settle();
    const { end } = (await received[0]) as { end: Receiver<string> };
    expect([await end.receive(), await received[1]]).toEqual(["hello", "next"]);
    void outer.end();
    void inner.end();
    await clock.settle();
    expect([await there.next(), await end.next()]).toEqual([{ done: true, value: undefined }, { done: true, value: undefined }]);
  });

  it.each(["sender", "receiver", "readable", "writable", "duplex"].map((kind, i) => [kind, i + 1] as const))("that does not arrive within claimTimeoutMs is broken, and its message is delivered: a %s", async (kind, number) => {
    const { channels, open, clock } = begin({ claimTimeoutMs: 3000 });
    open(preface, message(withEnd, [number, 9]), message(encoder.encode("next")));
    await clock.settle();
    const there = await channels.accept<{ end: never }>();
    const received = there.receive();
    await clock.advance(2999);
    expect(await state(received)).toBe("pending");
    await clock.advance(1);
    const { end } = (await received) as { end: unknown };
    const broken = { code: "ETIMEDOUT", message: expect.stringContaining(kind) as string };
    if (kind === "sender") await expect((end as Sender).send(1)).rejects.toMatchObject(broken);
    if (kind === "receiver") await expect((end as Receiver).receive()).rejects.toMatchObject(broken);
    const { readable = end, writable = end } = end as { readable?: unknown; writable?: unknown };
    if (kind === "readable" || kind === "duplex") await expect((readable as ReadableStream).getReader().read()).rejects.toMatchObject(broken);
    if (kind === "writable" || kind === "duplex") await expect((writable as WritableStream).getWriter().closed).rejects.toMatchObject(broken);
    expect(await there.receive()).toBe("next");
  });

  it("that no message wants within claimTimeoutMs is reset, and nothing else is lost", async () => {
    const { channels, open, clock } = begin({ claimTimeoutMs: 3000 });
    const [lonely, later] = [open(5), open(preface)];
    await clock.advance(2999);
    expect(await state(lonely.closed)).toBe("pending");
    await clock.advance(1);
    await expect(lonely.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 259 });
    void later.write(message(encoder.encode("hello")));
    await clock.settle();
    expect(await (await channels.accept()).receive()).toBe("hello");
  });

  it("is one of maxUnclaimed at most that wait for their messages", async () => {
    const { open, clock } = begin({ maxUnclaimed: 3 });
    const streams = [1, 2, 3, 4].map((id) => open(id));
    await clock.settle();
    expect(await Promise.all(streams.map(({ closed }) => state(closed)))).toEqual(["pending", "pending", "pending", "rejected"]);
    await expect(streams[3]!.closed).rejects.toMatchObject({ remoteCode: 259 });
  });

  it("may not be told twice, nor wanted by two messages", async () => {
    const { channels, open, clock } = begin();
    open(5);
    const again = open(5);
    await clock.settle();
    await expect(again.closed).rejects.toMatchObject({ remoteCode: 257 });
    const twice = open(preface, message(withEnd, [receiver, 7]), message(withEnd, [receiver, 7]));
    await clock.settle();
    const there = await channels.accept();
    await clock.advance(20_000);
    // The first of the two is broken, as its stream did not come.
    await there.receive();
    await expect(there.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    await expect(twice.closed).rejects.toMatchObject({ remoteCode: 257 });
  });

  it("that a message wants beside one that another message has is reset with its channel", async () => {
    const { channels, open, clock } = begin();
    const early = open(5);
    open(preface, message(withEnd, [receiver, 7]), message(withEnd, [receiver, 5], [receiver, 7]));
    await clock.settle();
    await channels.accept();
    await clock.settle();
    await expect(early.closed).rejects.toMatchObject({ remoteCode: 256 });
  });

  it("of which the message says nothing is reset", async () => {
    const { channels, open, clock } = begin();
    const inner = open(5);
    open(preface, message(encoder.encode("no end in it"), [receiver, 5]));
    await clock.settle();
    expect(await (await channels.accept()).receive()).toBe("no end in it");
    await clock.settle();
    await expect(inner.closed).rejects.toMatchObject({ remoteCode: 256 });
  });

  it("is reset when its message is dropped, also where it comes later", async () => {
    const { channels, open, clock } = begin();
    const early = open(5);
    open(preface, message(withEnd, [receiver, 5]), message(withEnd, [sender, 6]));
    await clock.settle();
    (await channels.accept()).cancel();
    const late = open(6);
    await clock.settle();
    await expect(early.closed).rejects.toMatchObject({ remoteCode: 256 });
    await expect(late.closed).rejects.toMatchObject({ remoteCode: 256 });
  });
});

describe("what is no message", () => {
  const nested = (depth: number): Uint8Array => Uint8Array.from([...Array.from({ length: depth }, () => 0x91), 0xc0]);
  it.each([
    ["cut short", message(Uint8Array.of(0x92, 1))],
    ["followed by something", message(Uint8Array.of(1, 2))],
    ["nested too deep", message(nested(65))],
    ["of more values than maxValues", message(Uint8Array.of(0xdd, 0, 0x10, 0, 0))],
    ["with a byte that msgpack never uses", message(Uint8Array.of(0xc1))],
    ["with a key __proto__", message(Uint8Array.of(0x81, 0xa9, ...new TextEncoder().encode("__proto__"), 0x80))],
    ["with an extension that is not known", message(Uint8Array.of(0xd4, 99, 0))],
    ["with an extension of the application's that is not known", message(Uint8Array.of(0xd4, 7, 0xc0))],
    ["with a view of an unknown kind", message(Uint8Array.of(0xd4, 69, 99))],
    ["with a part of an element", message(Uint8Array.of(0xc7, 4, 69, 6, 0, 0, 0))],
    ["with an end that is not there", message(withEnd)],
    ["with a Map that is no list", message(Uint8Array.of(0xd4, 66, 0xc0))],
    ["with an Error without a name", message(Uint8Array.of(0xd4, 70, 0x80))],
    ["of nothing", message(new Uint8Array(0))],
    ["with more ends than maxReferences", message(Uint8Array.of(0xc0), ...Array.from({ length: 5 }, (_, i): [number, number] => [1, i + 1]))],
    ["with an end of an unknown kind", message(Uint8Array.of(0xc0), [9, 1])],
  ])("breaks its channel and no other: one %s", async (_what, malformed) => {
    const { channels, open, clock } = begin({ maxReferences: 4 });
    const other = open(preface);
    const bad = open(preface, message(encoder.encode("good")), malformed, message(encoder.encode("after")));
    await clock.settle();
    const good = await channels.accept();
    const there = await channels.accept();
    expect(await there.receive()).toBe("good");
    await expect(there.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    await expect(there.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    await clock.settle();
    await expect(bad.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 257 });
    void other.write(message(encoder.encode("still here")));
    await clock.settle();
    expect(await good.receive()).toBe("still here");
  });

  it("is also an end in the middle of one, after those before it", async () => {
    const { channels, open, clock } = begin();
    const stream = open(preface, message(encoder.encode("good")), 10, 0, 1);
    void stream.end();
    await clock.settle();
    const there = await channels.accept();
    expect(await there.receive()).toBe("good");
    await expect(there.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("middle") as string });
  });

  it("is one that is too long, before any of it is kept: EMSGSIZE here, and there what it was", async () => {
    const { channels, open, clock } = begin({ maxMessageBytes: 1000 });
    const stream = open(preface, message(encoder.encode("good")), 0xe9, 0x07);
    await clock.settle();
    const there = await channels.accept();
    expect(await there.receive()).toBe("good");
    await expect(there.receive()).rejects.toMatchObject({ code: "EMSGSIZE", message: expect.stringContaining("1000") as string });
    await clock.settle();
    await expect(stream.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 258 });
  });

  it("is a stream that does not say what it is for, is of another version, or of another codec", async () => {
    const { open, clock } = begin();
    const streams = [open(0, 2, 1, 0x61), open(0, 1, 4, new TextEncoder().encode("json")), open(0, 1, 0), open(0, 1, 65), open(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)];
    const empty = open();
    void empty.end();
    await clock.settle();
    for (const stream of [...streams, empty]) await expect(stream.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 257 });
  });
});

describe("a message", () => {
  it("of 100 MB is refused where it is sent, says why, and the channel goes on", async () => {
    const { channels, raw, clock } = begin();
    const there = new Channels(raw, { role: "client" });
    const out = there.open();
    await clock.settle();
    await expect(out.send({ file: new Uint8Array(100_000_000) })).rejects.toMatchObject({ code: "EMSGSIZE", message: expect.stringMatching(/100000\d\d\d bytes.*16777216/) as string });
    const inner = pipe();
    await expect(out.send({ file: new Uint8Array(100_000_000), inner: inner.sender })).rejects.toMatchObject({ code: "EMSGSIZE" });
    void out.send({ mine: inner.sender });
    await clock.settle();
    const { mine } = (await (await channels.accept<{ mine: Sender }>()).receive());
    void mine.send("still of use");
    await clock.settle();
    expect(await inner.receiver.receive()).toBe("still of use");
  });

  it("may be longer than a stream's window", async () => {
    const { channels, raw, clock } = begin();
    const out = new Channels(raw, { role: "client" }).open<Uint8Array>();
    const long = new Uint8Array(10_000_000).map((_, i) => i);
    void out.send(long);
    void out.send(Uint8Array.of(1));
    await clock.advance(1000);
    const there = await channels.accept<Uint8Array>();
    await clock.advance(1000);
    const received = await there.receive();
    expect([received.length, received.every((byte, i) => byte === (i & 0xff))]).toEqual([long.length, true]);
    expect(await there.receive()).toEqual(Uint8Array.of(1));
  });

  it("that is long waits its turn behind what nobody takes", async () => {
    const { channels, raw, clock } = begin();
    const out = new Channels(raw, { role: "client" }).open<Uint8Array>();
    const abort = new AbortController();
    const sends = Array.from({ length: 40 }, () => out.send(new Uint8Array(1_000_000), { signal: abort.signal }));
    await clock.advance(10_000);
    await channels.accept();
    await clock.advance(10_000);
    expect((await Promise.all(sends.map(state))).filter((each) => each === "pending").length).toBeGreaterThan(20);
    abort.abort();
  });

  it("counts while it is not whole: beyond maxPartialBytes its channel breaks with ERR_ASTRANET_OVERLOAD, and no other", async () => {
    const { channels, open, clock } = begin({ maxPartialBytes: 200_000 });
    const start = message(new Uint8Array(1_000_000)).subarray(0, 100_000);
    const streams = [open(preface, start), open(preface, start), open(preface, start)];
    await clock.settle();
    const there = [await channels.accept(), await channels.accept(), await channels.accept()];
    await clock.settle();
    expect(await Promise.all(there.map((each) => state(each.closed)))).toEqual(["pending", "pending", "rejected"]);
    await expect(there[2]!.receive()).rejects.toMatchObject({ code: "ERR_ASTRANET_OVERLOAD" });
    await expect(streams[2]!.closed).rejects.toMatchObject({ remoteCode: 261 });
    // What one gives up is there for the next.
    there[0]!.cancel();
    open(preface, start);
    await clock.settle();
    const next = await channels.accept();
    await clock.settle();
    expect(await state(next.closed)).toBe("pending");
  });
});

describe("Channels", () => {
  it("wait for accept up to acceptBacklog, and those beyond are reset", async () => {
    const { channels, open, clock } = begin({ acceptBacklog: 2 });
    const streams = [1, 2, 3].map(() => open(preface));
    await clock.settle();
    await expect(streams[2]!.closed).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 260 });
    await channels.accept();
    open(preface);
    await clock.settle();
    await Promise.all([channels.accept(), channels.accept()]);
    const abort = new AbortController();
    const waiting = channels.accept({ signal: abort.signal });
    expect(await state(waiting)).toBe("pending");
    abort.abort();
    await expect(waiting).rejects.toBe(abort.signal.reason);
  });

  it("of which 1,000 are open when the session dies: every end hears ECONNRESET or why, once, and nothing hangs", async () => {
    const { channels, raw, clock } = begin({ acceptBacklog: 5000 });
    const there = new Channels(raw, { role: "client" });
    const senders = Array.from({ length: 1000 }, () => there.open<number>());
    const outer = there.open<Receiver<number>>();
    const inner = pipe<number>();
    void outer.send(inner.receiver);
    for (const each of senders) void each.send(1);
    await clock.settle();
    const receivers: Receiver[] = [];
    for (let i = 0; i < 1001; i += 1) receivers.push(await channels.accept());
    const waiting = receivers.map((each) => each.receive().then(() => each.receive()));
    const accepting = channels.accept();
    for (const each of [...waiting, accepting]) each.catch(() => undefined);
    await clock.settle();
    raw.abort(new Error("pulled"));
    await clock.advance(10_000);
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|ERR_ASTRANET_SESSION_CLOSED)$/) as string });
    for (const each of senders) await expect(each.send(2)).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    await expect(accepting).rejects.toBeDefined();
    await expect(inner.sender.send(1)).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    expect(() => there.open()).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_SESSION_CLOSED" }));
  });

  it("that nobody has accepted when the session dies are accepted still, with what came; after an abort here they are not", async () => {
    const { channels, raw, open, clock } = begin();
    open(preface, message(encoder.encode("one")), message(encoder.encode("two")));
    await clock.settle();
    raw.abort(new Error("pulled"));
    await clock.settle();
    const there = await channels.accept();
    expect([await there.receive(), await there.receive()]).toEqual(["one", "two"]);
    await expect(there.receive()).rejects.toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|ERR_ASTRANET_SESSION_CLOSED)$/) as string });
    await expect(channels.accept()).rejects.toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|ERR_ASTRANET_SESSION_CLOSED)$/) as string });
    const other = begin();
    other.open(preface);
    await other.clock.settle();
    const reason = new Error("enough");
    other.channels.abort(reason);
    await expect(other.channels.accept()).rejects.toMatchObject({ cause: reason });
  });

  it("that are not accepted, or travelled in a message that is dropped, are closed with all that is in their messages, at once", async () => {
    const { channels, raw, clock } = begin({ acceptBacklog: 1 });
    const there = new Channels(raw, { role: "client" });
    const first = there.open<Receiver<Receiver>>();
    const refused = there.open<Receiver>();
    const [outer, inner, other] = [pipe<Receiver>(), pipe(), pipe()];
    void first.send(outer.receiver);
    void outer.sender.send(inner.receiver);
    void refused.send(other.receiver);
    await clock.settle();
    await expect(refused.closed).rejects.toMatchObject({ remoteCode: 260 });
    await clock.settle();
    (await channels.accept()).cancel();
    await clock.settle();
    await expect(outer.sender.send(pipe().receiver)).rejects.toMatchObject({ code: "ECONNRESET" });
    for (const each of [inner, other]) await expect(each.sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET", message: expect.stringContaining("dropped") as string });
  });

  it("that break for a message leave alone what came in those before it", async () => {
    const { channels, raw, clock } = begin({ maxMessageBytes: 1000 });
    const out = new Channels(raw, { role: "client" }).open();
    const inner = pipe<string>();
    void out.send(inner.receiver);
    await clock.settle();
    const there = await channels.accept<Receiver<string>>();
    const received = await there.receive();
    void out.send(new Uint8Array(2000));
    await clock.settle();
    await expect(out.closed).rejects.toMatchObject({ remoteCode: 258 });
    void inner.sender.send("still of use");
    await clock.settle();
    expect(await received.receive()).toBe("still of use");
  });

  it("need a role where there is no session yet, and limits that are numbers", async () => {
    const { raw, end } = begin();
    expect(() => new Channels({ start: () => undefined, send: () => true, close: () => undefined, abort: () => undefined, localAddress: "", remoteAddress: "" })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("role") as string }));
    expect(() => new Channels(raw, { maxMessageBytes: 2 ** 28 })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("maxMessageBytes") as string }));
    expect(() => new Channels(raw, { claimTimeoutMs: -1 })).toThrow(expect.objectContaining({ code: "EINVAL" }));
    const { encode, decode } = json();
    for (const codec of [json, { name: "x", encode }, { name: "x", decode }, { name: 7, encode, decode }]) expect(() => new Channels(raw, { codec: codec as never })).toThrow("a codec has a name, encode and decode");
    expect(() => new Channels(raw, { shared: true, type: 0 })).not.toThrow();
    for (const type of [-1, 1.5, 2 ** 32]) expect(() => new Channels(raw, { type })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("type") as string }));
    expect(() => new Channels(raw, { codec: { name: "", encode: () => new Uint8Array(0), decode: () => undefined } })).toThrow(expect.objectContaining({ code: "EINVAL" }));
    end();
    await raw.closed.catch(() => undefined);
  });

  it("may share a session with other streams, by their type", async () => {
    const { raw, channels, clock } = begin();
    const there = new Channels(raw, { shared: true, type: 7 });
    const other = (async () => {
      for await (const stream of raw) if (stream.type === 7) there.incoming(stream);
    })();
    other.catch(() => undefined);
    const back = new Channels(channels.session, { shared: true, type: 7 }).open<string>();
    void back.send("typed");
    await clock.settle();
    expect(await (await there.accept()).receive()).toBe("typed");
  });

  it("that are closed leave a session that was given as it is, and take no more of its streams", async () => {
    const { raw, channels, clock } = begin();
    const there = new Channels(raw);
    const open = there.open<number>();
    void open.send(1);
    await clock.settle();
    const accepted = await channels.accept<number>();
    const waiting = channels.session.open();
    void waiting.write(Uint8Array.of(77));
    await clock.settle();
    void there.close();
    await clock.settle();
    await expect(waiting.closed).rejects.toMatchObject({ remoteCode: 256 });
    const late = channels.open<number>();
    void late.send(1);
    await clock.settle();
    await expect(there.accept()).rejects.toMatchObject({ code: "ERR_ASTRANET_CHANNEL_CLOSED" });
    await expect(late.send(2)).rejects.toMatchObject({ code: "ECONNRESET" });
    void open.send(2);
    await clock.settle();
    expect([await accepted.receive(), await accepted.receive()]).toEqual([1, 2]);
    expect(raw.open()).toBeDefined();
  });

  it("end their iteration when the session ends", async () => {
    const { raw, channels, clock } = begin();
    const there = new Channels(raw);
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const each of channels) seen.push(each);
    })();
    void there.open().close();
    await clock.settle();
    void channels.close();
    await clock.advance(10_000);
    await loop;
    expect(seen).toHaveLength(1);
    await expect(channels.accept()).rejects.toMatchObject({ code: "ERR_ASTRANET_CHANNEL_CLOSED" });
  });
});
