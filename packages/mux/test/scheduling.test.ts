import { Session, type Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { bytes, credit, data, lengthOf, only, opening, settings, started, syn, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { narrow, NarrowConnection, opens } from "./support/narrow-session.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

const KiB = 1_024;
const MiB = 1_048_576;

/** A client with windows that never end. */
async function held() {
  const connection = new HeldConnection();
  const clock = new ManualClock();
  const session = new Session(connection, { role: "client", clock, keepAlive: false });
  connection.give(settings({ initialWindow: 2 ** 30, linkWindow: 2 ** 30 }));
  await clock.settle();
  return { connection, clock, session };
}

describe("frames of one tick", () => {
  it("leave in one gathered send at its end, not in microtasks", async () => {
    const { connection, clock, session } = await held();
    const before = connection.sends.length;
    for (const stream of opens(session, 100)) void stream.write(bytes("x"));
    await Promise.resolve();
    for (const stream of opens(session, 100)) void stream.end(bytes("x"));
    expect(connection.sends.length).toBe(before);
    await clock.settle();
    expect(connection.sends.length).toBe(before + 1);
  });

  it("copy payloads below 2 KiB beside the headers, and send larger ones as they are", async () => {
    const { connection, clock, session } = await held();
    const [small, large] = [new Uint8Array(2_047), new Uint8Array(2_048)];
    void session.open().write(small);
    void session.open().write(large);
    await clock.settle();
    expect(connection.last).toContain(large);
    expect(connection.last).not.toContain(small);
  });

  it("leave in sends that grow from 128 KiB to 1 MiB while the connection hands all of them on", async () => {
    const { connection, clock, session } = await held();
    for (const stream of opens(session, 20)) void stream.write(new Uint8Array(MiB));
    await clock.settle();
    const sends = connection.sends.filter((length) => length > 64 * KiB);
    expect(sends[0]).toBe(8 * (16 * KiB + 8));
    expect(Math.max(...sends)).toBeGreaterThan(512 * KiB);
    expect(Math.max(...sends)).toBeLessThanOrEqual(MiB + 64 * KiB);
    expect(connection.sends.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(20 * MiB);
  });

  it("leave in sends of about 128 KiB again where the connection holds bytes back", async () => {
    const { connection, clock, session } = await held();
    for (const stream of opens(session, 20)) void stream.write(new Uint8Array(MiB));
    await clock.settle();
    connection.hasRoom = false;
    for (const stream of opens(session, 4)) void stream.write(new Uint8Array(MiB));
    await clock.settle();
    const before = connection.sends.length;
    for (let i = 0; i < 3; i++) {
      connection.drain();
      connection.hasRoom = false;
    }
    await clock.settle();
    const after = connection.sends.slice(before);
    expect(after.length).toBeGreaterThan(0);
    expect(after[0]).toBeLessThanOrEqual(128 * KiB + 64 * KiB);
  });

  it("come with control frames first", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), syn(3), syn(5));
    const [one, two, three] = [await peer.session.accept(), await peer.session.accept(), await peer.session.accept()];
    await peer.listen();
    void one.write(new Uint8Array(1_000));
    two.stop();
    three.reset();
    await peer.session.ping({ signal: AbortSignal.abort() }).catch(() => undefined);
    void peer.session.ping();
    const types = (await peer.listen()).map(({ type }) => type);
    expect(types).toEqual(["PING", "STOP", "RST", "DATA"]);
  });
});

