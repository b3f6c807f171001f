import { Session, type Stream, UnreadBudget } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { LinkCredit } from "../src/flow/link-credit.ts";
import { bytes, credit, data, fin, lengthOf, link, only, ping, rst, settings, started, syn, text, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

const KiB = 1_024;
const MiB = 1_048_576;

async function accepting(options: Partial<ConstructorParameters<typeof Session>[1]> = {}): Promise<{ peer: RawPeer; stream: Stream }> {
  const peer = await started({ role: "server", ...options });
  await peer.say(syn(1));
  const stream = await peer.session.accept();
  await peer.listen();
  return { peer, stream };
}

/** Reads all that is there. */
function drain(stream: Stream): number {
  let length = 0;
  for (let chunk = stream.tryRead(); chunk instanceof Uint8Array; chunk = stream.tryRead()) length += chunk.length;
  return length;
}

describe("stream credit", () => {
  it("is returned when the application has consumed half a window, not when bytes arrive", async () => {
    const { peer, stream } = await accepting();
    expect(only(await peer.say(data(1, 65_536), data(1, 65_535)), "WNDINC")).toEqual([]);
    drain(stream);
    expect(only(await peer.listen(), "WNDINC")).toEqual([]);
    await peer.say(data(1, 1));
    drain(stream);
    expect(only(await peer.listen(), "WNDINC")).toEqual([credit(1, 131_072)]);
  });

  it("is returned for what a waiting read gets, too", async () => {
    const { peer, stream } = await accepting();
    const frames = [];
    for (let i = 0; i < 2; i++) {
      const read = stream.read();
      frames.push(...(await peer.say(data(1, 65_536))));
      await read;
      // What the connection delivered in a second piece.
      drain(stream);
      frames.push(...(await peer.listen()));
    }
    expect(only(frames, "WNDINC")).toEqual([credit(1, 131_072)]);
  });

  it("is returned for what is discarded", async () => {
    const { peer, stream } = await accepting();
    await peer.say(data(1, 65_536), data(1, 65_536));
    stream.stop();
    expect(only(await peer.listen(), "WNDINC")).toEqual([credit(1, 131_072)]);
  });

  it("is never returned after the FIN, or for a stream that is over", async () => {
    const { peer, stream } = await accepting();
    await peer.say(data(1, 65_536), data(1, 65_536), fin(1, 65_536));
    expect(drain(stream)).toBe(196_608);
    expect(told(await peer.listen())).toEqual([]);
    const other = await accepting();
    await other.peer.say(data(1, 65_536), data(1, 65_536));
    other.stream.reset();
    expect(told(await other.peer.listen())).toEqual([rst(1, 6)]);
  });

  it("that arrives lets exactly that much out", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(100_000));
    expect(lengthOf(await peer.listen(), 1)).toBe(65_536);
    expect(lengthOf(await peer.say(credit(1, 1)), 1)).toBe(1);
    expect(lengthOf(await peer.say(credit(1, 30_000)), 1)).toBe(30_000);
    expect(stream.writableLength).toBe(100_000 - 95_537);
  });

  it("starts at 64 KiB and rises to the peer's initialWindow when its SETTINGS come, also for streams that are open", async () => {
    const peer = new RawPeer({ role: "client" });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(100_000));
    expect(lengthOf(await peer.listen(), 1)).toBe(65_536);
    expect(lengthOf(await peer.say(settings({ initialWindow: 80_000 })), 1)).toBe(14_464);
    const other = peer.session.open();
    void other.write(new Uint8Array(100_000));
    expect(lengthOf(await peer.listen(), 3)).toBe(80_000);
    expect((await peer.say(syn(2))).length).toBe(0);
    const theirs = await peer.session.accept();
    void theirs.write(new Uint8Array(100_000));
    expect(lengthOf(await peer.listen(), 2)).toBe(80_000);
  });

  it("grows with the round trip: a reader that keeps up gets a larger window, up to maxStreamWindow", async () => {
    const maxStreamWindow = 2 * MiB;
    const pair = new SessionPair({ link: { latencyMs: 20, bytesPerSecond: 60 * MiB }, server: { maxStreamWindow } });
    const local = pair.client.open();
    await pair.advance(100);
    const remote = await pair.server.accept();
    void pair.server.ping();
    await pair.advance(100);
    let read = 0;
    for (let ms = 0; ms < 1_500; ms++) {
      while (local.writableLength < 4 * MiB) void local.write(new Uint8Array(65_536));
      read += drain(remote);
      await pair.advance(1);
    }
    expect(remote._extra?.window).toBe(maxStreamWindow);
    // 256 KiB at a round trip of 40 ms would be 6.5 MB/s, and 1 MiB on the link 13 to 26.
    expect(read / 1.5).toBeGreaterThan(20 * MiB);
    expect(pair.server.stats().linkWindow).toBeGreaterThan(MiB);
  });

  it("does not grow for a reader that is slow", async () => {
    const pair = new SessionPair({ link: { latencyMs: 1 } });
    const local = pair.client.open();
    await pair.advance(100);
    const remote = await pair.server.accept();
    for (let ms = 0; ms < 2_000; ms += 100) {
      while (local.writableLength < MiB) void local.write(new Uint8Array(65_536));
      drain(remote);
      await pair.advance(100);
    }
    expect(remote._extra?.window ?? 262_144).toBe(262_144);
  });

  it("does not grow while a quarter of it lies unread: there it is the reader that sets the pace", async () => {
    const pair = new SessionPair({ link: { latencyMs: 20 } });
    const local = pair.client.open();
    await pair.advance(100);
    const remote = await pair.server.accept();
    void pair.server.ping();
    remote.attach({ data: () => undefined, end: () => undefined, reset: () => undefined });
    // Half a window in 64 ms, less than two round trips.
    for (let ms = 0; ms < 2_000; ms++) {
      while (local.writableLength < MiB) void local.write(new Uint8Array(65_536));
      remote.consume(Math.min(2_048, remote.readableLength));
      await pair.advance(1);
    }
    expect(remote._extra?.window ?? 262_144).toBe(262_144);
  });
});

