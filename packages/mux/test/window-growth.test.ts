import type { SessionOptions, Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { credit, data, only, ping, started, syn } from "./support/frames.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const WINDOW = 65_536;
const HALF = WINDOW / 2;

/** A stream of a session that has measured a round trip of 10 ms. */
async function measured(options: Partial<SessionOptions> = {}): Promise<{ peer: RawPeer; stream: Stream }> {
  const peer = await started({ role: "server", keepAlive: false, initialWindow: WINDOW, ...options });
  await peer.say(syn(1));
  const stream = await peer.session.accept();
  const round = peer.session.ping();
  await peer.listen();
  await peer.clock.advance(10);
  await peer.say(ping(1, true));
  expect(await round).toBe(10);
  return { peer, stream };
}

/** The peer sends so much and all of it is read; gives the credit that was returned. */
async function use(peer: RawPeer, stream: Stream, bytes: number): Promise<number[]> {
  const frames = [];
  for (let left = bytes; left > 0; left -= 32_768) frames.push(data(1, Math.min(left, 32_768)));
  const said = await peer.say(...frames);
  while (stream.tryRead() instanceof Uint8Array);
  return only([...said, ...(await peer.listen())], "WNDINC").map(({ increment }) => increment);
}

describe("a stream's window", () => {
  it("does not grow with its first credit, and by as much as it was when half of it is used within two round trips", async () => {
    const { peer, stream } = await measured();
    expect(await use(peer, stream, HALF)).toEqual([HALF]);
    await peer.clock.advance(19);
    expect(await use(peer, stream, HALF)).toEqual([HALF + WINDOW]);
    // Half of what it is now.
    expect(await use(peer, stream, HALF)).toEqual([]);
    await peer.clock.advance(19);
    expect(await use(peer, stream, HALF)).toEqual([WINDOW + 2 * WINDOW]);
  });

  it("does not grow where half of it took two round trips", async () => {
    const { peer, stream } = await measured();
    await use(peer, stream, HALF);
    await peer.clock.advance(20);
    expect(await use(peer, stream, HALF)).toEqual([HALF]);
  });

  it("grows no further than maxStreamWindow", async () => {
    const { peer, stream } = await measured({ maxStreamWindow: WINDOW + 1_000 });
    await use(peer, stream, HALF);
    expect(await use(peer, stream, HALF)).toEqual([HALF + 1_000]);
    expect(await use(peer, stream, HALF + 500)).toEqual([HALF + 500]);
    expect(stream._recvWindow).toBe(WINDOW + 1_000);
  });

  it("grows with a quarter of it unread, and not with a byte more", async () => {
    for (const more of [0, 1]) {
      const { peer, stream } = await measured();
      stream.attach({ data: () => undefined, end: () => undefined, reset: () => undefined });
      await peer.say(data(1, HALF));
      stream.consume(HALF);
      await peer.listen();
      await peer.say(data(1, HALF + WINDOW / 4 + more));
      stream.consume(HALF);
      expect(only(await peer.listen(), "WNDINC")).toEqual([credit(1, more === 0 ? HALF + WINDOW : HALF)]);
    }
  });

  it("does not grow after stop(): what comes is for nobody", async () => {
    const { peer, stream } = await measured();
    await use(peer, stream, HALF);
    stream.stop();
    await peer.listen();
    expect(only(await peer.say(data(1, HALF)), "WNDINC")).toEqual([credit(1, HALF)]);
  });
});

describe("a session whose unread bytes are over half of its budget", () => {
  const BUDGET = 1_048_576;

  it("grows no window", async () => {
    const { peer, stream } = await measured({ maxUnreadBytes: BUDGET });
    await use(peer, stream, HALF);
    peer.session._options.budget.unreadBytes += BUDGET * 0.6;
    expect(await use(peer, stream, HALF)).toEqual([HALF]);
    peer.session._options.budget.unreadBytes -= BUDGET * 0.6;
    await peer.clock.advance(20);
    expect(await use(peer, stream, HALF)).toEqual([HALF]);
  });

  it("returns credit for half of 64 KiB, that being all of the window there is", async () => {
    const { peer, stream } = await measured({ maxUnreadBytes: BUDGET, initialWindow: 262_144 });
    peer.session._options.budget.unreadBytes += BUDGET * 0.6;
    stream.attach({ data: () => undefined, end: () => undefined, reset: () => undefined });
    await peer.say(...Array.from({ length: 8 }, () => data(1, HALF)));
    stream.consume(HALF - 1);
    expect(only(await peer.listen(), "WNDINC")).toEqual([]);
    stream.consume(1);
    expect(only(await peer.listen(), "WNDINC")).toEqual([credit(1, HALF)]);
  });
});