describe("streams of one class", () => {
  it("share the link: in turns of 16 KiB", async () => {
    const { clock, session, next } = await narrow();
    const streams = opens(session, 5);
    for (const stream of streams) void stream.write(new Uint8Array(10 * MiB));
    await clock.settle();
    const sent = new Map<number, number>();
    for (let i = 0; i < 100; i++)
      for (const frame of only(next(), "DATA")) {
        expect(frame.payload.length / 2).toBeLessThanOrEqual(16 * KiB);
        sent.set(frame.streamId, (sent.get(frame.streamId) ?? 0) + frame.payload.length / 2);
      }
    const amounts = [...sent.values()];
    expect(amounts.length).toBe(5);
    expect(Math.max(...amounts) - Math.min(...amounts)).toBeLessThanOrEqual(32 * KiB);
  });

  it("take longer turns, up to 64 KiB, while the connection hands all of it on, and short ones again where it holds bytes back", async () => {
    const { connection, clock, session, next, news } = await narrow();
    const turns = (frames: readonly Frame[]): number[] => only(frames, "DATA").map(({ payload }) => payload.length / 2);
    connection.isNarrow = false;
    for (const stream of opens(session, 20)) void stream.write(new Uint8Array(2 * MiB));
    await clock.settle();
    const wide = turns(news());
    expect(Math.max(...wide.slice(0, 7))).toBe(16 * KiB);
    expect(Math.max(...wide)).toBe(64 * KiB);
    connection.isNarrow = true;
    for (const stream of opens(session, 4)) void stream.write(new Uint8Array(2 * MiB));
    await clock.settle();
    // What was to leave as it became narrow was decided before.
    for (let i = 0; i < 4; i++) next();
    const later = [...turns(next()), ...turns(next())];
    expect(later.length).toBeGreaterThan(8);
    expect(Math.max(...later)).toBe(16 * KiB);
  });

  it("share it alike though one of them had it for itself before", async () => {
    const { clock, session, next } = await narrow();
    const [first, second] = opens(session, 2) as [Stream, Stream];
    void first.write(new Uint8Array(40 * MiB));
    await clock.settle();
    for (let i = 0; i < 80; i++) next();
    void second.write(new Uint8Array(40 * MiB));
    await clock.settle();
    next();
    let [one, two] = [0, 0];
    for (let i = 0; i < 40; i++) {
      const frames = next();
      one += lengthOf(frames, first.id);
      two += lengthOf(frames, second.id);
    }
    expect(Math.abs(one - two)).toBeLessThanOrEqual(64 * KiB);
  });

  it("send whole chunks up to 64 KiB when one has the link for itself", async () => {
    const { clock, session, next, news } = await narrow();
    const [stream] = opens(session, 1) as [Stream];
    await clock.settle();
    void stream.write(new Uint8Array(MiB));
    await clock.settle();
    next();
    news();
    expect(only(next(), "DATA").map(({ payload }) => payload.length / 2)).toEqual([64 * KiB, 64 * KiB]);
  });

  it("keep DATA within maxFrameSize", async () => {
    const { clock, session, next } = await narrow({ maxFrameSize: 5_000 });
    void session.open({ type: 1 }).write(new Uint8Array(MiB));
    await clock.settle();
    let most = 0;
    for (let i = 0; i < 10; i++) for (const { payload, streamType } of only(next(), "DATA")) most = Math.max(most, payload.length / 2 + (streamType === undefined ? 0 : 4));
    expect(most).toBe(5_000);
  });

  it("let a newly active stream go first: a small request does not wait for the turns of a hundred", async () => {
    const { clock, session, next } = await narrow();
    for (const stream of opens(session, 100)) void stream.write(new Uint8Array(MiB));
    await clock.settle();
    for (let i = 0; i < 30; i++) next();
    const [request] = opens(session, 1) as [Stream];
    void request.write(new Uint8Array(100));
    await clock.settle();
    expect(lengthOf(next(), request.id)).toBe(100);
    // And again, when it has been answered.
    void request.write(new Uint8Array(100));
    await clock.settle();
    expect(lengthOf(next(), request.id)).toBe(100);
  });

  it("do not let many small senders starve a big one", async () => {
    const { clock, session, next } = await narrow();
    const [bulk] = opens(session, 1) as [Stream];
    const small = opens(session, 50);
    void bulk.write(new Uint8Array(10 * MiB));
    await clock.settle();
    let sent = 0;
    for (let i = 0; i < 100; i++) {
      for (const stream of small) void stream.write(new Uint8Array(8 * KiB));
      await clock.settle();
      sent += lengthOf(next(), bulk.id);
    }
    // 51 senders share 100 sends of 128 KiB.
    expect(sent).toBeGreaterThan((100 * 128 * KiB) / 51 / 2);
  });
});

