import { Session, type Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { bytes, fin, goAway, only, rst, settings, started, syn, text, textOf, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

describe("the death of a link", () => {
  it("reaches every call that waits, exactly once, as ECONNRESET", async () => {
    const peer = await started({ role: "client" });
    const { session } = peer;
    const stream = session.open();
    await peer.listen();
    void stream.write(new Uint8Array(65_536));
    await peer.listen();
    void stream.write(new Uint8Array(10));
    const calls: Record<string, Promise<unknown>> = {
      read: stream.read(),
      write: stream.write(new Uint8Array(10)),
      ready: stream.ready(),
      end: stream.end(),
      opened: stream.opened,
      closed: stream.closed,
      accept: session.accept(),
      next: session[Symbol.asyncIterator]().next(),
      ping: session.ping(),
      session: session.closed,
    };
    const seen: string[] = [];
    for (const [name, call] of Object.entries(calls))
      call.then(
        () => seen.push(`${name} resolved`),
        (error: unknown) => seen.push(AstraError.is(error, "ECONNRESET") && !error.retryable ? name : `${name}: ${String(error)}`),
      );
    await peer.cut();
    expect(seen.sort()).toEqual(Object.keys(calls).sort());
    expect(session.streamCount).toBe(0);
    // And every later call.
    expect(await codeOf(stream.read())).toBe("ECONNRESET");
    expect(await codeOf(stream.write(bytes("x")))).toBe("ECONNRESET");
    expect(await codeOf(session.accept())).toBe("ECONNRESET");
    expect(await codeOf(session.ping())).toBe("ECONNRESET");
    expect(await codeOf(session.draining)).toBe("resolved");
    expect(await codeOf(session.close())).toBe("resolved");
    expect(await codeOf(stream.close())).toBe("resolved");
  });

  it("names the node that the connection's end was due to, where the connection says so", async () => {
    const pair = new SessionPair();
    const [local] = await pair.stream();
    pair.connections[0].abort(new AstraError("ECONNRESET", "a relay lost its link", { via: ["a000000000000001"] }));
    await pair.settle();
    expect(await outcome(local.closed)).toMatchObject(["rejected", { code: "ECONNRESET", retryable: false, via: ["a000000000000001"] }]);
  });

  it("tells an attached sink once", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "a"));
    const stream = await peer.session.accept();
    const heard: string[] = [];
    stream.attach({ data: (chunk) => heard.push(text(chunk) ?? ""), end: () => heard.push("end"), reset: ({ code }) => heard.push(code) });
    await peer.cut();
    stream.reset();
    expect(heard).toEqual(["a", "ECONNRESET"]);
  });

  it("lets what arrived be read first", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1, "arrived"), syn(3, "arrived"), fin(3));
    const [open, ended] = [await peer.session.accept(), await peer.session.accept()];
    await peer.cut();
    expect(text(await open.read())).toBe("arrived");
    expect(await codeOf(open.read())).toBe("ECONNRESET");
    expect(text(await ended.read())).toBe("arrived");
    expect(await ended.read()).toBeNull();
    expect(await codeOf(ended.write(bytes("x")))).toBe("ECONNRESET");
  });

  it("without a GOAWAY is never a clean end, however gently it comes", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    await peer.end();
    expect(await codeOf(peer.session.closed)).toBe("ECONNRESET");
    expect(await codeOf(stream.read())).toBe("ECONNRESET");
  });

  it("fails streams whose SYN never left as retryable", async () => {
    const peer = await started({ role: "client" }, { maxStreams: 1_024 });
    const streams = Array.from({ length: 1_025 }, () => peer.session.open());
    await peer.listen();
    await peer.cut();
    expect((await outcome((streams[1_024] as Stream).read()))[1]).toMatchObject({ code: "ECONNRESET", retryable: true });
    expect((await outcome((streams[1_023] as Stream).read()))[1]).toMatchObject({ code: "ECONNRESET", retryable: false });
  });

  it("after a GOAWAY, with streams still open, is a death like any other", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    await peer.say(goAway(1));
    await peer.cut();
    expect(await codeOf(stream.read())).toBe("ECONNRESET");
    expect(await codeOf(peer.session.closed)).toBe("ECONNRESET");
  });

  it("keeps the reason of a transport that gave one", async () => {
    const connection = new HeldConnection();
    const session = new Session(connection, { role: "client", clock: new ManualClock() });
    const reason = new AstraError("ERR_ASTRANET_HANDSHAKE", "the record does not decrypt");
    connection.closed(reason);
    expect(await outcome(session.closed)).toEqual(["rejected", reason]);
    const other = new HeldConnection();
    const broken = new Session(other, { role: "client", clock: new ManualClock() });
    const cause = new Error("cable");
    other.closed(cause);
    expect((await outcome(broken.closed))[1]).toMatchObject({ code: "ECONNRESET", cause });
  });
});

