import { Flag } from "@astranet/frame";
import { describe, expect, it } from "vitest";
import { bytes, credit, data, fin, goAway, only, rst, settings, started, stop, syn, text, textOf, told } from "./support/frames.ts";
import { codeOf, outcome, SessionPair, thrown } from "./support/session-pair.ts";

describe("the end of a stream", () => {
  it("is read only after all data", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.write(bytes("first"));
    void local.end(bytes("last"));
    await pair.settle();
    let all = "";
    for await (const chunk of remote) all += text(chunk) ?? "";
    expect(all).toBe("firstlast");
    expect(await remote.read()).toBeNull();
    expect(remote.tryRead()).toBeNull();
  });

  it("comes to a read that waits", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const read = remote.read();
    void local.end();
    await pair.settle();
    expect(await outcome(read)).toEqual(["resolved", null]);
  });

  it("with SYN and FIN in one frame closes only the sender's half", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "question", Flag.FIN));
    const stream = await peer.session.accept();
    expect(text(await stream.read())).toBe("question");
    expect(await stream.read()).toBeNull();
    expect(peer.session.streamCount).toBe(1);
    void stream.write(bytes("an "));
    void stream.end(bytes("answer"));
    expect(textOf(await peer.listen(), 1)).toBe("an answer");
    expect(peer.session.streamCount).toBe(0);
    expect(await codeOf(stream.closed)).toBe("resolved");
  });

  it("leaves in the SYN where open and end happen in one tick", async () => {
    const peer = await started({ role: "client" });
    void peer.session.open().end(bytes("question"));
    void peer.session.open().end();
    expect(await peer.listen()).toEqual([syn(1, "question", Flag.FIN), syn(3, "", Flag.FIN)]);
  });

  it("waits for the bytes that have no credit yet", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    const end = stream.end(new Uint8Array(70_000));
    const frames = await peer.listen();
    expect(only(frames, "DATA").map(({ flags }) => flags & Flag.FIN)).not.toContain(Flag.FIN);
    expect(await codeOf(end)).toBe("pending");
    const rest = only(await peer.say(credit(1, 10_000)), "DATA");
    expect(rest.at(-1)).toMatchObject({ flags: Flag.FIN });
    expect(await codeOf(end)).toBe("resolved");
  });

  it("may be said again, but not with bytes", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.end(bytes("x"));
    expect(await codeOf(local.end(bytes("y")))).toBe("ERR_ASTRANET_INVALID_STATE");
    expect(await codeOf(local.write(bytes("y")))).toBe("ERR_ASTRANET_INVALID_STATE");
    expect(() => local.tryWrite(bytes("y"))).toThrow("ERR_ASTRANET_INVALID_STATE");
    await pair.settle();
    expect(await codeOf(local.end())).toBe("resolved");
    expect(text(await remote.read())).toBe("x");
    expect(await remote.read()).toBeNull();
  });

  it("of both sides at once, before either knew, is one clean end", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.end(bytes("a"));
    void remote.end(bytes("b"));
    await pair.settle();
    expect([text(await local.read()), text(await remote.read())]).toEqual(["b", "a"]);
    expect([await local.read(), await remote.read()]).toEqual([null, null]);
    expect([await codeOf(local.closed), await codeOf(remote.closed)]).toEqual(["resolved", "resolved"]);
    expect([pair.client.streamCount, pair.server.streamCount]).toEqual([0, 0]);
  });

  it("of the last stream leaves what came readable, though the stream is over", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void remote.end();
    void local.end(bytes("late reader"));
    await pair.settle();
    expect(pair.server.streamCount).toBe(0);
    expect(text(await remote.read())).toBe("late reader");
    expect(await remote.read()).toBeNull();
  });
});

describe("DATA after FIN", () => {
  it("ends the session with PROTOCOL while the stream is open", async () => {
    const peer = await started({ role: "server" });
    const frames = await peer.say(syn(1, "", Flag.FIN), data(1, "more"));
    expect(only(frames, "GOAWAY")).toMatchObject([{ code: 1 }]);
    expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_PROTOCOL");
  });

  it("is discarded, and counts for the link, when the stream is over", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    (await peer.session.accept()).reset();
    const before = peer.session.stats().receivedBytes;
    expect(told(await peer.say(data(1, 1_000), credit(1, 5), stop(1), rst(1, 6), fin(1)))).toEqual([rst(1, 6)]);
    expect(peer.session.stats()).toMatchObject({ receivedBytes: before + 1_008 + 12 + 12 + 12 + 8, unreadBytes: 0, streams: 0 });
  });
});

