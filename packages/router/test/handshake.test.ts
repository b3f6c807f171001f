import { describe, expect, it } from "vitest";
import { Session } from "@astranet/mux";
import type { Connection } from "@astranet/transport";
import { encodePreamble, makePreamble } from "../src/link/preamble.ts";
import { TestNetwork, outcome, seededRandom, type TestNode } from "./support/network.ts";

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

/** Somebody who is no node: sends what it is told, and notes what it gets. */
class Stranger {
  readonly connection: Connection;
  readonly got: number[] = [];
  closed = false;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.start({ data: (chunk) => void this.got.push(...chunk), drain: () => undefined, closed: () => void (this.closed = true) });
  }
}

function meet(net: TestNetwork, options: { initiator?: boolean } = {}): { node: TestNode; link: ReturnType<TestNode["router"]["attach"]>; stranger: Stranger } {
  const node = net.node(1);
  const [here, there] = net.pipe();
  const link = node.router.attach(here, options);
  return { node, link, stranger: new Stranger(there) };
}

describe("the handshake", () => {
  it("is under way at once, and neither end waits for the other's first byte", async () => {
    const net = new TestNetwork({ latencyMs: 100 });
    const { link, stranger } = meet(net);
    expect(link.state).toBe("handshake");
    expect([link.peer, link.rttMs, link.initiator]).toEqual([undefined, undefined, undefined]);
    await net.clock.advance(100);
    expect(stranger.got.slice(0, 6)).toEqual([...text("ASTR"), 1, 3]);
    expect(stranger.got).toHaveLength(16);
  });

  it.each([
    ["HTTP", text("GET / HTTP/1.1\r\n"), "ERR_ASTRANET_PROTOCOL", "an HTTP request"],
    ["TLS", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1), "ERR_ASTRANET_PROTOCOL", "TLS"],
    ["muxado", Uint8Array.of(0, 0, 0, 0x12, 0, 0, 0, 3), "ERR_ASTRANET_PROTOCOL", "muxado"],
    ["another version", encodePreamble({ ...makePreamble("local", undefined, seededRandom(9)), version: 2 }), "ERR_ASTRANET_HANDSHAKE", "version 2"],
    ["encryption", encodePreamble(makePreamble("noise", undefined, seededRandom(9))), "ERR_ASTRANET_HANDSHAKE", "an encrypted link"],
  ])("fails at once, in words, when it meets %s", async (_what, bytes, code, words) => {
    const net = new TestNetwork({ latencyMs: 100 });
    const { node, link, stranger } = meet(net);
    stranger.connection.send([bytes]);
    await net.clock.advance(100);
    expect(link.state).toBe("closed");
    const error = await outcome(link.ready);
    expect(error).toMatchObject({ code, retryable: false });
    expect((error as Error).message).toContain(words);
    expect(await outcome(link.closed)).toBe(error);
    expect(node.events).toMatchObject([{ type: "linkerror", error, link }]);
    // The stranger has our preamble, and the connection is closed.
    stranger.connection.close();
    await net.clock.advance(300);
    expect(stranger.got.slice(0, 4)).toEqual([...text("ASTR")]);
    expect(stranger.closed).toBe(true);
    expect(net.clock.timers).toBe(0);
  });

  it("fails on both sides when both say that they dialled", async () => {
    const net = new TestNetwork();
    const [left, right] = net.pipe();
    const links = [net.node(1).router.attach(left, { initiator: true }), net.node(2).router.attach(right, { initiator: true })];
    await net.clock.advance(10);
    for (const link of links) expect(await outcome(link.ready)).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("both ends") as string });
  });

  it("ends at its time limit when the other end is silent, or falls silent", async () => {
    const net = new TestNetwork();
    const silent = meet(net);
    const half = meet(net);
    half.stranger.connection.send([encodePreamble(makePreamble("local", true, seededRandom(3)))]);
    await net.clock.advance(4999);
    expect([silent.link.state, half.link.state]).toEqual(["handshake", "handshake"]);
    await net.clock.advance(1);
    expect(await outcome(silent.link.ready)).toMatchObject({
      code: "ERR_ASTRANET_HANDSHAKE",
      retryable: true,
      message: "ERR_ASTRANET_HANDSHAKE: the link was not up within 5000 ms: nothing, or too little, was answered",
    });
    expect(await outcome(half.link.ready)).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("but not its HELLO") as string });
    expect(silent.stranger.closed).toBe(true);
    await net.clock.advance(10_000);
    expect(half.stranger.closed).toBe(true);
    expect(net.clock.timers).toBe(0);
  });

  it("fails, and may be tried again, when the other end closes without a word, or in the middle of one", async () => {
    for (const [bytes, words] of [
      [0, "without a word (is it a TLS port, or too busy?)"],
      [7, "after 7 bytes of its preamble"],
    ] as const) {
      const net = new TestNetwork();
      const { link, stranger } = meet(net);
      if (bytes > 0) stranger.connection.send([encodePreamble(makePreamble("local", true, seededRandom(3))).subarray(0, bytes)]);
      stranger.connection.close();
      await net.clock.advance(10);
      expect(await outcome(link.ready)).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: true, message: `ERR_ASTRANET_HANDSHAKE: the other end closed the connection ${words}` });
    }
  });

  it("waits for enough of a stranger's words to know them, or for their end", async () => {
    for (const [rest, words] of [
      [" / HTTP/1.0\r\n\r\n", 'it sent an HTTP request ("GET / HTTP/1.0…")'],
      ["", "it sent 47 45 54"],
    ] as const) {
      const net = new TestNetwork();
      const { link, stranger } = meet(net);
      stranger.connection.send([text("GET")]);
      await net.clock.advance(10);
      expect(link.state).toBe("handshake");
      if (rest === "") stranger.connection.close();
      else stranger.connection.send([text(rest)]);
      await net.clock.advance(10);
      expect(await outcome(link.ready)).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: `ERR_ASTRANET_PROTOCOL: the other end does not speak astranet: ${words}` });
    }
  });

  it("works when every byte comes by itself", async () => {
    const net = new TestNetwork({ sliceBytes: 1 });
    const [a, b] = [net.node(1), net.node(2)];
    const [left, right] = net.pipe();
    const links = [a.router.attach(left), b.router.attach(right)];
    await net.clock.advance(1000);
    expect(await Promise.all(links.map(({ ready }) => ready))).toEqual([b.id, a.id]);
    expect(links.filter(({ initiator }) => initiator)).toHaveLength(1);
  });

  it("refuses a peer whose first stream is no control stream, or whose first message is no HELLO", async () => {
    for (const type of [1, 3, 77]) {
      const net = new TestNetwork();
      const [here, there] = net.pipe();
      const link = net.node(2).router.attach(here, { initiator: false });
      const taker = await skipPreamble(net, there);
      const session = new Session(taker, { role: "client", clock: net.clock });
      const stream = session.open({ type, urgency: 0 });
      void stream.write(Uint8Array.of(0, 0, 0, 3, 0x81, 0xa1, 0x74)).catch(() => undefined);
      void stream.write(Uint8Array.of(0, 0, 0, 9)).catch(() => undefined);
      await net.clock.advance(5000);
      expect(await outcome(link.ready)).toMatchObject({ code: type === 1 ? "ERR_ASTRANET_PROTOCOL" : "ERR_ASTRANET_HANDSHAKE" });
    }
  });

  it("is the whole of what a closed link was", async () => {
    const net = new TestNetwork();
    const { node, link, stranger } = meet(net);
    await link.close();
    expect(await outcome(link.ready)).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    await net.clock.advance(5000);
    expect(stranger.closed).toBe(true);
    expect(node.router.links).toEqual([]);
    expect(net.clock.timers).toBe(0);
  });
});

/** The connection behind a preamble, for a session of the test's own. */
async function skipPreamble(net: TestNetwork, connection: Connection): Promise<Connection> {
  const { exchangePreambles } = await import("../src/link/handshake.ts");
  const settled = new Promise<Connection>((resolve, reject) => {
    exchangePreambles(connection, makePreamble("local", true, seededRandom(5)), net.clock, (result) => {
      if ("error" in result) reject(result.error);
      else resolve(result.connection);
    });
  });
  await net.clock.advance(10);
  return settled;
}
