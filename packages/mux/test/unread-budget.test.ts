import { type Stream, UnreadBudget } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { data, only, started, syn } from "./support/frames.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const KiB = 1_024;
const BUDGET = 1_024 * KiB;
/** Made room is a sixteenth more than needed. */
const GOAL = BUDGET - BUDGET / 16;

interface Reader {
  readonly peer: RawPeer;
  readonly accepted: Map<number, Stream>;
  /** So much comes, each in a tick of its own; gives the ids of streams that are reset. */
  come(...amounts: readonly (readonly [id: number, bytes: number])[]): Promise<number[]>;
}

/** A session with streams 1, 3, 5 … of which nobody reads; `accepted` says how many are handed out. */
async function reader(streams: number, accepted: number, maxUnreadBytes: number | UnreadBudget = BUDGET): Promise<Reader> {
  const peer = await started({ role: "server", keepAlive: false, initialWindow: 2 * BUDGET, maxUnreadBytes });
  for (let i = 0; i < streams; i++) await peer.say(syn(2 * i + 1));
  const found = new Map<number, Stream>();
  for (let i = 0; i < accepted; i++) {
    const stream = await peer.session.accept();
    found.set(stream.id, stream);
  }
  await peer.listen();
  return {
    peer,
    accepted: found,
    async come(...amounts) {
      const said = [];
      for (const [id, bytes] of amounts) {
        const frames = [];
        for (let left = bytes; left > 0; left -= 64 * KiB) frames.push(data(id, Math.min(left, 64 * KiB)));
        said.push(...(await peer.say(...frames)), ...(await peer.listen()));
      }
      return only(said, "RST").map(({ streamId }) => streamId);
    },
  };
}

describe("the budget of unread bytes", () => {
  it("is kept while no more than it lies unread, and made room in for a byte more", async () => {
    const { peer, come } = await reader(2, 2);
    expect(await come([1, BUDGET - 1], [3, 1])).toEqual([]);
    expect(peer.session.stats().unreadBytes).toBe(BUDGET);
    expect(await come([3, 1])).toEqual([1]);
    expect(peer.session.stats().unreadBytes).toBe(2);
  });

  it("refuses first what nobody has accepted, and no more of it than needed", async () => {
    const { peer, come } = await reader(5, 1);
    expect(await come([1, 512 * KiB], [3, 128 * KiB], [5, 128 * KiB], [7, 128 * KiB], [9, 129 * KiB])).toEqual([3]);
    expect(peer.session.stats().unreadBytes).toBe(897 * KiB);
    expect(await come([1, 63 * KiB])).toEqual([]);
    expect(await come([1, 65 * KiB])).toEqual([5]);
  });

  it("is content with exactly fifteen sixteenths", async () => {
    const { peer, come } = await reader(3, 1);
    // What is too much comes last, in one piece.
    expect(await come([1, GOAL - 64 * KiB], [3, 65 * KiB], [5, 63 * KiB], [5, KiB])).toEqual([3]);
    expect(peer.session.stats().unreadBytes).toBe(GOAL);
    const other = await reader(16, 16);
    const equal = Array.from({ length: 14 }, (_, i) => [2 * i + 1, 64 * KiB] as const);
    expect(await other.come([31, 65 * KiB], ...equal, [29, 63 * KiB], [29, KiB])).toEqual([31]);
  });

  it("then resets who has most unread, and of equals who was read longest ago", async () => {
    const { peer, accepted, come } = await reader(5, 5);
    expect(await come([1, 256 * KiB], [3, 256 * KiB], [5, 256 * KiB], [7, 200 * KiB])).toEqual([]);
    // They are read in this order, and as much comes again.
    for (const id of [5, 1, 3]) {
      while (accepted.get(id)!.readableLength > 0) await accepted.get(id)!.read();
      await peer.listen();
    }
    expect(await come([1, 256 * KiB], [3, 256 * KiB], [5, 256 * KiB], [9, 56 * KiB])).toEqual([]);
    expect(await come([9, 1])).toEqual([5]);
    expect(await come([9, 256 * KiB])).toEqual([9]);
  });

  it("does not lose sight of a stream of which a part was read", async () => {
    const { peer, accepted, come } = await reader(2, 2);
    await come([1, 512 * KiB]);
    await accepted.get(1)!.read();
    await peer.listen();
    expect(await come([3, 400 * KiB])).toEqual([]);
    expect(await come([3, 256 * KiB])).toEqual([3]);
    expect(await come([1, 600 * KiB])).toEqual([1]);
  });

  it("leaves alone a stream of which all was read", async () => {
    const { peer, accepted, come } = await reader(3, 3);
    await come([1, 900 * KiB], [3, 60 * KiB]);
    while (accepted.get(1)!.readableLength > 0) await accepted.get(1)!.read();
    await peer.listen();
    expect(await come([5, 900 * KiB], [5, 65 * KiB])).toEqual([5]);
    expect(peer.session.streamCount).toBe(2);
  });
});

describe("a budget that sessions share", () => {
  it("no longer counts what a session that is over left unread, and still counts the other's", async () => {
    const budget = new UnreadBudget(BUDGET);
    const one = await reader(1, 1, budget);
    const two = await reader(2, 2, budget);
    await one.come([1, 500 * KiB]);
    await two.come([1, 500 * KiB]);
    expect(budget.unreadBytes).toBe(1_000 * KiB);
    await one.peer.cut();
    expect(budget.unreadBytes).toBe(500 * KiB);
    expect(await two.come([3, 501 * KiB], [3, 24 * KiB])).toEqual([3]);
    expect(budget.unreadBytes).toBe(500 * KiB);
  });

  it("has the worst of all sessions reset, whichever brought the last byte", async () => {
    const budget = new UnreadBudget(BUDGET);
    const one = await reader(1, 1, budget);
    const two = await reader(1, 1, budget);
    await one.come([1, 600 * KiB]);
    expect(await two.come([1, 425 * KiB])).toEqual([]);
    expect(only(await one.peer.listen(), "RST").map(({ streamId }) => streamId)).toEqual([1]);
    expect(budget.unreadBytes).toBe(425 * KiB);
  });

  it("gives withheld credit back once three eighths are left, to the streams of sessions that are still there", async () => {
    const budget = new UnreadBudget(BUDGET);
    const one = await reader(1, 1, budget);
    const two = await reader(1, 1, budget);
    const three = await reader(1, 1, budget);
    await three.come([1, 600 * KiB]);
    const owed = async ({ peer, accepted, come }: Reader): Promise<void> => {
      const stream = accepted.get(1)!;
      stream.attach({ data: (chunk) => stream.consume(chunk.length), end: () => undefined, reset: () => undefined });
      await come([1, 1_100 * KiB]);
      expect(only(await peer.listen(), "WNDINC")).toEqual([]);
    };
    await owed(one);
    await owed(two);
    await two.peer.cut();
    const reading = three.accepted.get(1)!;
    reading.attach({ data: () => undefined, end: () => undefined, reset: () => undefined });
    reading.consume(216 * KiB - 1);
    expect(only(await one.peer.listen(), "WNDINC")).toEqual([]);
    reading.consume(1);
    expect(budget.unreadBytes).toBe(384 * KiB);
    expect(only(await one.peer.listen(), "WNDINC").map(({ streamId, increment }) => [streamId, increment])).toEqual([[1, 1_100 * KiB]]);
  });
});