describe("link credit", () => {
  it("is returned on receipt, though nobody reads", async () => {
    const peer = await started({ role: "server", initialWindow: 2 * MiB });
    const frames = await peer.say(syn(1), ...Array.from({ length: 8 }, () => data(1, 65_536)));
    const [last] = only(frames, "LINK").slice(-1);
    expect(last?.received).toBeGreaterThanOrEqual(MiB / 2);
    expect(last?.limit).toBe((last?.received ?? 0) + MiB);
    expect(peer.session.stats().unreadBytes).toBe(8 * 65_536);
  });

  it("is returned for streams that are over, refused or unknown of", async () => {
    const peer = await started({ role: "server", acceptBacklog: 0 });
    const frames = await peer.say(syn(1, 65_536), ...Array.from({ length: 8 }, () => data(1, 65_536)));
    expect(only(frames, "LINK").at(-1)?.received).toBeGreaterThanOrEqual(8 * 65_536);
    expect(peer.session.stats()).toMatchObject({ unreadBytes: 0, receivedBytes: 9 * 65_544 });
  });

  it("holds back DATA payload only: SYN, FIN and control go on", async () => {
    const peer = await started({ role: "client" }, { initialWindow: 4 * MiB });
    const bulk = peer.session.open();
    void bulk.write(new Uint8Array(3 * MiB));
    const before = lengthOf(await peer.listen(), 1);
    expect(before).toBeLessThan(MiB);
    expect(before).toBeGreaterThan(MiB - 1_000);
    const { linkCredit } = peer.session.stats();
    expect(linkCredit).toBeLessThanOrEqual(8);
    const other = peer.session.open({ urgency: 0, header: bytes("h") });
    void other.end();
    const third = peer.session.open();
    void third.write(bytes("waits"));
    const frames = await peer.listen();
    expect(told(frames).map(({ type }) => type)).toEqual(["OPEN", "DATA", "DATA"]);
    expect(only(frames, "DATA").map(({ payload }) => payload)).toEqual(["", ""]);
    const { sentBytes } = peer.session.stats();
    expect(lengthOf(await peer.say(link(0, sentBytes + 8 + 5)), third.id)).toBe(5);
  });

  it("never lets a LINK's acknowledgement and limit count SETTINGS, PING and LINK", async () => {
    const peer = await started({ role: "server" });
    await peer.say(ping(1), ping(2));
    expect(peer.session.stats().receivedBytes).toBe(0);
    await peer.say(syn(1, "abc"));
    expect(peer.session.stats().receivedBytes).toBe(11);
  });

  it("does not keep an ACCEPT from leaving when the data that would imply it cannot", async () => {
    const peer = await started({ role: "server" }, { initialWindow: 4 * MiB });
    await peer.say(syn(1));
    const bulk = await peer.session.accept();
    void bulk.write(new Uint8Array(3 * MiB));
    await peer.listen();
    await peer.say(syn(3));
    const other = await peer.session.accept();
    void other.write(bytes("no credit"));
    expect(told(await peer.listen())).toEqual([{ type: "ACCEPT", streamId: 3, header: "" }]);
  });

  it("starts at 1 MiB and doubles while it is used up within two round trips, to its most", () => {
    const link = new LinkCredit(MiB, 4 * MiB);
    let received = 0;
    const use = (now: number, rttMs: number | undefined, minRttMs: number, samples: number): number => {
      received += link.window / 2;
      expect(link.isDue(received)).toBe(true);
      link.grant(received, now, { rttMs, minRttMs, samples });
      expect(link.limit).toBe(received + link.window);
      return link.window;
    };
    expect(link.isDue(MiB / 2 - 1)).toBe(false);
    expect(use(1_000, undefined, Infinity, 0)).toBe(MiB);
    expect(use(1_020, 10, 10, 1)).toBe(MiB);
    expect(use(1_039, 10, 10, 1)).toBe(2 * MiB);
    // Not before the next round trip was measured, and not where that has become long.
    expect(use(1_058, 10, 10, 1)).toBe(2 * MiB);
    expect(use(1_077, 21, 10, 2)).toBe(2 * MiB);
    expect(use(1_096, 20.5, 10, 3)).toBe(4 * MiB);
    expect(use(1_097, 10, 10, 4)).toBe(4 * MiB);
  });

  it("grows by what came, in however many grants, and not where that is less than half a window", () => {
    const link = new LinkCredit(MiB, 4 * MiB);
    const trips = { rttMs: 10, minRttMs: 10, samples: 1 };
    link.grant(MiB / 2, 1_000, trips);
    link.grant(MiB / 2 + MiB / 4, 1_005, trips);
    expect(link.window).toBe(MiB);
    link.grant(MiB, 1_010, trips);
    expect(link.window).toBe(2 * MiB);
  });

  it("that is not used up is granted anew with the next flush when a quarter came", async () => {
    const connection = new HeldConnection();
    const clock = new ManualClock();
    const session = new Session(connection, { role: "server", clock });
    connection.give(settings(), syn(1, 65_536), data(1, 65_536), data(1, 65_536), data(1, 65_536));
    await clock.settle();
    expect(only(connection.frames, "LINK").length).toBe(1);
    expect(only(connection.frames, "LINK")[0]?.received).toBe(4 * 65_544);
    session.abort();
  });

  it("keeps a pipe from filling: what is under way never exceeds the window", async () => {
    const pair = new SessionPair({ link: { latencyMs: 50, bytesPerSecond: 10 * MiB }, both: { initialWindow: 64 * MiB, maxStreamWindow: 64 * MiB } });
    const local = pair.client.open();
    void local.write(new Uint8Array(32 * MiB));
    await pair.advance(200);
    const remote = await pair.server.accept();
    for (let ms = 0; ms < 1_000; ms += 50) {
      await pair.advance(50);
      drain(remote);
      expect(pair.client.stats().sentBytes - pair.server.stats().receivedBytes).toBeLessThanOrEqual(pair.server.stats().linkWindow + 100);
    }
  });
});

