import { Flag } from "@astranet/frame";
import { Session, type Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { accepted, bytes, credit, data, fin, goAway, link, only, opening, ping, rst, settings, started, stop, syn, text, textOf, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";
import { withinTick } from "./support/within-tick.ts";

describe("a stream whose SYN has not left", () => {
  it("may be stopped, ended, given an urgency and closed: the peer sees it all in order", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    stream.urgency = 1;
    stream.stop(256);
    void stream.end(bytes("x"));
    const frames = told(await peer.listen());
    expect(frames[0]).toEqual(opening(1, 1));
    expect(frames[1]).toEqual(syn(1, "x", Flag.FIN));
    expect(frames).toContainEqual(stop(1, 256));
  });

  it("may be closed while it waits for the peer's limit, and is broken after closeTimeoutMs without a frame", async () => {
    const peer = await started({ role: "client", closeTimeoutMs: 100, keepAlive: false });
    for (let i = 0; i < 1_024; i++) peer.session.open();
    const waiting = peer.session.open();
    void waiting.write(bytes("never"));
    const closed = waiting.close();
    await peer.listen();
    await peer.clock.advance(100);
    expect(await codeOf(closed)).toBe("resolved");
    expect(told(await peer.say(rst(1, 6)))).toEqual([]);
    expect(peer.session.streamCount).toBe(1_023);
    expect(peer.session._sender.pendingOpens).toBe(0);
  });

  it("has its writes counted and framed when there is room for it", async () => {
    const peer = await started({ role: "client", keepAlive: false });
    for (let i = 0; i < 1_024; i++) peer.session.open();
    const waiting = peer.session.open({ header: bytes("h"), urgency: 0, type: 5 });
    void waiting.end(bytes("patience"));
    await peer.listen();
    expect(told(await peer.say(rst(1, 6)))).toEqual([
      { ...opening(2_049, 0, "h") },
      { ...syn(2_049, "patience", Flag.FIN), flags: 7, streamType: 5 },
    ]);
    expect(peer.session.stats().queuedBytes).toBe(0);
  });
});

describe("frames that cross", () => {
  it("a WNDINC for a half that is ended is ignored", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.end(bytes("x"));
    await peer.listen();
    expect(told(await peer.say(credit(1, 1_000)))).toEqual([]);
    expect(await codeOf(stream.read())).toBe("pending");
  });

  it("data and FIN that meet our RST are discarded", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "a"));
    const stream = await peer.session.accept();
    await peer.listen();
    stream.reset(300);
    expect(told(await peer.say(data(1, "b"), fin(1), credit(1, 9), accepted(1)))).toEqual([rst(1, 300)]);
    expect(peer.session.stats()).toMatchObject({ streams: 0, unreadBytes: 0 });
  });

  it("an RST that meets our end leaves nothing to say", async () => {
    const { connection, session, stream, rest } = await withinTick();
    void stream.end(bytes("x"));
    stream.stop();
    connection.give(rst(1, 6));
    expect(await rest()).toEqual([]);
    expect([session.streamCount, session.stats().queuedBytes, await codeOf(stream.closed)]).toEqual([0, 0, "ECONNRESET"]);
  });

  it("a STOP that meets our end, or our RST of that half, leaves one end of it", async () => {
    for (const abort of [true, false]) {
      const { connection, session, stream, rest } = await withinTick();
      if (abort) await stream.writable.abort();
      else void stream.end(bytes("x"));
      connection.give(stop(1));
      expect(await rest()).toEqual([abort ? rst(1, 6, Flag.HALF) : fin(1)]);
      connection.give(fin(1));
      expect(session.streamCount).toBe(0);
    }
  });

  it("a STOP that crosses our end changes nothing, and its code is known", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.end(bytes("all"));
    await peer.listen();
    await peer.say(stop(1, 300), stop(1, 301));
    expect(told(await peer.listen())).toEqual([]);
    expect(stream.stoppedWith).toBe(300);
    expect(() => stream.tryWrite(bytes("more"))).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INVALID_STATE" }));
    await stream.end();
    await stream.writeClosed;
    await peer.say(fin(1, "answer"));
    expect(text(await stream.read())).toBe("answer");
    await stream.closed;
  });

  it("a STOP before our RST of that half leaves the FIN", async () => {
    const { connection, stream, rest } = await withinTick();
    connection.give(stop(1));
    void stream.writable.abort();
    expect(await rest()).toEqual([fin(1)]);
  });

  it("a FIN that meets our STOP makes it needless", async () => {
    const { connection, session, stream, rest } = await withinTick();
    stream.stop();
    connection.give(fin(1, "x"));
    expect(await rest()).toEqual([]);
    void stream.end();
    expect(await rest()).toEqual([fin(1)]);
    expect(session.streamCount).toBe(0);
  });

  it("a reset of ours after an end, in one tick, is an RST alone", async () => {
    const { session, stream, rest } = await withinTick();
    void stream.end(bytes("x"));
    stream.urgency = 5;
    stream.reset(300);
    expect(await rest()).toEqual([rst(1, 300)]);
    expect(session.stats().queuedBytes).toBe(0);
  });

  it("a GOAWAY of both sides lets streams of both finish", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const back = pair.server.open();
    await pair.settle();
    const there = await pair.client.accept();
    pair.client.goAway();
    pair.server.goAway();
    await pair.settle();
    for (const stream of [local, back]) void stream.end(bytes("x"));
    await pair.settle();
    expect([text(await remote.read()), text(await there.read())]).toEqual(["x", "x"]);
    for (const stream of [remote, there]) void stream.end();
    await pair.settle();
    expect([await codeOf(pair.client.closed), await codeOf(pair.server.closed)]).toEqual(["resolved", "resolved"]);
  });
});

