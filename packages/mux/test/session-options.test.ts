import { detect, muxado, Session, UnreadBudget } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { only, ping, settings, started, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { codeOf } from "./support/session-pair.ts";

const make = (options: Record<string, unknown>): Session => new Session(new HeldConnection(), { role: "client", clock: new ManualClock(), ...options });

describe("an option that is wrong", () => {
  it.each<[name: string, wrong: unknown[]]>([
    ["role", [undefined, "peer", 1]],
    ["wire", ["muxado", null, {}]],
    ["acceptBacklog", [-1, 1.5, "1", NaN]],
    ["maxStreams", [1_023, 2 ** 31]],
    ["maxPendingOpens", [-1]],
    ["initialWindow", [65_535, 2 ** 31]],
    ["maxStreamWindow", [262_143, 2 ** 31]],
    ["linkWindow", [1_048_575, 2 ** 31]],
    ["maxLinkWindow", [1_048_575]],
    ["maxUnreadBytes", [-1, 1.5, "1"]],
    ["maxFrameSize", [0, 65_537]],
    ["maxHeader", [1_023, 65_536]],
    ["maxGoAwayDebug", [-1, 2 ** 24]],
    ["closeTimeoutMs", [-1]],
    ["resetBurst", [0]],
    ["resetsPerSecond", [-1]],
    ["maxPingsPerSecond", [0]],
    ["maxEmptyFrames", [-1]],
    ["maxUnknownFramesPerSecond", [0]],
  ])("%s is EINVAL, and the error names it", (name, wrong) => {
    for (const value of wrong) expect(() => make({ [name]: value }), String(value)).toThrow(new RegExp(`EINVAL.*${name}`));
  });

  it("keepAlive is EINVAL, and the error names it", () => {
    for (const idleTimeoutMs of [0, -1, 1.5, 2 ** 32]) expect(() => make({ keepAlive: { idleTimeoutMs } })).toThrow(/EINVAL.*idleTimeoutMs/);
  });

  it("window of muxado's wire is EINVAL, and the error names it", () => {
    for (const window of [0, 1.5, 2 ** 31]) for (const wire of [muxado, detect]) expect(() => wire({ window })).toThrow(/EINVAL.*window/);
  });

  it("detect() for a client is EINVAL: somebody has to speak first", () => {
    expect(() => make({ wire: detect() })).toThrow("EINVAL");
  });

  it("type or header of open() is EINVAL", async () => {
    const peer = await started({ role: "client" });
    for (const type of [-1, 2 ** 32, 1.5]) expect(() => peer.session.open({ type })).toThrow("EINVAL");
    expect(() => peer.session.open({ header: new Uint8Array(5_000) })).toThrow("EINVAL");
  });
});

describe("the first flight", () => {
  it("is SETTINGS with the options' values, once, before anything else", async () => {
    const peer = new RawPeer({ role: "client", initialWindow: 100_000, linkWindow: 2_000_000, maxStreams: 5_000, keepAlive: { idleTimeoutMs: 7_000 }, maxHeader: 2_000 });
    peer.session.open();
    const frames = [...(await peer.listen()), ...(await peer.say(settings()))];
    expect(frames[0]).toEqual({ type: "SETTINGS", version: 1, features: 1, initialWindow: 100_000, linkWindow: 2_000_000, maxStreams: 5_000, idleTimeoutMs: 7_000, maxHeader: 2_000 });
    expect(only(frames, "SETTINGS").length).toBe(1);
  });

  it("has the defaults that the documents say", async () => {
    const peer = new RawPeer({ role: "client" });
    expect((await peer.listen())[0]).toEqual({ type: "SETTINGS", version: 1, features: 1, initialWindow: 262_144, linkWindow: 1_048_576, maxStreams: 1_048_576, idleTimeoutMs: 15_000, maxHeader: 4_096 });
    expect(peer.session._options).toMatchObject({ acceptBacklog: 65_536, maxGoAwayDebug: 65_536, closeTimeoutMs: 5_000, resetBurst: 10_000, resetsPerSecond: 1_000, maxPingsPerSecond: 10, maxEmptyFrames: 10 });
    expect(new UnreadBudget().maxBytes).toBe(268_435_456);
  });

  it("may come in any pieces", async () => {
    const peer = new RawPeer({ role: "server" });
    const whole = await (async () => {
      const other = new RawPeer({ role: "client" });
      await other.listen();
      return other.bytes;
    })();
    for (const byte of whole) await peer.say(Uint8Array.of(byte));
    expect(await codeOf(peer.session.closed)).toBe("pending");
    expect(told(await peer.say(ping(1)))).toEqual([]);
  });
});

describe("keep-alive", () => {
  it("asks with a PING when nothing came for a third of the idle timeout, once", async () => {
    const peer = await started({ role: "client", keepAlive: { idleTimeoutMs: 900 } });
    await peer.clock.advance(299);
    expect(peer.news()).toEqual([]);
    await peer.clock.advance(1);
    expect(peer.news()).toEqual([ping(1)]);
    await peer.clock.advance(500);
    expect(peer.news()).toEqual([]);
    await peer.say(ping(1, true));
    await peer.clock.advance(300);
    expect(peer.news()).toEqual([ping(2)]);
  });

  it("declares a silent peer dead between 1.0 and 1.1 idle timeouts after its last byte, with ETIMEDOUT", async () => {
    for (const lastByteAt of [0, 100, 299, 300, 301, 850]) {
      const peer = await started({ role: "client", keepAlive: { idleTimeoutMs: 900 } });
      await peer.clock.advance(lastByteAt);
      await peer.say({ type: "LINK", received: 0, limit: 2 ** 30 });
      await peer.clock.advance(899);
      expect(await codeOf(peer.session.closed)).toBe("pending");
      await peer.clock.advance(90);
      expect(await codeOf(peer.session.closed)).toBe("ETIMEDOUT");
      expect(peer.over).toBeDefined();
    }
  });

  it("holds with the smaller idle timeout of both sides, and any byte counts as life", async () => {
    const peer = await started({ role: "client" }, { idleTimeoutMs: 600 });
    for (let i = 0; i < 20; i++) {
      await peer.clock.advance(500);
      await peer.say({ type: "LINK", received: 0, limit: 2 ** 30 + i });
    }
    expect(await codeOf(peer.session.closed)).toBe("pending");
    await peer.clock.advance(660);
    expect(await codeOf(peer.session.closed)).toBe("ETIMEDOUT");
  });

  it("false on both sides never ends a session, and sets no timer", async () => {
    const peer = await started({ role: "client", keepAlive: false });
    expect(peer.clock.timers).toBe(0);
    await peer.clock.advance(10_000_000);
    expect(peer.news()).toEqual([]);
    expect(await codeOf(peer.session.closed)).toBe("pending");
  });
});

describe("PING", () => {
  it("is one at a time: calls share the one that is under way", async () => {
    const peer = await started({ role: "client" });
    const pings = [peer.session.ping(), peer.session.ping()];
    expect(await peer.listen()).toEqual([ping(1)]);
    pings.push(peer.session.ping());
    expect(await peer.listen()).toEqual([]);
    await peer.clock.advance(12);
    await peer.say(ping(1, true));
    expect(await Promise.all(pings)).toEqual([12, 12, 12]);
    expect(peer.session.rttMs).toBe(12);
  });

  it("answers with the same bytes, and of several only the newest", async () => {
    const peer = await started({ role: "client" });
    expect(await peer.say(ping(7), ping(8), { type: "PING", ack: false, opaque: "00ff00ff89abcdef" })).toEqual([{ type: "PING", ack: true, opaque: "00ff00ff89abcdef" }]);
  });

  it("takes no answer that nobody asked for", async () => {
    const peer = await started({ role: "client" });
    await peer.say(ping(1, true), ping(2, true));
    expect(peer.session.rttMs).toBeUndefined();
    const waiting = peer.session.ping();
    await peer.listen();
    await peer.say(ping(2, true), { type: "PING", ack: true, opaque: "0000000100000001" });
    expect(await codeOf(waiting)).toBe("pending");
    await peer.say(ping(1, true));
    expect(await codeOf(waiting)).toBe("resolved");
  });
});