describe("urgency", () => {
  it("goes first: all of an urgent class before any of a later one", async () => {
    const { clock, session, next } = await narrow();
    const [late] = opens(session, 1, { urgency: 7 }) as [Stream];
    const [early] = opens(session, 1, { urgency: 0 }) as [Stream];
    const [middle] = opens(session, 1) as [Stream];
    for (const stream of [late, early, middle]) void stream.write(new Uint8Array(MiB));
    await clock.settle();
    const order: number[] = [];
    for (let frames = next(); frames.length > 0; frames = next()) for (const { streamId, payload } of only(frames, "DATA")) if (payload !== "" && order.at(-1) !== streamId) order.push(streamId);
    // Their SYNs leave first, in order, with a quantum each.
    expect(order.slice(-3)).toEqual([early.id, middle.id, late.id]);
  });

  it("raised while bytes are queued takes effect at once, even behind a class that never ends", async () => {
    const { clock, session, next } = await narrow();
    const [bulk] = opens(session, 1) as [Stream];
    const idle = opens(session, 3, { urgency: 7 });
    void bulk.write(new Uint8Array(10 * MiB));
    for (const stream of idle) void stream.write(new Uint8Array(100 * KiB));
    await clock.settle();
    for (let i = 0; i < 5; i++) next();
    const [, raised] = idle as [Stream, Stream, Stream];
    raised.urgency = 0;
    await clock.settle();
    const frames = [...next(), ...next()];
    expect(lengthOf(frames, raised.id)).toBe(84 * KiB);
    expect(told(frames)).toContainEqual({ type: "OPEN", streamId: raised.id, update: true, urgency: 0, header: "" });
  });

  it("lowered while bytes are queued takes effect at once", async () => {
    const { clock, session, next } = await narrow();
    const [one, two] = opens(session, 2) as [Stream, Stream];
    for (const stream of [one, two]) void stream.write(new Uint8Array(2 * MiB));
    await clock.settle();
    next();
    two.urgency = 5;
    await clock.settle();
    next();
    let sent = 0;
    while (one.writableLength > 0) sent += lengthOf(next(), two.id);
    expect(sent).toBe(0);
  });

  it("is said in OPEN where it is not 3, and told the peer when it changes", async () => {
    const peer = await started({ role: "client" });
    peer.session.open({ urgency: 3 });
    const stream = peer.session.open({ urgency: 1 });
    expect(told(await peer.listen())).toEqual([syn(1), opening(3, 1), syn(3)]);
    stream.urgency = 1;
    expect(await peer.listen()).toEqual([]);
    stream.urgency = 4;
    stream.urgency = 5;
    expect(await peer.listen()).toEqual([{ type: "OPEN", streamId: 3, update: true, urgency: 5, header: "" }]);
  });

  it("that the peer changes is followed", async () => {
    const peer = await started({ role: "server" });
    await peer.say(opening(1, 6), syn(1));
    const stream = await peer.session.accept();
    expect(stream.urgency).toBe(6);
    await peer.say({ type: "OPEN", streamId: 1, update: true, urgency: 2, header: "" });
    expect(stream.urgency).toBe(2);
    expect(told(await peer.listen())).toEqual([]);
  });

  it.each([-1, 8, 1.5, NaN, "0"])("%s is EINVAL", async (urgency) => {
    const peer = await started({ role: "client" });
    expect(() => peer.session.open({ urgency: urgency as number })).toThrow("EINVAL");
    const stream = peer.session.open();
    expect(() => {
      stream.urgency = urgency as number;
    }).toThrow("EINVAL");
  });
});

describe("a request of 100 bytes", () => {
  it("does not wait behind megabytes of bulk on a slow link", async () => {
    const pair = new SessionPair({ link: { latencyMs: 5, bytesPerSecond: 10 * MiB }, both: { initialWindow: 16 * MiB } });
    const bulk = pair.client.open();
    await pair.advance(100);
    const sink = await pair.server.accept();
    const consume = ({ length }: Uint8Array): void => {
      sink.consume(length);
    };
    sink.attach({ data: consume, end: () => undefined, reset: () => undefined });
    const feed = (): void => {
      while (bulk.writableLength < 8 * MiB) void bulk.write(new Uint8Array(65_536));
    };
    feed();
    await pair.advance(1_000);
    let slowest = 0;
    for (let i = 0; i < 20; i++) {
      feed();
      const request = pair.client.open();
      void request.end(new Uint8Array(100));
      const accepted = pair.server.accept();
      const before = pair.clock.now();
      while ((await outcome(accepted))[0] === "pending") await pair.advance(1);
      slowest = Math.max(slowest, pair.clock.now() - before);
      (await accepted).stop();
      void (await accepted).end();
    }
    // 8 MiB would be 800 ms; what stands before it is what the connection has taken, about 192 KiB.
    expect(slowest).toBeLessThan(50);
  });
});