describe("an RST", () => {
  it("after the peer's FIN ends only the writing half: what came before stays readable, then the end", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "kept", Flag.FIN));
    const stream = await peer.session.accept();
    void stream.write(bytes("answer"));
    await peer.say(rst(1, 7));
    expect(await codeOf(stream.write(bytes("more")))).toBe("ECONNRESET");
    expect(text(await stream.read())).toBe("kept");
    expect(await stream.read()).toBeNull();
    expect(peer.session.streamCount).toBe(0);
  });

  it("before the FIN drops what was not read", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "lost"));
    const stream = await peer.session.accept();
    await peer.say(rst(1, 7));
    expect(await codeOf(stream.read())).toBe("ECONNRESET");
    expect(thrown(() => stream.tryRead())).toMatchObject({ code: "ECONNRESET", remoteCode: 7 });
    expect(peer.session.stats()).toMatchObject({ unreadBytes: 0, streams: 0 });
  });

  it("with HALF ends only the peer's writing half", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "lost"));
    const stream = await peer.session.accept();
    await peer.say(rst(1, 7, Flag.HALF));
    expect(await codeOf(stream.read())).toBe("ECONNRESET");
    void stream.end(bytes("still heard"));
    expect(textOf(await peer.listen(), 1)).toBe("still heard");
    expect(peer.session.streamCount).toBe(0);
    expect(await codeOf(stream.closed)).toBe("ECONNRESET");
  });

  it("with HALF settles `opened` of a stream that nobody accepts any more", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    const { opened } = stream;
    void stream.end();
    await peer.listen();
    await peer.say(rst(1, 7, Flag.HALF));
    expect(peer.session.streamCount).toBe(0);
    expect(await codeOf(opened)).toBe("ECONNRESET");
    expect(await codeOf(stream.opened)).toBe("ECONNRESET");
  });

  it("that crosses ours is no mistake", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    local.reset(300);
    remote.reset(301);
    await pair.settle();
    expect([pair.client.streamCount, pair.server.streamCount]).toEqual([0, 0]);
    expect([await outcome(pair.client.closed), await outcome(pair.server.closed)]).toEqual([["pending"], ["pending"]]);
  });

  it("in the middle of a DATA frame leaves nothing of the rest behind", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    // A frame of 100 bytes, of which 60 come later.
    await peer.say(Uint8Array.of(0, 0, 100, 0x10, 0, 0, 0, 1), new Uint8Array(40));
    expect(stream.readableLength).toBe(40);
    stream.reset();
    await peer.say(new Uint8Array(60), syn(3, "next"));
    expect(peer.session.stats()).toMatchObject({ unreadBytes: 4, streams: 1 });
    expect(peer.session._options.budget.unreadBytes).toBe(4);
    expect(stream.readableLength).toBe(0);
  });
});

describe("stop()", () => {
  it("makes the peer's writes fail with EPIPE, drops what came, and keeps our direction", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.write(bytes("unread"));
    await pair.settle();
    remote.stop(256);
    await pair.settle();
    expect((await outcome(local.write(bytes("x"))))[1]).toMatchObject({ code: "EPIPE", remoteCode: 256 });
    expect(await codeOf(remote.read())).toBe("ERR_ASTRANET_INVALID_STATE");
    void remote.end(bytes("bye"));
    await pair.settle();
    expect(text(await local.read())).toBe("bye");
    expect(await local.read()).toBeNull();
    expect([pair.client.streamCount, pair.server.streamCount]).toEqual([0, 0]);
    expect([await codeOf(local.closed), await codeOf(remote.closed)]).toEqual(["resolved", "resolved"]);
  });

  it("that crosses the FIN is no mistake", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.end(bytes("all of it"));
    remote.stop();
    await pair.settle();
    void remote.end();
    await pair.settle();
    expect([pair.client.streamCount, pair.server.streamCount]).toEqual([0, 0]);
    expect([await codeOf(local.closed), await codeOf(remote.closed)]).toEqual(["resolved", "resolved"]);
  });

  it("ends a read that waits, and is not said twice", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    await peer.listen();
    const read = stream.read();
    stream.stop();
    stream.stop(7);
    expect(await outcome(read)).toEqual(["resolved", null]);
    expect(await peer.listen()).toEqual([stop(1, 6)]);
  });

  it("after the peer's FIN only drops what came", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "unread", Flag.FIN));
    const stream = await peer.session.accept();
    await peer.listen();
    stream.stop();
    expect(await peer.listen()).toEqual([]);
    expect(peer.session.stats().unreadBytes).toBe(0);
  });

  it("is what leaving a loop early means", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.write(bytes("x"));
    await pair.settle();
    for await (const chunk of remote) {
      expect(text(chunk)).toBe("x");
      break;
    }
    await pair.settle();
    expect(await codeOf(local.write(bytes("y")))).toBe("EPIPE");
  });

  it("discards what still comes and returns its credit", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    stream.stop();
    await peer.listen();
    const frames = await peer.say(data(1, 65_536), data(1, 65_536));
    expect(only(frames, "WNDINC")).toEqual([credit(1, 131_072)]);
    expect(peer.session.stats().unreadBytes).toBe(0);
  });
});

