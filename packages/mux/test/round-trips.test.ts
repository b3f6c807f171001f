import { Session } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { data, only, ping, settings, started, syn } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import { codeOf, outcome } from "./support/session-pair.ts";

const MiB = 1_048_576;

/** The peer sends so many bytes on stream 1 and they are read; gives the PINGs that this brings. */
async function pingsFor(peer: RawPeer, read: () => void, size: number): Promise<unknown[]> {
  const before = peer.frames.length;
  for (let left = size; left > 0; left -= 65_536) {
    await peer.say(data(1, Math.min(left, 65_536)));
    read();
    await peer.listen();
  }
  return only(peer.frames.slice(before), "PING");
}

describe("a round trip is measured", () => {
  it("when a stream's credit is returned, again after 200 ms, and not while one is under way", async () => {
    const peer = await started({ role: "server", keepAlive: false, maxStreamWindow: 262_144 });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    const read = (): void => {
      while (stream.tryRead() instanceof Uint8Array);
    };
    // Half of the stream's window, whose credit is returned.
    const half = 131_072;
    expect(await pingsFor(peer, read, half)).toEqual([ping(1)]);
    await peer.clock.advance(300);
    expect(await pingsFor(peer, read, half)).toEqual([]);
    await peer.say(ping(1, true));
    expect(await pingsFor(peer, read, half)).toEqual([ping(2)]);
    await peer.say(ping(2, true));
    await peer.clock.advance(199);
    expect(await pingsFor(peer, read, half)).toEqual([]);
    await peer.clock.advance(1);
    expect(await pingsFor(peer, read, half)).toEqual([ping(3)]);
  });

  it("by the answer to the ping that left, not by one that comes before it does", async () => {
    const peer = await started({ role: "client", keepAlive: false });
    // As many as a peer takes at once; the next one waits.
    for (let number = 1; number <= 8; number++) {
      void peer.session.ping();
      expect(await peer.listen()).toEqual([ping(number)]);
      await peer.say(ping(number, true));
    }
    const ninth = peer.session.ping();
    expect(await peer.listen()).toEqual([]);
    await peer.say(ping(9, true));
    expect(await codeOf(ninth)).toBe("pending");
    await peer.clock.advance(125);
    expect(peer.news()).toEqual([ping(9)]);
    await peer.clock.advance(7);
    await peer.say(ping(9, true));
    expect(await outcome(ninth)).toEqual(["resolved", 7]);
  });

  it("and the shortest one is kept: where others take more than twice as long, the link's window does not grow", async () => {
    const windows: number[] = [];
    for (const trips of [[10], [10, 15], [10, 30], [30, 10]]) {
      const peer = await started({ role: "server", keepAlive: false, initialWindow: 8 * MiB });
      await peer.say(syn(1));
      for (const [index, rttMs] of trips.entries()) {
        void peer.session.ping();
        await peer.listen();
        await peer.clock.advance(rttMs);
        await peer.say(ping(index + 1, true));
      }
      // Half a window, and then another at once, so that its use is measured.
      for (let i = 0; i < 18; i++) await peer.say(data(1, 65_536));
      windows.push(peer.session.stats().linkWindow / MiB);
    }
    expect(windows).toEqual([2, 2, 1, 2]);
  });
});

describe("the idle timeout", () => {
  it("is the peer's where only the peer has one", async () => {
    const peer = await started({ role: "client", keepAlive: false }, { idleTimeoutMs: 600 });
    await peer.clock.advance(200);
    expect(only(peer.news(), "PING")).toEqual([ping(1)]);
    await peer.clock.advance(399);
    expect(await codeOf(peer.session.closed)).toBe("pending");
    await peer.clock.advance(1);
    expect(await codeOf(peer.session.closed)).toBe("ETIMEDOUT");
  });
});

describe("a ping that was not sent yet", () => {
  it("is not sent after the last frame, when there is room again", async () => {
    const connection = new HeldConnection();
    const clock = new ManualClock();
    const session = new Session(connection, { role: "client", clock, keepAlive: false, closeTimeoutMs: 800 });
    connection.give(settings());
    connection.hasRoom = false;
    session.open();
    await clock.settle();
    const waiting = session.ping();
    void session.close();
    await clock.advance(800);
    expect([connection.isClosed, connection.frames.at(-1)?.type, await codeOf(waiting)]).toEqual([true, "GOAWAY", "ERR_ASTRANET_SESSION_CLOSED"]);
    const { length } = connection.frames;
    connection.drain();
    expect(connection.frames.length).toBe(length);
  });
});