describe("a slow reader", () => {
  it("stalls its own writer and nobody else", async () => {
    const pair = new SessionPair({ both: { onstream: () => undefined } });
    const slow = Array.from({ length: 100 }, () => pair.client.open());
    for (const stream of slow) void stream.write(new Uint8Array(MiB));
    await pair.settle();
    for (const stream of slow) expect(stream.writableLength).toBe(MiB - 256 * KiB);
    expect(pair.server.stats().unreadBytes).toBe(100 * 256 * KiB);
    const fresh = pair.client.open();
    void fresh.write(bytes("through"));
    await pair.settle();
    expect(pair.server._remote.get(fresh.id)?.tryRead()).toEqual(bytes("through"));
    expect(pair.client.stats().linkCredit).toBeGreaterThan(256 * KiB);
  });
});

describe("the budget of unread bytes", () => {
  async function flooding(options: { maxUnreadBytes: number | UnreadBudget; manualAccept?: boolean }, streams: number, each: number) {
    const accepted: Stream[] = [];
    const pair = new SessionPair({ server: { ...options, onstream: (stream) => accepted.push(stream) } });
    const opened = Array.from({ length: streams }, () => pair.client.open());
    for (const stream of opened) void stream.write(new Uint8Array(each));
    await pair.settle();
    return { pair, opened, accepted };
  }

  it("resets the streams with most unread bytes with ERR_ASTRANET_OVERLOAD, and stays within", async () => {
    const { pair, opened, accepted } = await flooding({ maxUnreadBytes: MiB }, 4, 200 * KiB);
    const modest = pair.client.open();
    void modest.write(new Uint8Array(50 * KiB));
    await pair.settle();
    expect(pair.server.stats().unreadBytes).toBe(850 * KiB);
    const greedy = pair.client.open();
    void greedy.write(new Uint8Array(250 * KiB));
    await pair.settle();
    expect(pair.server.stats().unreadBytes).toBeLessThanOrEqual(MiB);
    const codes = await Promise.all([...accepted].map((stream) => codeOf(stream.read())));
    expect(codes).toEqual(["resolved", "resolved", "resolved", "resolved", "resolved", "ERR_ASTRANET_OVERLOAD"]);
    expect((await outcome(greedy.read()))[1]).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD", remoteCode: 10, retryable: false });
    expect(await codeOf((opened[0] as Stream).closed)).toBe("pending");
    expect(await codeOf(pair.server.closed)).toBe("pending");
  });

  it("among equals resets the one whose last read is oldest", async () => {
    const { pair, accepted } = await flooding({ maxUnreadBytes: MiB }, 5, 200 * KiB);
    for (const stream of [accepted[0], accepted[1], accepted[3], accepted[4]] as Stream[]) {
      drain(stream);
      await pair.settle();
    }
    const writers = [0, 1, 3, 4].map((index) => pair.client._local.get(2 * index + 1) as Stream);
    for (const stream of writers) void stream.write(new Uint8Array(200 * KiB));
    await pair.settle();
    const more = pair.client.open();
    void more.write(new Uint8Array(60 * KiB));
    await pair.settle();
    expect(await Promise.all(accepted.map((stream) => codeOf(stream.read())))).toEqual(["resolved", "resolved", "ERR_ASTRANET_OVERLOAD", "resolved", "resolved", "resolved"]);
  });

  it("refuses streams that were not accepted before it resets any that was", async () => {
    const pair = new SessionPair({ server: { maxUnreadBytes: MiB } });
    const opened = Array.from({ length: 4 }, () => pair.client.open());
    void (opened[0] as Stream).write(new Uint8Array(250 * KiB));
    await pair.settle();
    const accepted = await pair.server.accept();
    for (const stream of opened.slice(1)) void stream.write(new Uint8Array(250 * KiB));
    await pair.settle();
    const last = pair.client.open();
    void last.write(new Uint8Array(250 * KiB));
    await pair.settle();
    expect(pair.server.stats().unreadBytes).toBeLessThanOrEqual(MiB);
    expect(await codeOf(accepted.read())).toBe("resolved");
    const refused = (await Promise.all([...opened, last].map((stream) => outcome(stream.read())))).filter(([state]) => state === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const [, error] of refused) expect(error).toMatchObject({ code: "ECONNREFUSED", retryable: true });
  });

  it("over half of it withholds credit, down to 64 KiB a stream, and gives it when there is room again", async () => {
    const { pair, opened, accepted } = await flooding({ maxUnreadBytes: MiB }, 3, 180 * KiB);
    expect(pair.server._options.budget._pressed).toBe(true);
    const [one] = accepted as [Stream];
    // This one is read as it comes, but the others hold more than half of the budget.
    void (opened[0] as Stream).write(new Uint8Array(MiB));
    await pair.settle();
    drain(one);
    pair.server._options.budget.unreadBytes += MiB / 2;
    await pair.settle();
    expect(one._recvWindow).toBeLessThanOrEqual(64 * KiB + 180 * KiB);
    pair.server._options.budget.unreadBytes -= MiB / 2;
    for (const stream of accepted) drain(stream);
    await pair.settle();
    let read = 0;
    for (let i = 0; i < 50; i++) {
      read += drain(one);
      await pair.settle();
    }
    expect(read).toBeGreaterThan(MiB - 512 * KiB);
    expect((opened[0] as Stream).writableLength).toBe(0);
  });

  it("is shared by sessions that were given the same one: the offender pays, whichever session it is of", async () => {
    const budget = new UnreadBudget(MiB);
    const first = await flooding({ maxUnreadBytes: budget }, 1, 250 * KiB);
    const second = await flooding({ maxUnreadBytes: budget }, 3, 240 * KiB);
    expect(budget.unreadBytes).toBe(970 * KiB);
    const third = await flooding({ maxUnreadBytes: budget }, 1, 100 * KiB);
    await first.pair.settle();
    expect(budget.unreadBytes).toBeLessThanOrEqual(MiB);
    expect(await codeOf((first.accepted[0] as Stream).read())).toBe("ERR_ASTRANET_OVERLOAD");
    expect((await outcome((first.opened[0] as Stream).read()))[1]).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD" });
    for (const stream of [...second.accepted, ...third.accepted]) expect(await codeOf(stream.read())).toBe("resolved");
  });

  it("knows whose last read is oldest across sessions, however busy each is", async () => {
    const budget = new UnreadBudget(512 * KiB);
    const [one, two, three] = [new SessionPair({ server: { maxUnreadBytes: budget } }), new SessionPair({ server: { maxUnreadBytes: budget } }), new SessionPair({ server: { maxUnreadBytes: budget } })];
    const streams: Stream[] = [];
    for (const pair of [one, two]) {
      const [local, remote] = await pair.stream();
      streams.push(remote);
      // The first session has seen many more ticks than the second when its stream is read for the last time.
      for (let i = 0; i < (pair === one ? 20 : 1); i++) {
        void local.write(new Uint8Array(100));
        await pair.settle();
        drain(remote);
      }
      void local.write(new Uint8Array(240 * KiB));
      await pair.settle();
    }
    const [local] = await three.stream();
    void local.write(new Uint8Array(60 * KiB));
    await three.settle();
    expect(await Promise.all(streams.map((stream) => codeOf(stream.read())))).toEqual(["ERR_ASTRANET_OVERLOAD", "resolved"]);
  });

  it("forgets the bytes of a session that is over", async () => {
    const budget = new UnreadBudget(MiB);
    const { pair, accepted } = await flooding({ maxUnreadBytes: budget }, 2, 250 * KiB);
    pair.connections[0].abort();
    await pair.settle();
    expect(budget.unreadBytes).toBe(0);
    expect(await codeOf((accepted[0] as Stream).read())).toBe("resolved");
    expect(budget.unreadBytes).toBe(0);
  });

  it("counts what an attached sink has not consumed", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    remote.attach({ data: () => undefined, end: () => undefined, reset: () => undefined });
    void local.write(bytes("abcdef"));
    await pair.settle();
    expect(pair.server.stats().unreadBytes).toBe(6);
    remote.consume(4);
    expect(pair.server._options.budget.unreadBytes).toBe(2);
    remote.consume(2);
    expect(pair.server._options.budget.unreadBytes).toBe(0);
  });

  it("is counted exactly, whatever happens to a stream", async () => {
    const pair = new SessionPair();
    const budget = pair.server._options.budget;
    const fates: ((stream: Stream) => unknown)[] = [(s) => s.tryRead(), (s) => s.stop(), (s) => s.reset(), (s) => s.close(), (s) => s.end()];
    for (const fate of fates) {
      const [local, remote] = await pair.stream();
      void local.write(bytes("unread"));
      await pair.settle();
      fate(remote);
      await pair.settle();
      local.reset();
      await pair.settle();
      expect(budget.unreadBytes).toBe(0);
    }
    expect(pair.server.streamCount).toBe(0);
  });
});

describe("retained bytes", () => {
  it("stay near the unread ones, however small the pieces are", async () => {
    const { peer, stream } = await accepting();
    for (let i = 0; i < 200; i++) await peer.say(data(1, "x"), data(1, "y"), data(1, "z"), ping(i, true));
    expect(peer.session.stats().unreadBytes).toBe(600);
    expect(peer.session.stats().retainedBytes).toBeLessThan(4 * 600);
    let all = "";
    for (let chunk = stream.tryRead(); chunk; chunk = stream.tryRead()) all += text(chunk) ?? "";
    expect(all).toBe("xyz".repeat(200));
  });

  it("are gone when a stream is read, stopped or reset", async () => {
    for (const how of ["read", "stop", "reset"] as const) {
      const { peer, stream } = await accepting();
      await peer.say(data(1, 10_000));
      expect(peer.session.stats().retainedBytes).toBeGreaterThanOrEqual(10_000);
      if (how === "read") drain(stream);
      else stream[how]();
      await peer.listen();
      expect(peer.session.stats()).toMatchObject({ retainedBytes: 0, unreadBytes: 0 });
    }
  });
});
