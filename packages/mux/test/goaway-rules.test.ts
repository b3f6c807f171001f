import { WireCode } from "@astranet/frame";
import { Session } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { data, goAway, only, settings, started, syn, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return (await outcome(promise))[1];
}

describe("a GOAWAY that is said", () => {
  it("tells of what was not handed out by its last id alone, and drops what came for it", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), syn(3, "abc"));
    await peer.session.accept();
    await peer.listen();
    peer.session.goAway();
    expect(told(await peer.listen())).toEqual([goAway(1)]);
    expect(peer.session._options.budget.unreadBytes).toBe(0);
  });

  it("is said again with another code, and not with the same", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    await peer.session.accept();
    await peer.listen();
    peer.session.goAway(300, "soon");
    expect(told(await peer.listen())).toEqual([goAway(1, 300, "soon")]);
    peer.session.goAway(300, "soon");
    expect(told(await peer.listen())).toEqual([]);
    peer.session.goAway(301, "now");
    expect(told(await peer.listen())).toEqual([goAway(1, 301, "now")]);
  });

  it("names the highest id that was handed out, also of the upper half of all ids", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(0x7fff_fffd));
    await peer.session.accept();
    peer.session.goAway();
    expect(only(await peer.listen(), "GOAWAY")).toEqual([goAway(0x7fff_fffd)]);
  });

  it("by close() comes while streams still run: the peer opens no more", async () => {
    const pair = new SessionPair();
    await pair.stream();
    void pair.client.close();
    await pair.settle();
    expect(await codeOf(pair.server.draining)).toBe("resolved");
    expect(() => pair.server.open()).toThrow("ERR_ASTRANET_SESSION_DRAINING");
  });

  it("in answer to the peer's has no words, and nothing follows it", async () => {
    const connection = new HeldConnection();
    const clock = new ManualClock();
    const session = new Session(connection, { role: "client", clock });
    connection.give(settings(), goAway(0, 300, "bye"));
    await clock.settle();
    connection.drain();
    expect(only(connection.frames, "GOAWAY")).toEqual([goAway(0)]);
    connection.closed();
    expect(await outcome(session.closed)).toEqual(["resolved", { code: 300, debug: "bye", remote: true }]);
  });
});

describe("a GOAWAY that comes", () => {
  it("tells the streams that it refuses which code it had, retryable, and drops what came for them", async () => {
    const peer = await started({ role: "client" });
    const [first, second] = [peer.session.open(), peer.session.open()];
    await peer.listen();
    await peer.say(data(3, "abc"), goAway(1, WireCode.NO_ERROR));
    expect(await reasonOf(second.read())).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true, remoteCode: 0, message: expect.stringContaining("the peer takes no new streams (NO_ERROR)") as string });
    expect([await codeOf(first.read()), peer.session._options.budget.unreadBytes]).toEqual(["pending", 0]);
  });

  it("with last id 0 refuses every stream, also of the upper half of all ids", async () => {
    const peer = await started({ role: "client", firstStreamId: 0x7fff_fff1 });
    const stream = peer.session.open();
    await peer.listen();
    await peer.say(goAway(0));
    expect(await reasonOf(stream.read())).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true });
  });

  it("may come again with the same last id, 0 too", async () => {
    for (const last of [0, 1]) {
      const peer = await started({ role: "client" });
      peer.session.open();
      await peer.listen();
      // A stream of the peer's keeps the session open.
      await peer.say(syn(2));
      await peer.say(goAway(last), goAway(last, 300));
      expect(await outcome(peer.session.closed)).toEqual(["pending"]);
      await peer.end();
    }
  });

  it.each([[1, 3], [0, 1], [0, 0x7fff_fff1], [0x7fff_ffff, 1]])("may not take its last id back: %i, then %i, ends the session with PROTOCOL", async (last, next) => {
    const peer = await started({ role: "client" });
    peer.session.open();
    await peer.say(syn(2));
    expect(only(await peer.say(goAway(last), goAway(next)), "GOAWAY")).toMatchObject([{ code: WireCode.PROTOCOL }]);
    expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_PROTOCOL");
  });

  it("makes what follows a clean end, where no stream was left to finish", async () => {
    const connection = new HeldConnection();
    const session = new Session(connection, { role: "client", clock: new ManualClock() });
    connection.give(settings(), goAway(0, 300, "bye"));
    connection.closed(new Error("cable"));
    expect(await outcome(session.closed)).toEqual(["resolved", { code: 300, debug: "bye", remote: true }]);
  });

  it("with an error is how the session ends, also where the link died under streams", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    await peer.say(goAway(1, WireCode.FLOW_CONTROL, "too much"));
    await peer.cut();
    for (const promise of [peer.session.closed, stream.read()]) expect(await reasonOf(promise)).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", remoteCode: WireCode.FLOW_CONTROL, message: expect.stringContaining("the peer ended the session (FLOW_CONTROL): too much") as string });
  });
});