describe("a slow writer", () => {
  it("makes nothing leave until there is room, and then what is most urgent then", async () => {
    const { connection, clock, session, next, news } = await narrow();
    const [bulk] = opens(session, 1) as [Stream];
    void bulk.write(new Uint8Array(MiB));
    await clock.settle();
    news();
    const sends = connection.sends.length;
    const [urgent] = opens(session, 1, { urgency: 0 }) as [Stream];
    void urgent.end(bytes("now"));
    bulk.stop();
    await clock.settle();
    expect(connection.sends.length).toBe(sends);
    const frames = next();
    expect(told(frames).slice(0, 3)).toEqual([{ type: "STOP", streamId: bulk.id, code: 6 }, opening(urgent.id, 0), data(urgent.id, "now", 3)]);
  });

  it("does not keep the frame reader waiting", async () => {
    const { connection, clock, session } = await narrow();
    const [stream] = opens(session, 1) as [Stream];
    void stream.write(new Uint8Array(4 * MiB));
    await clock.settle();
    const read = stream.read();
    connection.give(data(stream.id, "answer"), { type: "PING", ack: false, opaque: "0".repeat(16) });
    expect(await codeOf(read)).toBe("resolved");
  });

  it("coalesces control frames: their number does not grow while nothing leaves", async () => {
    const connection = new NarrowConnection();
    const clock = new ManualClock();
    const session = new Session(connection, { role: "server", clock, keepAlive: false });
    connection.give(settings(), syn(1));
    await clock.settle();
    const stream = await session.accept();
    await clock.settle();
    for (let i = 0; i < 100; i++) {
      connection.give(data(1, 1_000));
      stream.tryRead();
      stream.urgency = i % 8;
      if (i % 20 === 0) connection.give({ type: "PING", ack: false, opaque: i.toString(16).padStart(16, "0") });
      await clock.settle();
    }
    stream.stop();
    const before = connection.frames.length;
    for (let i = 0; i < 5; i++) connection.drain();
    const types = connection.frames.slice(before).map(({ type }) => type).sort();
    expect(types).toEqual(["ACCEPT", "OPEN", "PING", "STOP"]);
    // Of the pings only the newest is answered.
    expect(only(connection.frames, "PING")).toEqual([{ type: "PING", ack: true, opaque: (80).toString(16).padStart(16, "0") }]);
    session.abort();
  });
});

describe("ACCEPT", () => {
  it("is not sent where data that implies it leaves in the same flush", async () => {
    const peer = await started({ role: "server", onstream: (stream) => void stream.write(bytes("hello")) });
    expect(told(await peer.say(syn(1)))).toEqual([data(1, "hello")]);
    expect(told(await peer.say(credit(1, 5)))).toEqual([]);
  });

  it("is not sent where the end implies it", async () => {
    const peer = await started({ role: "server", onstream: (stream) => void stream.end() });
    expect(told(await peer.say(syn(1)))).toEqual([data(1, "", 1)]);
  });

  it("is sent when accept(), iteration or onstream takes the stream, and not before", async () => {
    const peer = await started({ role: "server" });
    expect(told(await peer.say(syn(1), syn(3)))).toEqual([]);
    await peer.session.accept();
    expect(told(await peer.listen())).toEqual([{ type: "ACCEPT", streamId: 1, header: "" }]);
    await peer.session[Symbol.asyncIterator]().next();
    expect(told(await peer.listen())).toEqual([{ type: "ACCEPT", streamId: 3, header: "" }]);
    const push = await started({ role: "server", onstream: () => undefined });
    expect(told(await push.say(syn(1)))).toEqual([{ type: "ACCEPT", streamId: 1, header: "" }]);
  });

  it("is sent before the data where it carries a header, which `opened` resolves with", async () => {
    const pair = new SessionPair({ server: { manualAccept: true } });
    const local = pair.client.open({ header: bytes("to whom") });
    await pair.settle();
    const remote = await pair.server.accept();
    await pair.settle();
    expect(await outcome(local.opened)).toEqual(["pending"]);
    void remote.write(bytes("x"));
    remote.accept(bytes("it is me"));
    await pair.settle();
    expect(await outcome(local.opened)).toEqual(["resolved", bytes("it is me")]);
    expect(remote.header).toEqual(bytes("to whom"));
    expect(await codeOf(remote.opened)).toBe("resolved");
    expect(() => {
      local.accept();
    }).toThrow("ERR_ASTRANET_INVALID_STATE");
  });

  it("is implied by the acceptor's first bytes", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    await peer.say(data(1, "x"));
    expect(await codeOf(stream.opened)).toBe("resolved");
  });

  it("may be refused instead, with manualAccept: ECONNREFUSED, retryable", async () => {
    const pair = new SessionPair({ server: { manualAccept: true } });
    const local = pair.client.open();
    await pair.settle();
    await pair.client.ping({ signal: AbortSignal.abort() }).catch(() => undefined);
    const remote = await pair.server.accept();
    remote.refuse("not today");
    await pair.settle();
    const [, error] = await outcome(local.opened);
    expect(error).toMatchObject({ code: "ECONNREFUSED", retryable: true });
    expect(String(error)).toContain("not today");
    expect(await codeOf(remote.read())).toBe("ECONNREFUSED");
    const [, accepted] = [pair.client.open(), await pair.settle().then(() => pair.server.accept())];
    accepted.accept();
    expect(() => {
      accepted.refuse();
    }).toThrow("ERR_ASTRANET_INVALID_STATE");
  });
});
