import type { Conn, LinkFactor } from "@astranet/router";
import { describe, expect, it } from "vitest";
import { TestNetwork, during, type TestNode } from "./support/network.ts";

const costOf = (node: TestNode, to: TestNode): number | undefined => node.router.routes().find(({ id }) => id === to.id)?.cost;
const viaOf = (node: TestNode, to: TestNode): readonly string[] | undefined => node.router.routes().find(({ id }) => id === to.id)?.via;

describe("linkFactor", () => {
  it("leads paths around a link that its owner finds dear, whichever end says so", async () => {
    for (const sayer of ["a", "relay"]) {
      for (const dear of [1, 2]) {
        const net = new TestNetwork({ latencyMs: 5 });
        const says = (who: string): { linkFactor?: LinkFactor } => (who === sayer ? { linkFactor: ({ peer }) => (peer === relays[dear - 1]!.id || who === "relay" ? 3 : 1) } : {});
        const a = net.node(10, { role: "peer", ...says("a") });
        const z = net.node(11, { role: "peer" });
        const relays = [1, 2].map((n) => net.node(n, { role: "router", ...(n === dear ? says("relay") : {}) }));
        for (const relay of relays) {
          await net.link(a, relay);
          await net.link(relay, z);
        }
        await net.clock.advance(1000);
        expect(viaOf(a, z)).toEqual([relays[2 - dear]!.id]);
      }
    }
  });

  it("is told about the link, and multiplies what it costs", async () => {
    const net = new TestNetwork({ latencyMs: 20 });
    const asked: unknown[] = [];
    const plain = net.node(1);
    const a = net.node(2, { linkFactor: (link) => asked.push(link) && 2 });
    const b = net.node(3);
    await net.link(plain, b);
    await net.link(a, b);
    await net.clock.advance(1000);
    expect(asked).toEqual([{ peer: b.id, remoteAddress: expect.any(String) as string, network: undefined, initiator: true }]);
    expect(Math.abs(costOf(a, b)! - 2 * costOf(plain, b)!)).toBeLessThanOrEqual(1);
  });

  it.each([
    ["gives no number", () => NaN, /linkFactor must give a number from 0.01 to 100, not NaN/],
    ["gives 0", () => 0, /not 0/],
    ["gives too much", () => 101, /not 101/],
    [
      "throws",
      () => {
        throw new Error("who is that?");
      },
      /who is that\?/,
    ],
  ])("that %s has the link refused, and others stay", async (_what, answer, words) => {
    const net = new TestNetwork();
    const [b, c] = [net.node(2), net.node(3)];
    const a = net.node(1, { linkFactor: ({ peer }) => (peer === c.id ? answer() : 1) });
    await net.link(a, b);
    await net.link(a, c);
    expect(a.router.links.map(({ peer }) => peer)).toEqual([b.id]);
    expect(a.events.find(({ type }) => type === "linkerror")).toMatchObject({ error: { code: "EINVAL", message: expect.stringMatching(words) as string } });
    await net.clock.advance(1000);
    expect(c.router.links).toEqual([]);
    expect(a.router.routes().map(({ id }) => id)).toEqual([b.id]);
  });
});

describe("a link that cannot keep up", () => {
  const bytesPerSecond = 1_000_000;

  async function busy(): Promise<{ net: TestNetwork; a: TestNode; b: TestNode; near: Conn; far: Conn }> {
    const net = new TestNetwork({ latencyMs: 20, bytesPerSecond });
    const [a, b] = [net.node(1), net.node(2)];
    await net.link(a, b);
    await net.clock.advance(500);
    const listener = b.router.bind({ port: 80 });
    const dialled = a.router.connect(b.id, 80);
    const far = await during(net.clock, listener.accept(), 500);
    const near = await during(net.clock, dialled, 500);
    // Until it is no new link any more, which costs more too.
    await net.clock.advance(60_000);
    return { net, a, b, near, far };
  }

  /** Writes as fast as it may for so long, while `far` reads. */
  async function pour(net: TestNetwork, near: Conn, far: Conn, ms: number): Promise<void> {
    let isOver = false;
    const read = (async () => {
      while (!isOver) await far.read();
    })();
    const written = (async () => {
      while (!isOver) await near.write(new Uint8Array(16_384));
    })();
    await net.clock.advance(ms);
    isOver = true;
    await during(net.clock, written, 5000);
    void near.write(new Uint8Array(1));
    await during(net.clock, read, 5000);
  }

  it("costs twice as much once its queue has been long for ten seconds, until it was short for thirty", async () => {
    const { net, a, b, near, far } = await busy();
    const before = costOf(a, b)!;
    await pour(net, near, far, 8000);
    expect(costOf(a, b)).toBe(before);
    await net.clock.advance(60_000);
    await pour(net, near, far, 25_000);
    expect(costOf(a, b)).toBeGreaterThanOrEqual(2 * before - 1);
    await net.clock.advance(20_000);
    expect(costOf(a, b)).toBeGreaterThanOrEqual(2 * before - 1);
    // The round trips of the busy time are forgotten by and by.
    await net.clock.advance(300_000);
    expect(costOf(a, b)).toBe(before);
  });

  it("is no dearer for a stream that nobody reads", async () => {
    const { net, a, b, near } = await busy();
    const before = costOf(a, b);
    void near.write(new Uint8Array(1_000_000));
    await net.clock.advance(60_000);
    expect(near.writableLength).toBeGreaterThan(131_072);
    expect(costOf(a, b)).toBe(before);
  });
});