describe("abort()", () => {
  it("ends everything at once with ERR_ASTRANET_SESSION_CLOSED, its cause the reason", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const reason = new Error("enough");
    pair.client.abort(reason);
    pair.client.abort();
    expect((await outcome(local.read()))[1]).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", cause: reason });
    expect((await outcome(pair.client.closed))[1]).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", cause: reason });
    expect(() => pair.client.open()).toThrow("ERR_ASTRANET_SESSION_CLOSED");
    await pair.settle();
    expect(await codeOf(remote.read())).toBe("ECONNRESET");
    await expect(pair.client[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
  });

  it("leaves no timer behind", async () => {
    const pair = new SessionPair();
    const [local] = await pair.stream();
    local.setDeadline(60_000);
    void local.close();
    void pair.client.ping();
    void pair.server.close();
    pair.client.abort();
    pair.server.abort();
    await pair.settle();
    expect(pair.clock.timers).toBe(0);
  });
});

describe("goAway()", () => {
  it("names the last stream that was handed to the application; those above it fail there as retryable", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), syn(3), syn(5));
    const taken = await peer.session.accept();
    peer.session.goAway(300, "moving house");
    expect(only(await peer.listen(), "GOAWAY")).toEqual([goAway(1, 300, "moving house")]);
    expect(peer.session.streamCount).toBe(1);
    expect(peer.session.stats().backlog).toBe(0);
    expect(await codeOf(peer.session.accept())).toBe("ERR_ASTRANET_SESSION_CLOSED");
    // What the peer had on its way is discarded without a word.
    expect(told(await peer.say(syn(7, "x"), rst(3, 6), fin(5, "y")))).toEqual([]);
    void taken.end(bytes("z"));
    expect(textOf(await peer.listen(), 1)).toBe("z");
    expect(peer.session.stats()).toMatchObject({ streams: 1, unreadBytes: 0 });
  });

  it("counts a stream that onstream got as handed out, and with manualAccept too", async () => {
    const peer = await started({ role: "server", onstream: () => undefined, manualAccept: true });
    await peer.say(syn(1), syn(3));
    peer.session.goAway();
    expect(only(await peer.listen(), "GOAWAY")).toEqual([goAway(3)]);
  });

  it("leaves open() working here, and makes it throw there, retryable", async () => {
    const pair = new SessionPair();
    await pair.settle();
    pair.server.goAway();
    const own = pair.server.open();
    await pair.settle();
    expect((await pair.client.accept()).id).toBe(own.id);
    expect(() => pair.client.open()).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_SESSION_DRAINING", retryable: true }) as Error);
    expect([await codeOf(pair.client.draining), await codeOf(pair.server.draining)]).toEqual(["resolved", "resolved"]);
  });

  it("fails streams whose SYN had not left as retryable", async () => {
    const peer = await started({ role: "client" }, { maxStreams: 1_024 });
    const streams = Array.from({ length: 1_026 }, () => peer.session.open());
    await peer.listen();
    await peer.say(goAway(2_047));
    for (const stream of streams.slice(1_024)) expect((await outcome(stream.read()))[1]).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true });
    expect(await codeOf((streams[1_023] as Stream).read())).toBe("pending");
  });

  it("ends the side that got it when no stream is left", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    pair.server.goAway();
    await pair.settle();
    expect(await codeOf(pair.client.closed)).toBe("pending");
    void local.end();
    void remote.end();
    await pair.settle();
    expect(await outcome(pair.client.closed)).toEqual(["resolved", { code: 0, debug: "", remote: true }]);
    expect(await codeOf(pair.server.closed)).toBe("resolved");
  });

  it("tells the peer its code and text in `closed`", async () => {
    const pair = new SessionPair();
    await pair.settle();
    pair.server.goAway(300, "moving house");
    await pair.settle();
    expect(await outcome(pair.client.closed)).toEqual(["resolved", { code: 300, debug: "moving house", remote: true }]);
    expect(await codeOf(pair.server.closed)).toBe("resolved");
  });

  it("keeps its code when close() follows", async () => {
    const peer = await started({ role: "server" });
    peer.session.goAway(300, "moving house");
    void peer.session.close();
    expect(only(await peer.listen(), "GOAWAY")).toEqual([goAway(0, 300, "moving house")]);
    await peer.end();
    expect(await outcome(peer.session.closed)).toEqual(["resolved", { code: 300, debug: "moving house", remote: false }]);
  });
});