describe("an accept that waits", () => {
  it("is not given a stream that was reset before anybody took it", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "a"), rst(1, 6), syn(3, "b"));
    expect((await peer.session.accept()).id).toBe(3);
    expect(peer.session.stats()).toMatchObject({ backlog: 0, streams: 1, unreadBytes: 1 });
  });

  it("is given one that ended properly, with all it said", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "said", Flag.FIN), stop(1));
    const stream = await peer.session.accept();
    expect(text(await stream.read())).toBe("said");
    expect(await stream.read()).toBeNull();
    expect(await codeOf(stream.closed)).toBe("resolved");
    expect(told(await peer.listen())).toEqual([]);
  });

  it("with onstream is a mistake", async () => {
    const peer = await started({ role: "server", onstream: () => undefined });
    expect(await codeOf(peer.session.accept())).toBe("ERR_ASTRANET_INVALID_STATE");
  });

  it("gives streams in the order they were opened, to calls in the order they were made", async () => {
    const peer = await started({ role: "server" });
    const calls = [peer.session.accept(), peer.session.accept()];
    await peer.say(syn(1), syn(3), syn(5));
    expect([...(await Promise.all(calls)), await peer.session.accept()].map(({ id }) => id)).toEqual([1, 3, 5]);
  });
});

describe("the application, in a call of ours", () => {
  it("may close the session while it reads the last bytes", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const heard: string[] = [];
    remote.attach({
      data: (chunk) => {
        heard.push(text(chunk) ?? "");
        void pair.server.close();
        void remote.end();
      },
      end: () => heard.push("end"),
      reset: () => heard.push("reset"),
    });
    void local.end(bytes("last"));
    await pair.settle();
    expect(heard).toEqual(["last", "end"]);
    expect([await codeOf(pair.client.closed), await codeOf(pair.server.closed)]).toEqual(["resolved", "resolved"]);
  });

  it("may abort the session in the middle of a chunk full of frames", async () => {
    const connection = new HeldConnection();
    const heard: number[] = [];
    const session: Session = new Session(connection, {
      role: "server",
      clock: new ManualClock(),
      onstream: (stream) => {
        heard.push(stream.id);
        if (stream.id === 3) session.abort();
      },
    });
    connection.give(settings(), syn(1, "a"), syn(3, "b"), syn(5, "c"), data(1, "d"), fin(1));
    expect(heard).toEqual([1, 3]);
    expect([session.streamCount, await codeOf(session.closed)]).toEqual([0, "ERR_ASTRANET_SESSION_CLOSED"]);
  });

  it("may open streams, reset others and write within a sink, and all of it leaves", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), syn(3));
    const [one, three] = [await peer.session.accept(), await peer.session.accept()];
    await peer.listen();
    let opened: Stream | undefined;
    one.attach({
      data: () => {
        three.reset(300);
        opened = peer.session.open();
        void opened.end(bytes("from within"));
        void one.write(bytes("echo"));
      },
      end: () => undefined,
      reset: () => undefined,
    });
    const frames = told(await peer.say(data(1, "go"), data(3, "late")));
    expect(frames).toContainEqual(rst(3, 300));
    expect(textOf(frames, 1)).toBe("echo");
    expect(textOf(frames, opened?.id ?? 0)).toBe("from within");
  });

  it("may read again within the reaction to a read, and end within a ready", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const all: string[] = [];
    const reading = (async () => {
      for await (const chunk of remote) all.push(text(chunk) ?? "");
    })();
    for (const word of ["a", "b", "c"]) {
      void local.write(bytes(word));
      await pair.settle();
    }
    void local.ready().then(() => local.end());
    await pair.settle();
    await reading;
    expect(all).toEqual(["a", "b", "c"]);
  });
});

