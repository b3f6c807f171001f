import { describe, expect, it } from "vitest";
import { encodeRecord } from "@astranet/discovery";
import { NodeLink } from "../src/link/node-link.ts";
import { TestNetwork, idOf, outcome, type TestNode } from "./support/network.ts";
import { RawPeer } from "./support/raw-peer.ts";

/** The link of `node`, to send with it what a correct node would not. */
function linkOf(node: TestNode): NodeLink {
  const [link] = node.router.links;
  if (!(link instanceof NodeLink)) throw new Error("there is no link");
  return link;
}

async function linked(): Promise<{ net: TestNetwork; a: TestNode; b: TestNode }> {
  const net = new TestNetwork();
  const [a, b] = [net.node(1), net.node(2)];
  await net.link(a, b);
  return { net, a, b };
}

describe("neighbours", () => {
  it("see each other's services, changes of them, and nothing of them when the link is gone", async () => {
    const { net, a, b } = await linked();
    const web = b.directory.publish({ name: "web", port: 80 });
    await net.clock.advance(1);
    expect(a.directory.services()).toMatchObject([{ name: "web", id: b.id, distance: 1 }]);
    web.update({ weight: 7 });
    b.directory.publish({ name: "echo", port: 81 });
    await net.clock.advance(20);
    expect(a.directory.services().map(({ name, weight }) => [name, weight])).toEqual([["echo", 100], ["web", 7]]);
    web.withdraw();
    await net.clock.advance(20);
    expect(a.directory.services()).toMatchObject([{ name: "echo" }]);
    void linkOf(b).close();
    await net.clock.advance(1);
    expect(a.directory.services()).toEqual([]);
  });

  it("get thousands of records, in messages that stay below their limit", async () => {
    const { net, a, b } = await linked();
    for (let i = 0; i < 4096; i += 1) b.directory.publish({ name: `service-with-a-rather-long-name-${i}`, port: i + 1, tags: { number: String(i) } });
    await net.clock.advance(1000);
    expect(a.directory.services()).toHaveLength(4096);
  });

  it("learn from others what an earlier life of theirs said, and outbid it", async () => {
    const net = new TestNetwork();
    const key = Uint8Array.of(1);
    const a = net.node(1);
    const old = net.node(2, { incarnation: 1000n, key });
    old.directory.publish({ name: "old", port: 80 });
    await net.link(a, old);
    expect(a.directory.services()).toMatchObject([{ name: "old" }]);
    linkOf(old).session?.abort();
    // Its clock has gone back.
    const young = net.node(2, { incarnation: 10n, key });
    young.directory.publish({ name: "young", port: 81 });
    await net.link(a, young);
    await net.clock.advance(2000);
    expect(young.store.incarnation).toBe(1001n);
    expect(a.directory.services()).toMatchObject([{ name: "young" }]);
  });

  it("are forgotten ninety seconds after they could be reached last", async () => {
    const { net, a, b } = await linked();
    b.directory.publish({ name: "web", port: 80 });
    await net.clock.advance(1);
    void linkOf(b).close();
    await net.clock.advance(89_000);
    expect([...a.store.origins()]).toContain(b.id);
    await net.clock.advance(1100);
    expect([...a.store.origins()]).toEqual([a.id]);
  });

  it("are not forgotten when they came back in time", async () => {
    const { net, a, b } = await linked();
    b.directory.publish({ name: "web", port: 80 });
    void linkOf(b).close();
    await net.clock.advance(80_000);
    await net.link(a, b);
    await net.clock.advance(80_000);
    expect(a.directory.services()).toMatchObject([{ name: "web" }]);
  });

  it("that do not relay speak for themselves only", async () => {
    const record = { origin: idOf(9), incarnation: 1n, slot: 0x0200, seq: 1, flags: 0, payload: Uint8Array.of(1) };
    for (const [role, heard] of [["peer", false], ["client", false], ["server", false], ["router", true], ["auto", true]] as const) {
      const net = new TestNetwork();
      const [a, b] = [net.node(1), net.node(2, { role })];
      await net.link(a, b);
      void linkOf(b).send({ t: "records", r: encodeRecord(record) });
      await net.clock.advance(1);
      expect([...a.store.origins()].includes(idOf(9)), role).toBe(heard);
      expect(linkOf(a).state).toBe("up");
    }
  });

  it("end the link when they break the rules of the control stream, and both sides say why", async () => {
    const good = encodeRecord({ origin: idOf(2), incarnation: 1n, slot: 0, seq: 1, flags: 0, payload: new Uint8Array(5) });
    for (const [message, words] of [
      [{ t: "records", r: good.subarray(0, 28) }, "not a record"],
      [{ t: "records", r: good.map((byte, i) => (i === 8 ? 0xff : byte)) }, "beyond 2^63"],
      [{ t: "records" }, "has none"],
      [{ t: "digest", h: new Uint8Array(7), n: 1, a: 1 }, "not 8 bytes"],
      [{ t: "buckets", b: new Uint8Array(7) }, "has 7 bytes"],
      [{ t: "list", l: new Uint8Array(7) }, "no whole number"],
      [{ t: "want", w: new Uint8Array(7) }, "truncated"],
      [{ t: "hello" }, "a second HELLO"],
      [{ t: "ready" }, '"ready" is not known'],
      [{ t: "invented" }, '"invented" is not known'],
    ] as const) {
      const { net, a, b } = await linked();
      const [here, there] = [linkOf(a), linkOf(b)];
      void there.send(message);
      await net.clock.advance(1000);
      for (const link of [here, there]) {
        expect(await outcome(link.closed)).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining(words) as string });
      }
      expect([...a.store.records(b.id)].filter(({ slot }) => slot >= 0x0200)).toEqual([]);
      expect([a.router.links, b.router.links]).toEqual([[], []]);
      await net.clock.advance(90_000);
      expect(net.clock.timers).toBe(0);
    }
  });

  it("end the link when they reset the control stream, or read it no more", async () => {
    for (const breaks of ["reset", "stop"] as const) {
      const { net, a, b } = await linked();
      const [here, there] = [linkOf(a), linkOf(b)];
      const [control] = [...there.session!._remote.values()];
      control![breaks]();
      a.directory.publish({ name: "web", port: 80 });
      await net.clock.advance(1000);
      for (const link of [here, there]) expect(link.state).toBe("closed");
      expect([a.router.links, b.router.links]).toEqual([[], []]);
    }
  });

  it("may send messages that we do not know, where they say that these do not matter", async () => {
    const { net, a, b } = await linked();
    void linkOf(b).send({ t: "invented", ignorable: true });
    b.directory.publish({ name: "web", port: 80 });
    await net.clock.advance(1);
    expect(a.directory.services()).toHaveLength(1);
  });

  it("that read nothing for a while get the newest version of what has changed meanwhile, and few of those in between", async () => {
    const net = new TestNetwork();
    const node = net.node(1);
    const [here, there] = net.pipe();
    node.router.attach(here, { initiator: false });
    let read: (() => void) | undefined;
    const peer = await RawPeer.meet(net, there, { initiator: true, reads: new Promise<void>((resolve) => (read = resolve)) });
    peer.say(peer.hello(), { t: "ready" });
    await net.clock.settle();
    for (let i = 0; i < 300; i += 1) {
      node.store.put(0x0300, new Uint8Array(13_000).fill(i));
      await net.clock.advance(20);
    }
    read!();
    await net.clock.advance(100);
    const versions = peer.said.flatMap(({ r }) => (r instanceof Uint8Array && r.length > 13_000 ? [r[12_000]] : []));
    // What fits into the stream's window, and one.
    expect(versions.length).toBeLessThan(100);
    expect(versions.at(-1)).toBe(299 & 0xff);
  });

  it("recordsPerSecond: are read more slowly beyond it, and nothing is lost", async () => {
    const net = new TestNetwork();
    const [a, b] = [net.node(1, { limits: { recordsPerSecond: 10 } }), net.node(2)];
    await net.link(a, b);
    for (let slot = 0x0200; slot < 0x0200 + 50; slot += 1) {
      b.store.put(slot, Uint8Array.of(1));
      await net.clock.advance(1);
    }
    expect([...a.store.records(b.id)].length).toBeLessThan(20);
    // Digests count for several records.
    await net.clock.advance(15_000);
    expect([...a.store.records(b.id)].filter(({ slot }) => slot >= 0x0200)).toHaveLength(50);
  });

  it("beyond the store's limits are heard no more, and the link stays", async () => {
    const { net, a, b } = await linked();
    for (let i = 0; i < 60; i += 1) {
      const record = { origin: b.id, incarnation: 1n, slot: 0x0200 + i, seq: 1, flags: 0, payload: new Uint8Array(13_000) };
      void linkOf(b).send({ t: "records", r: encodeRecord(record) });
    }
    await net.clock.advance(100);
    expect(a.events.filter(({ type }) => type === "recordrefused")).not.toHaveLength(0);
    expect(a.store.byteLength).toBeLessThan(600_000);
    expect(linkOf(a).state).toBe("up");
  });
});