describe("close()", () => {
  it("lets running streams finish, and resolves when the session is over", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const closed = pair.client.close();
    expect(() => pair.client.open()).toThrow("ERR_ASTRANET_SESSION_CLOSED");
    void local.end(bytes("last words"));
    await pair.settle();
    expect(text(await remote.read())).toBe("last words");
    expect(await codeOf(closed)).toBe("pending");
    void remote.end(bytes("answer"));
    await pair.settle();
    expect(await codeOf(closed)).toBe("resolved");
    // An end that nobody read does not delay it, and is not lost.
    expect(text(await local.read())).toBe("answer");
    expect(await local.read()).toBeNull();
    expect(await outcome(pair.client.closed)).toEqual(["resolved", { code: 0, debug: "", remote: false }]);
    expect(await codeOf(pair.client.close())).toBe("resolved");
    await pair.settle();
    expect(pair.clock.timers).toBe(0);
  });

  it("waits closeTimeoutMs at most; what still runs breaks with ERR_ASTRANET_SESSION_CLOSED", async () => {
    const pair = new SessionPair({ client: { closeTimeoutMs: 800 } });
    const [local] = await pair.stream();
    const read = local.read();
    const closed = pair.client.close();
    await pair.advance(799);
    expect([await codeOf(read), await codeOf(closed)]).toEqual(["pending", "pending"]);
    await pair.advance(1);
    expect(await codeOf(read)).toBe("ERR_ASTRANET_SESSION_CLOSED");
    await pair.settle();
    expect(await codeOf(closed)).toBe("resolved");
    expect(await codeOf(pair.server.closed)).toBe("resolved");
  });

  it("of both sides at once is clean on both", async () => {
    const pair = new SessionPair();
    for (const stream of await pair.stream()) void stream.end();
    const closed = [pair.client.close(), pair.server.close()];
    await pair.settle();
    for (const promise of closed) expect(await codeOf(promise)).toBe("resolved");
    expect([(await outcome(pair.client.closed))[0], (await outcome(pair.server.closed))[0]]).toEqual(["resolved", "resolved"]);
  });

  it("says GOAWAY even where the connection has no room just then", async () => {
    const connection = new HeldConnection();
    const clock = new ManualClock();
    const session = new Session(connection, { role: "client", clock });
    connection.give(settings());
    await clock.settle();
    connection.hasRoom = false;
    session.open().reset();
    void session.ping();
    await clock.settle();
    void session.close();
    await clock.settle();
    expect([connection.isClosed, only(connection.frames, "GOAWAY").length]).toEqual([false, 0]);
    connection.drain();
    expect([connection.isClosed, only(connection.frames, "GOAWAY").length]).toEqual([true, 1]);
  });

  it("ends after closeTimeoutMs even where the connection never has room again", async () => {
    const connection = new HeldConnection();
    const clock = new ManualClock();
    const session = new Session(connection, { role: "client", clock, closeTimeoutMs: 800, keepAlive: false });
    connection.hasRoom = false;
    const stream = session.open();
    await clock.settle();
    const closed = session.close();
    await clock.advance(800);
    expect(await codeOf(stream.read())).toBe("ERR_ASTRANET_SESSION_CLOSED");
    expect(connection.isClosed).toBe(true);
    connection.closed();
    expect(await codeOf(closed)).toBe("resolved");
  });

  it("lets streams that wait to be opened out first", async () => {
    const pair = new SessionPair();
    const stream = pair.client.open();
    void stream.end(bytes("x"));
    const closed = pair.client.close();
    await pair.settle();
    const accepted = await pair.server.accept();
    expect(text(await accepted.read())).toBe("x");
    void accepted.end();
    await pair.settle();
    expect(await codeOf(closed)).toBe("resolved");
  });

  it("is what `await using` does", async () => {
    const pair = new SessionPair();
    const disposed = pair.client[Symbol.asyncDispose]();
    await pair.settle();
    expect([await codeOf(disposed), await codeOf(pair.server.closed)]).toEqual(["resolved", "resolved"]);
  });

  it("ends an iteration over accepted streams, which a broken session makes throw", async () => {
    const pair = new SessionPair();
    await pair.settle();
    const iterator = pair.server[Symbol.asyncIterator]();
    const next = iterator.next();
    void pair.server.close();
    await pair.settle();
    expect(await outcome(next)).toEqual(["resolved", { value: undefined, done: true }]);
    const other = new SessionPair();
    await other.settle();
    const waiting = other.server[Symbol.asyncIterator]().next();
    other.connections[0].abort();
    await other.settle();
    expect(await codeOf(waiting)).toBe("ECONNRESET");
  });
});