describe("SETTINGS", () => {
  it("with unknown items, and at their least and most, are taken", async () => {
    for (const more of [{}, { initialWindow: 2 ** 31 - 1, linkWindow: 2 ** 32 - 1, maxStreams: 2 ** 32 - 1, idleTimeoutMs: 2 ** 32 - 1, maxHeader: 65_535, features: 2 ** 32 - 1 }]) {
      const peer = await started({ role: "client" }, more);
      const stream = peer.session.open();
      void stream.end(bytes("x"));
      expect(textOf(await peer.listen(), 1)).toBe("x");
      expect(await codeOf(peer.session.closed)).toBe("pending");
    }
  });

  it("of a window near 2^31 leave a stream that gets more credit broken as FLOW_CONTROL only beyond it", async () => {
    const peer = await started({ role: "client" }, { initialWindow: 2 ** 31 - 1 });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(10));
    await peer.listen();
    await peer.say(credit(1, 10));
    expect(await codeOf(peer.session.closed)).toBe("pending");
    expect(only(await peer.say(credit(1, 1)), "GOAWAY")).toMatchObject([{ code: 3 }]);
  });

  it("that never come leave a session that works within the floors", async () => {
    const peer = new RawPeer({ role: "client", keepAlive: false });
    const stream = peer.session.open({ header: bytes("x") });
    void stream.end(new Uint8Array(65_536));
    const frames = await peer.listen();
    expect(only(frames, "DATA").at(-1)).toMatchObject({ flags: Flag.FIN });
  });
});

describe("a session under a LINK that never comes", () => {
  it("still answers pings, resets and ends, and goes on when it comes", async () => {
    const peer = await started({ role: "server", keepAlive: false }, { initialWindow: 2 ** 22 });
    await peer.say(syn(1), syn(3));
    const [bulk, other] = [await peer.session.accept(), await peer.session.accept()];
    void bulk.write(new Uint8Array(2 ** 21));
    void other.end();
    await peer.listen();
    const end = bulk.end();
    expect(told(await peer.say(ping(4), rst(3, 6)))).toEqual([]);
    expect(peer.frames).toContainEqual(ping(4, true));
    const rest = await peer.say(link(0, 2 ** 30));
    expect(only(rest, "DATA").at(-1)).toMatchObject({ streamId: 1, flags: Flag.FIN });
    expect(await codeOf(end)).toBe("resolved");
  });
});

describe("two sessions that both say they are clients", () => {
  it("fail at the first SYN, in words", async () => {
    const clock = new ManualClock();
    const connection = new HeldConnection();
    const session = new Session(connection, { role: "client", clock });
    connection.give(settings(), syn(1));
    expect(String((await outcome(session.closed))[1])).toContain("ours to give");
    expect(only(connection.frames, "GOAWAY")).toMatchObject([goAway(0, 1, "SYN with id 1, which is ours to give")]);
  });
});
