import { describe, expect, it } from "vitest";
import { pskFrom } from "@astranet/noise";
import { nodeIdOfKey, type Link, type SecurityOptions } from "@astranet/router";
import type { Connection, Transport } from "@astranet/transport";
import { identities } from "./support/identities.ts";
import { TestNetwork, during, outcome, type TestNode } from "./support/network.ts";

const secrets = ["one secret", "another", "a third"].map((text) => pskFrom(text)) as [Uint8Array, Uint8Array, Uint8Array];

const identity = identities(77);

/** The same pipe, under a name that says nothing of where it ends; what it carries is noted. */
function wire(connection: Connection, sent: Uint8Array[] = []): Connection {
  return {
    localAddress: "serial",
    remoteAddress: "serial",
    start: (sink) => connection.start(sink),
    send: (chunks) => {
      sent.push(...chunks.map((chunk) => chunk.slice()));
      return connection.send(chunks);
    },
    close: () => connection.close(),
    abort: (reason) => connection.abort(reason),
  };
}

class World {
  readonly net = new TestNetwork({ latencyMs: 10 });
  #made = 0;

  node(security: Partial<SecurityOptions> = {}, transports: readonly Transport[] = [this.net.transport]): TestNode {
    const who = security.identity ?? identity();
    return this.net.node((this.#made += 1), { id: nodeIdOfKey(who.publicKey)!, security: { ...security, identity: who }, transports });
  }

  async link(a: TestNode, b: TestNode, wrap: [(c: Connection) => Connection, (c: Connection) => Connection] = [wire, wire]): Promise<[Link, Link]> {
    const [left, right] = this.net.pipe();
    const links: [Link, Link] = [a.router.attach(wrap[0](left), { initiator: true }), b.router.attach(wrap[1](right), { initiator: false })];
    await this.net.clock.advance(300);
    return links;
  }
}

const asItIs = (connection: Connection): Connection => connection;
const contains = (chunks: readonly Uint8Array[], text: string): boolean => chunks.flatMap((chunk) => Array.from(chunk, (byte) => String.fromCharCode(byte))).join("").includes(text);

async function talk(world: World, a: TestNode, b: TestNode): Promise<string> {
  const listener = b.router.bind({ port: 7 });
  const dialled = a.router.connect(b.id, 7);
  const accepted = await during(world.net.clock, listener.accept(), 100);
  const conn = await during(world.net.clock, dialled, 100);
  await conn.end(new TextEncoder().encode("the marker that nobody may read"));
  return new TextDecoder().decode((await during(world.net.clock, accepted.read(), 100)) ?? undefined);
}

describe("a link that leaves the process", () => {
  it("is encrypted, and between the nodes whose keys the ids are of", async () => {
    const world = new World();
    const [a, b] = [world.node(), world.node()];
    const sent: Uint8Array[] = [];
    const links = await world.link(a, b, [(c) => wire(c, sent), (c) => wire(c, sent)]);
    expect(links.map(({ state, peer }) => [state, peer])).toEqual([
      ["up", b.id],
      ["up", a.id],
    ]);
    expect(await talk(world, a, b)).toBe("the marker that nobody may read");
    expect(contains(sent, "the marker")).toBe(false);
    expect(contains(sent, "hello")).toBe(false);
  });

  it("stays in clear within the process, where nobody else reads", async () => {
    const world = new World();
    const sent: Uint8Array[] = [];
    const noting = (c: Connection): Connection => Object.assign(wire(c, sent), { remoteAddress: "memory:x" });
    const [a, b] = [world.node(), world.node()];
    await world.link(a, b, [noting, noting]);
    expect(await talk(world, a, b)).toBe("the marker that nobody may read");
    expect(contains(sent, "the marker")).toBe(true);
  });

  it("is encrypted where only one end thinks that it leaves", async () => {
    const world = new World();
    const sent: Uint8Array[] = [];
    const [a, b] = [world.node(), world.node()];
    const [here] = await world.link(a, b, [asItIs, (c) => wire(c, sent)]);
    expect(here.state).toBe("up");
    await talk(world, b, a);
    expect(contains(sent, "the marker")).toBe(false);
  });

  it("is refused in words by a node in clear, and by one that is encrypted", async () => {
    const world = new World();
    const links = await world.link(world.node(), world.net.node(90, { insecure: true }));
    for (const { ready } of links) {
      expect(await outcome(ready)).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("an encrypted link") as string });
    }
  });

  it("is refused, within the process too, to a node whose id is of no key", async () => {
    const world = new World();
    const [here, there] = await world.link(world.node(), world.net.node(90), [asItIs, asItIs]);
    expect(await outcome(here.ready)).toMatchObject({ code: "EACCES", message: expect.stringContaining("its key is not that node's") as string });
    expect(await outcome(there.ready)).toMatchObject({ code: "EACCES" });
  });

  it("ends at the time limit where the other end says its preamble and no more", async () => {
    const world = new World();
    const node = world.node();
    const [left, right] = world.net.pipe();
    const link = node.router.attach(wire(left), { initiator: true });
    right.start({ data: (chunk) => {
        if (chunk.length === 16) right.send([Uint8Array.of(...chunk.subarray(0, 7), 2, 1, 2, 3, 4, 5, 6, 7, 8)]);
      }, drain: () => undefined, closed: () => undefined });
    await world.net.clock.advance(4999);
    expect(link.state).toBe("handshake");
    await world.net.clock.advance(1);
    expect(await outcome(link.ready)).toMatchObject({
      code: "ERR_ASTRANET_HANDSHAKE",
      retryable: true,
      message: "ERR_ASTRANET_HANDSHAKE: the link was not up within 5000 ms: the other end sent its preamble, but did not finish the encrypted handshake",
    });
    await world.net.clock.advance(10_000);
    expect(world.net.clock.timers).toBe(0);
  });
});

