import { describe, expect, it } from "vitest";
import { StreamIds } from "../src/session/stream-ids.ts";
import { data, fin, only, ping, rst, started, syn, told } from "./support/frames.ts";
import { codeOf, SessionPair } from "./support/session-pair.ts";

describe("stream ids", () => {
  it("are odd from 1 for a client, even from 2 for a server, and rise", async () => {
    const pair = new SessionPair();
    expect([pair.client.open().id, pair.client.open().id, pair.server.open().id, pair.server.open().id]).toEqual([1, 3, 2, 4]);
  });

  it("wrap, skipping those that are open", async () => {
    const pair = new SessionPair({ client: { firstStreamId: 0x7fff_fffd } });
    const [before, last] = [pair.client.open(), pair.client.open()];
    const accepted = [await pair.settle().then(() => pair.server.accept()), await pair.server.accept()];
    const wrapped = pair.client.open();
    void wrapped.end(new Uint8Array(3));
    await pair.settle();
    expect([before.id, last.id, wrapped.id]).toEqual([0x7fff_fffd, 0x7fff_ffff, 1]);
    const received = await pair.server.accept();
    expect([received.id, received.readableLength]).toEqual([1, 3]);
    // The old ones still work beside it.
    void before.end(new Uint8Array(5));
    await pair.settle();
    expect(accepted[0]?.readableLength).toBe(5);
    expect([await codeOf(pair.client.closed), await codeOf(pair.server.closed)]).toEqual(["pending", "pending"]);
  });

  it("skip a stream that has been open since before the wrap", async () => {
    const pair = new SessionPair({ client: { firstStreamId: 0x7fff_fffd } });
    for (let i = 0; i < 3; i++) pair.client.open();
    await pair.settle();
    // As if they had all been given out once: 0x7fffffff and 1 are open still.
    const ids = new StreamIds(pair.client);
    expect([ids.take(), ids.take(), ids.take()]).toEqual([0x7fff_fffd, 3, 5]);
  });

  it("of streams that are over are discarded at or below the watermark, also across the wrap", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(0x7fff_ffff), rst(0x7fff_ffff, 6), syn(1));
    expect(told(await peer.say(data(0x7fff_ffff, "late"), fin(0x7fff_fffd), rst(0x7fff_fff1, 6)))).toEqual([]);
    expect(await codeOf(peer.session.closed)).toBe("pending");
    expect(only(await peer.say(data(3, "never was")), "GOAWAY")).toMatchObject([{ code: 1 }]);
  });

  it("of a SYN must rise, across the wrap as anywhere", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(0x7fff_ffff), syn(1));
    expect(only(await peer.say(syn(0x7fff_fffd)), "GOAWAY")).toMatchObject([{ code: 1 }]);
  });

  it("of a SYN must be less than half of all ids ahead", async () => {
    for (const [id, ends] of [[0x3fff_ffff, false], [0x4000_0001, true]] as const) {
      const peer = await started({ role: "server" });
      expect(only(await peer.say(syn(1), syn(id)), "GOAWAY")).toHaveLength(ends ? 1 : 0);
    }
  });

  it("that were never given are the peer's mistake, however high, also before the first SYN", async () => {
    for (const id of [1, 0x3fff_ffff, 0x4000_0001, 0x7fff_ffff]) {
      const peer = await started({ role: "server" });
      expect(only(await peer.say(data(id, "x")), "GOAWAY")).toMatchObject([{ code: 1 }]);
    }
  });

  it("of a stream that stays open are known though others have gone halfway round and more", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), syn(0x3fff_ffff), syn(0x7fff_fffd));
    const old = await peer.session.accept();
    await peer.say(data(1, "still here"));
    expect(old.readableLength).toBe(10);
    expect(await codeOf(peer.session.closed)).toBe("pending");
  });

  it("may skip some: what was reset before it left never uses its id on the wire", async () => {
    const peer = await started({ role: "client" });
    peer.session.open().reset();
    peer.session.open();
    expect(told(await peer.listen())).toEqual([syn(3)]);
    expect(await peer.say(ping(5))).toEqual([ping(5, true)]);
  });
});

describe("stream ids that wrap", () => {
  it("twice before the peer has answered are STREAM_LIMIT, retryable; with its answer they go on", async () => {
    const peer = await started({ role: "client", firstStreamId: 0x7fff_ffff });
    const { session } = peer;
    expect(session.open().id).toBe(0x7fff_ffff);
    expect(only(await peer.listen(), "PING")).toEqual([ping(1)]);
    // Ids of their own over the same session, whose first is the last of all: each beginning anew stands for two billion ids that were given out.
    const again = new StreamIds(session);
    expect(again.take()).toBe(0x7fff_ffff);
    again.beginAt(0);
    const full: unknown = expect.objectContaining({ code: "ERR_ASTRANET_STREAM_LIMIT", retryable: true, message: expect.stringContaining("wrapped twice within a round trip") as string });
    expect(() => again.take()).toThrow(full);
    expect(() => again.take()).toThrow(full);
    await peer.say(ping(1, true));
    expect(again.take()).toBe(0x7fff_ffff);
    // And that was the second wrap of this round trip.
    again.beginAt(0);
    expect(() => again.take()).toThrow(full);
  });

  it("skip those that are open up to the last id of all, and give that one too", async () => {
    const pair = new SessionPair({ client: { firstStreamId: 0x7fff_fffb } });
    const [, , last] = [pair.client.open(), pair.client.open(), pair.client.open()];
    await pair.settle();
    last.reset();
    await pair.settle();
    // 0x7fffffff is free again, the two before it are not.
    const ids = new StreamIds(pair.client);
    expect([ids.take(), ids.take(), ids.take()]).toEqual([0x7fff_fffb, 0x7fff_ffff, 1]);
  });
});