describe("close() of a stream", () => {
  it("is end and stop, and resolves when both directions are done", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.write(bytes("heard"));
    const closed = local.close();
    await pair.settle();
    expect(text(await remote.read())).toBe("heard");
    expect(await remote.read()).toBeNull();
    expect(await codeOf(remote.write(bytes("x")))).toBe("EPIPE");
    expect(await codeOf(closed)).toBe("resolved");
    expect([pair.client.streamCount, pair.server.streamCount]).toEqual([0, 0]);
    expect(await codeOf(local.close())).toBe("resolved");
  });

  it("of both sides at once is clean", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void remote.write(bytes("unread"));
    await pair.settle();
    const closed = [local.close(), remote.close()];
    await pair.settle();
    for (const promise of closed) expect(await codeOf(promise)).toBe("resolved");
    expect([pair.client.streamCount, pair.server.streamCount]).toEqual([0, 0]);
    expect(pair.client.stats().unreadBytes).toBe(0);
  });

  it("resets a stream whose peer does nothing for closeTimeoutMs", async () => {
    const peer = await started({ role: "server", closeTimeoutMs: 700 });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    const closed = stream.close();
    await peer.listen();
    await peer.clock.advance(699);
    expect(await codeOf(closed)).toBe("pending");
    await peer.clock.advance(1);
    expect(await codeOf(closed)).toBe("resolved");
    expect(peer.news().at(-1)).toEqual(rst(1, 6));
    expect(peer.session.streamCount).toBe(0);
  });

  it("before anybody accepts does not take away what was said", async () => {
    const pair = new SessionPair();
    const stream = pair.client.open();
    void stream.write(bytes("fire and forget"));
    const closed = stream.close();
    await pair.settle();
    const remote = await pair.server.accept();
    expect(text(await remote.read())).toBe("fire and forget");
    expect(await remote.read()).toBeNull();
    await pair.settle();
    expect(await codeOf(closed)).toBe("resolved");
    expect([pair.client.streamCount, pair.server.streamCount]).toEqual([0, 0]);
  });

  it("is what `await using` does", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const disposed = local[Symbol.asyncDispose]();
    await pair.settle();
    expect(await remote.read()).toBeNull();
    expect(await codeOf(disposed)).toBe("resolved");
  });
});

describe("a handler", () => {
  it("may reset a stream in onstream, with its bytes behind it", async () => {
    const peer = await started({
      role: "server",
      onstream: (stream) => {
        stream.reset(256);
      },
    });
    const frames = await peer.say(syn(1, "unwanted"), data(1, "more"));
    expect(told(frames)).toEqual([rst(1, 256)]);
    expect(peer.session.stats()).toMatchObject({ unreadBytes: 0, streams: 0 });
    expect(peer.session._options.budget.unreadBytes).toBe(0);
  });

  it("that throws in onstream breaks its own stream; the error surfaces and the session goes on", async () => {
    const failure = new Error("a mistake of the application");
    const heard: string[] = [];
    const peer = await started({
      role: "server",
      onstream: (stream) => {
        if (stream.id === 1) throw failure;
        heard.push(String(stream.id));
      },
    });
    await expect(peer.say(syn(1, "a"), syn(3, "b"))).rejects.toBe(failure);
    expect(told(await peer.listen()).filter(({ type }) => type === "RST")).toEqual([rst(1, 2)]);
    expect(heard).toEqual(["3"]);
    expect(peer.session.streamCount).toBe(1);
    expect(await codeOf(peer.session.closed)).toBe("pending");
  });

  it("may end the session in onstream", async () => {
    const peer = await started({
      role: "server",
      onstream: ({ session }) => {
        session.abort("enough");
      },
    });
    await peer.say(syn(1, "a"), syn(3, "b"));
    expect(peer.session.stats().accepted).toBe(1);
    expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_SESSION_CLOSED");
  });

  it("may open a stream in onstream, and cannot when the session is over", async () => {
    const peer = await started({ role: "server", onstream: ({ session }) => void session.open().end(bytes("back")) });
    expect(told(await peer.say(syn(1)))).toContainEqual(syn(2, "back", Flag.FIN));
    const error = peer.session.closed.catch(() => thrown(() => peer.session.open()));
    await peer.cut();
    expect(await error).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
  });
});

describe("a FIN and an RST of the writing half in one tick", () => {
  it("are one end on the wire", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    void stream.end();
    await stream.writable.abort();
    const frames = told(await peer.listen());
    expect(frames.length).toBe(1);
  });
});

describe("a session that nobody speaks on", () => {
  it("says nothing but SETTINGS, and ends cleanly on a GOAWAY", async () => {
    const peer = await started({ role: "server" });
    expect(told(peer.frames)).toEqual([]);
    await peer.say(goAway(0));
    await peer.end();
    expect(await outcome(peer.session.closed)).toEqual(["resolved", { code: 0, debug: "", remote: true }]);
    expect(settings().type).toBe("SETTINGS");
  });
});