describe("a secret", () => {
  const [one, two, three] = secrets;

  it.each([
    ["is the same on both sides", [one], [one], true],
    ["is another one", [one], [two], false],
    ["is missing at the dialler", [], [one], false],
    ["is missing at the listener", [one], [], false],
    ["is new at the dialler, who knows the old one", [two, one], [one], true],
    ["is new at the listener, who knows the old one", [one], [two, one], true],
    ["is on its way from one to another, with nothing common left", [three, two], [one], false],
  ])("lets a link be only where it fits: it %s", async (_what, ours, theirs, fits) => {
    const world = new World();
    const links = await world.link(world.node({ psks: ours }), world.node({ psks: theirs }));
    if (fits) expect(links.map(({ state }) => state)).toEqual(["up", "up"]);
    else for (const { ready } of links) expect(await outcome(ready)).toMatchObject({ code: "EACCES", retryable: false });
  });

  it("or insecure: true is what a listener beyond this machine needs, and the error says so", async () => {
    const world = new World();
    const tcp: Transport = { networks: ["tcp"], dial: async () => world.net.pipe()[0], listen: (_n, address, init) => world.net.transport.listen("memory", address, init) };
    expect(await outcome(world.node({}, [tcp]).router.listen("tcp", ":80"))).toMatchObject({
      code: "ERR_ASTRANET_INSECURE",
      message: expect.stringMatching(/anybody could link: pass a secret.*authorize.*insecure: true.*loopback/) as string,
    });
    expect((await during(world.net.clock, world.node({ psks: [one] }, [tcp]).router.listen("tcp", ":80"))).address).toBe(":80");
    expect((await during(world.net.clock, world.node({}, [tcp]).router.listen("tcp", "127.0.0.1:80"))).address).toBe("127.0.0.1:80");
  });
});

describe("a pinned key", () => {
  it("is the node's, or the dial fails before anything is sent", async () => {
    const world = new World();
    const [one, other] = [identity(), identity()];
    const [a, b] = [world.node({ identity: other }), world.node({ identity: one })];
    await world.link(a, b);
    const listener = b.router.bind({ port: 7 });
    expect(await outcome(a.router.connect(b.id, 7, { peerKey: other.publicKey }))).toMatchObject({ code: "EACCES", via: [b.id] });
    expect(await outcome(a.router.connect(a.id, 7, { peerKey: one.publicKey }))).toMatchObject({ code: "EACCES" });
    expect(await outcome(a.router.connect(b.id, 7, { peerKey: new Uint8Array(31) }))).toMatchObject({ code: "EINVAL" });
    const dialled = a.router.connect(b.id, 7, { peerKey: one.publicKey });
    await during(world.net.clock, listener.accept(), 100);
    expect((await during(world.net.clock, dialled, 100)).remoteAddress).toEqual({ id: b.id, port: 7 });
    expect(a.router.publicKey).toEqual(other.publicKey);
  });

  it("cannot be had without encryption", async () => {
    const net = new TestNetwork();
    const [a, b] = [net.node(1), net.node(2)];
    await net.link(a, b);
    expect(await outcome(a.router.connect(b.id, 7, { peerKey: new Uint8Array(32) }))).toMatchObject({ code: "ERR_ASTRANET_INSECURE" });
    expect(a.router.publicKey).toBeUndefined();
  });
});

describe("an identity", () => {
  it("that is not the store's, or comes with insecure, is EINVAL", () => {
    const net = new TestNetwork();
    const who = identity();
    expect(() => net.node(1, { security: { identity: who } })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(nodeIdOfKey(who.publicKey)!) as string }));
    expect(() => net.node(1, { id: nodeIdOfKey(who.publicKey)!, insecure: true, security: { identity: who } })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
});