describe("a session that closes", () => {
  it("waits for a stream whose header waits for the peer's SETTINGS", async () => {
    const peer = new RawPeer({ role: "client" });
    const stream = peer.session.open({ header: new Uint8Array(2_000) });
    void stream.end();
    void peer.session.close();
    await peer.listen();
    expect(peer.over).toBeUndefined();
    expect(told(await peer.say(settings({ maxHeader: 4_096 })))).toMatchObject([{ type: "OPEN" }, { type: "DATA", streamId: 1 }]);
    expect(await codeOf(stream.read())).toBe("pending");
  });

  it("ends at once when the stream is reset that it waited for and that never left", async () => {
    const peer = new RawPeer({ role: "client" });
    const stream = peer.session.open({ header: new Uint8Array(2_000) });
    void peer.session.close();
    await peer.listen();
    expect(peer.over).toBeUndefined();
    stream.reset();
    expect(told(await peer.listen())).toEqual([]);
    expect(peer.over).toBeDefined();
  });

  it("after closeTimeoutMs drops what its streams have unread, and says why", async () => {
    const peer = await started({ role: "server", closeTimeoutMs: 800 });
    await peer.say(syn(1, "unread"));
    const stream = await peer.session.accept();
    void peer.session.close();
    await peer.clock.advance(800);
    expect(await reasonOf(stream.read())).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", message: expect.stringContaining("was closed before the stream was done") as string });
  });

  it("takes nothing for a mistake that comes after its last frame", async () => {
    const peer = await started({ role: "client" });
    void peer.session.close();
    expect(only(await peer.listen(), "GOAWAY")).toEqual([goAway(0)]);
    expect(await peer.say(new Uint8Array(8).fill(255), data(99, "never was"))).toEqual([]);
    await peer.end();
    expect(await outcome(peer.session.closed)).toEqual(["resolved", { code: 0, debug: "", remote: false }]);
  });

  it("sends nothing after its last frame, and no empty batch", async () => {
    const connection = new HeldConnection();
    const clock = new ManualClock();
    const session = new Session(connection, { role: "client", clock });
    connection.give(settings());
    await clock.settle();
    void session.close();
    await clock.settle();
    expect([connection.isClosed, only(connection.frames, "GOAWAY").length]).toEqual([true, 1]);
    const { length } = connection.sends;
    connection.drain();
    await clock.settle();
    expect([connection.sends.length, connection.sends.includes(0)]).toEqual([length, false]);
  });

  it("keeps the process alive for closeTimeoutMs, and nothing else of it does", async () => {
    class Counting extends ManualClock {
      readonly alive: number[] = [];

      override setTimer(delayMs: number, callback: () => void, options?: { keepAlive?: boolean }): ReturnType<ManualClock["setTimer"]> {
        if (options?.keepAlive === true) this.alive.push(delayMs);
        return super.setTimer(delayMs, callback);
      }
    }
    const clock = new Counting();
    const connection = new HeldConnection();
    const session = new Session(connection, { role: "client", clock, closeTimeoutMs: 800 });
    connection.give(settings());
    session.open().setDeadline(500);
    await clock.settle();
    expect(clock.alive).toEqual([]);
    void session.close();
    void session.close();
    expect(clock.alive).toEqual([800]);
  });

  it("leaves no timer behind where close() was called twice, or after the end", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void pair.client.close();
    void pair.client.close();
    void local.end();
    void remote.end();
    await pair.settle();
    expect(await codeOf(pair.client.closed)).toBe("resolved");
    const aborted = new SessionPair();
    aborted.client.abort();
    void aborted.client.close();
    await aborted.settle();
    expect([pair.clock.timers, aborted.clock.timers]).toEqual([0, 0]);
  });
});
