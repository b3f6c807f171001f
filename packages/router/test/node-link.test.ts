// What a node does with a peer who speaks the link protocol by hand, and does as nodes do not.
import { describe, expect, it } from "vitest";
import { secure, type Identity } from "@astranet/noise";
import { nodeIdOfKey, type Link } from "@astranet/router";
import type { AstraErrorCode, Connection } from "@astranet/transport";
import { encodePreamble, makePreamble } from "../src/link/preamble.ts";
import { NodeLink } from "../src/link/node-link.ts";
import { nodeIdToBytes } from "../src/node-id.ts";
import { encodeDialHeader } from "../src/ports/dial-header.ts";
import { identities } from "./support/identities.ts";
import { TestNetwork, idOf, outcome, seededRandom, type TestNode } from "./support/network.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { SlowTransport } from "./support/slow-transport.ts";

interface Met {
  readonly net: TestNetwork;
  readonly node: TestNode;
  readonly link: Link;
  readonly peer: RawPeer;
}

type Options = Parameters<TestNetwork["node"]>[1];

/** A node and its link to a peer by hand, who dialled, or was dialled. The node listens on port 80. */
async function meet({ dialled = true, id = idOf(99), options = {} }: { dialled?: boolean; id?: string; options?: Options } = {}): Promise<Met> {
  const net = new TestNetwork();
  const node = net.node(1, options);
  node.router.bind({ port: 80, onconn: () => undefined });
  return { net, node, ...(await attach(net, node, { dialled, id })) };
}

async function attach(net: TestNetwork, node: TestNode, { dialled, id }: { dialled: boolean; id: string }): Promise<{ link: Link; peer: RawPeer }> {
  const [here, there] = net.pipe();
  const link = node.router.attach(here, { initiator: !dialled });
  const peer = await RawPeer.meet(net, there, { initiator: dialled, id });
  await net.clock.settle();
  return { link, peer };
}

/** … that is up. */
async function linked(options: Options = {}): Promise<Met> {
  const met = await meet({ options });
  met.peer.say(met.peer.hello());
  met.peer.say({ t: "ready" });
  await met.net.clock.settle();
  expect(met.link.state).toBe("up");
  met.node.takeEvents();
  return met;
}

const failure = (code: AstraErrorCode, words: string): Error => expect.objectContaining({ code, message: expect.stringContaining(words) as string }) as Error;
const notNow = "the link takes no streams now";

describe("before it is up, a link", () => {
  it("has no peer and no round trip, though somebody has said who he is", async () => {
    const { net, node, link, peer } = await meet({ options: { idleTimeoutMs: 300 } });
    peer.say(peer.hello());
    // The session has measured one meanwhile.
    await net.clock.advance(1000);
    expect(link instanceof NodeLink && link.session!.rttMs).toBe(0);
    expect(peer.said.map(({ t }) => t)).toEqual(["hello"]);
    expect([link.state, link.peer, link.rttMs, link.streamCount]).toEqual(["handshake", undefined, undefined, 0]);
    expect([node.events, node.router.routes()]).toEqual([[], []]);
  });

  it.each([
    ["no HELLO first", [{ t: "ready" }], 'the first control message is "ready", not a HELLO'],
    ["a first message with a very long name", [{ t: "x".repeat(4000) }], `is "${"x".repeat(40)}", not`],
    ["two HELLOs", ["hello", "hello"], "a second HELLO came"],
    ["records before it is ready", ["hello", { t: "records", r: new Uint8Array(0) }], '"records" is not known, or not allowed now'],
    ["a message with a very long name", ["hello", { t: "x".repeat(4000) }], `"${"x".repeat(40)}" is not known`],
    ["a malformed HELLO", [{ t: "hello" }], "HELLO is malformed: its versions"],
  ])("ends, and says why, when it is told %s", async (_what, messages, words) => {
    const { net, node, link, peer } = await meet();
    peer.say(...messages.map((message) => (typeof message === "string" ? peer.hello() : message)));
    await net.clock.settle();
    expect(await outcome(link.ready)).toEqual(failure("ERR_ASTRANET_PROTOCOL", words));
    expect(peer.said.at(-1)).toMatchObject({ t: "refuse", code: "ERR_ASTRANET_PROTOCOL", text: expect.stringContaining(words) as string, retry: false });
    expect(node.takeEvents()).toEqual(["linkerror"]);
  });

  it("passes over what need not be understood", async () => {
    const { net, link, peer } = await meet();
    peer.say(peer.hello(), { t: "invented", ignorable: true }, { t: "ready" });
    await net.clock.settle();
    expect(link.state).toBe("up");
  });

  it.each([3, 2, 77, 1])("takes no stream of type %i before the HELLO, and goes on", async (type) => {
    const { net, link, peer } = await meet();
    const stream = peer.open(type);
    await net.clock.settle();
    expect(await peer.answer(stream)).toContain(notNow);
    peer.say(peer.hello(), { t: "ready" });
    await net.clock.settle();
    expect(link.state).toBe("up");
  });

  it("takes a dial for the confirmation, and the confirmation after it for nothing more", async () => {
    const { net, node, link, peer } = await meet();
    peer.say(peer.hello());
    await net.clock.settle();
    const stream = peer.open();
    await net.clock.settle();
    expect([link.state, await peer.answer(stream)]).toEqual(["up", "accepted"]);
    peer.say({ t: "ready" });
    await net.clock.settle();
    expect(link.state).toBe("up");
    expect(node.takeEvents().filter((type) => type === "linkup")).toHaveLength(1);
    peer.say({ t: "ready" });
    await net.clock.settle();
    expect(await outcome(link.closed)).toEqual(failure("ERR_ASTRANET_PROTOCOL", '"ready" is not known, or not allowed now'));
  });

  it("is not up by the dial of one whose HELLO was refused", async () => {
    const { net, node, link, peer } = await meet({ options: { authorize: () => false } });
    peer.say(peer.hello());
    const stream = peer.open();
    await net.clock.settle();
    expect(link.state).toBe("closed");
    expect(await peer.answer(stream)).toContain(notNow);
    expect(peer.said).toMatchObject([{ t: "refuse", code: "EACCES" }]);
    expect(node.takeEvents()).toEqual(["linkerror"]);
  });

  it("does not begin anew when a HELLO comes after the time limit, while its last words are on their way", async () => {
    const asked: unknown[] = [];
    const { net, node, link, peer } = await meet({ dialled: false, options: { authorize: (request) => asked.push(request) > 0 } });
    await net.clock.advance(5000);
    expect(await outcome(link.ready)).toEqual(failure("ERR_ASTRANET_HANDSHAKE", "the link was not up within 5000 ms: the other end sent its preamble, but not its HELLO"));
    peer.say(peer.hello(), { t: "records", r: new Uint8Array(0) });
    await net.clock.settle();
    expect([link.state, asked, node.takeEvents()]).toEqual(["closed", [], ["linkerror"]]);
    expect(peer.said.map(({ t }) => t)).toEqual(["hello", "refuse"]);
  });

  it("ends at its time limit where the dialler does not confirm", async () => {
    const { net, link, peer } = await meet();
    peer.say(peer.hello());
    await net.clock.advance(4999);
    expect(link.state).toBe("handshake");
    await net.clock.advance(1);
    expect(await outcome(link.ready)).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: true, message: expect.stringContaining("within 5000 ms: the other end did not confirm our HELLO") as string });
  });

  it.each([
    ["has said nothing", []],
    ["has said who he is", ["hello"]],
  ])("ends 250 ms after a GOAWAY of a dialler who %s, so that he may say why", async (_what, said) => {
    const { net, link, peer } = await meet();
    if (said.length > 0) peer.say(peer.hello());
    await net.clock.settle();
    void peer.session.close();
    await net.clock.advance(249);
    expect(link.state).toBe("handshake");
    await net.clock.advance(1);
    expect(await outcome(link.ready)).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true });
    expect(link.state).toBe("closed");
  });

  it("ends with the reason that comes after a GOAWAY", async () => {
    const { net, link, peer } = await meet();
    void peer.session.close();
    await net.clock.advance(100);
    peer.say({ t: "refuse", code: "EACCES", text: "not with you", retry: false });
    await net.clock.settle();
    expect(await outcome(link.ready)).toMatchObject({ code: "EACCES" });
  });

  it("that is up though a GOAWAY came before the confirmation drains 250 ms after it", async () => {
    const { net, link, peer } = await meet();
    peer.say(peer.hello());
    await net.clock.settle();
    void peer.session.close();
    await net.clock.settle();
    peer.say({ t: "ready" });
    await net.clock.advance(249);
    expect(link.state).toBe("up");
    await net.clock.advance(1);
    expect(link.state).not.toBe("up");
    await net.clock.advance(5000);
    expect(link.state).toBe("closed");
  });

  it("that is closed says so, and that another try may help", async () => {
    const { net, link, peer } = await meet();
    // The control stream is there, and half a message.
    void peer.control.write(Uint8Array.of(0, 0, 0, 90));
    await net.clock.settle();
    const closed = link.close();
    expect(await outcome(link.ready)).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true, message: "ERR_ASTRANET_SESSION_CLOSED: the link was closed before it was up" });
    await net.clock.settle();
    await closed;
    expect(peer.said).toEqual([{ t: "refuse", code: "ERR_ASTRANET_HANDSHAKE", text: "the link was closed before it was up", retry: true }]);
  });

  it.each([
    ["breaks off", (peer: RawPeer): void => peer.session.abort(), "ERR_ASTRANET_HANDSHAKE", "the connection ended before the link was up: the other end sent its preamble, but not its HELLO"],
    ["ends its control stream", (peer: RawPeer): void => void peer.control.end(), "ERR_ASTRANET_SESSION_CLOSED", "the link was closed before it was up"],
    ["resets its control stream", (peer: RawPeer): void => peer.control.reset(256, "no more"), "ECONNRESET", ""],
  ] as const)("fails at once where the other end %s", async (_what, end, code, words) => {
    const { net, node, link, peer } = await meet({ dialled: false });
    end(peer);
    await net.clock.advance(10);
    expect(await outcome(link.ready)).toMatchObject(words === "" ? { code } : { code, retryable: true, message: `${code}: ${words}` });
    expect([node.takeEvents(), net.clock.timers]).toEqual([["linkerror"], 0]);
  });

  it("fails for good where what follows the preamble is no session", async () => {
    const net = new TestNetwork();
    const [here, there] = net.pipe();
    const link = net.node(1).router.attach(here, { initiator: false });
    there.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
    there.send([encodePreamble(makePreamble("local", true, seededRandom(3))), new TextEncoder().encode("GET / HTTP/1.1\r\nHost: nobody\r\n\r\n")]);
    await net.clock.advance(10);
    expect(await outcome(link.ready)).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", retryable: false });
  });

  it("loses to one that another node of its id has confirmed meanwhile", async () => {
    const { net, node, link, peer } = await meet();
    const other = await attach(net, node, { dialled: true, id: peer.id });
    peer.say(peer.hello());
    other.peer.say(other.peer.hello({ key: Uint8Array.of(7), inst: Uint8Array.of(7) }));
    await net.clock.settle();
    expect([link.state, other.link.state]).toEqual(["handshake", "handshake"]);
    other.peer.say({ t: "ready" });
    await net.clock.settle();
    peer.say({ t: "ready" });
    await net.clock.settle();
    expect([link.state, other.link.state]).toEqual(["closed", "up"]);
    expect(await outcome(link.ready)).toEqual(failure("ERR_ASTRANET_ID_CONFLICT", `another node is known by the id ${peer.id}`));
    expect(peer.said.at(-1)).toMatchObject({ t: "refuse", code: "ERR_ASTRANET_ID_CONFLICT" });
    expect(node.takeEvents()).toEqual(["linkup", "reachability", "linkerror"]);
  });
});

describe("a link in clear", () => {
  it("is refused to another process under the node's own id and key: that is not the node itself", async () => {
    const key = Uint8Array.of(1, 2, 3);
    const net = new TestNetwork();
    const [one, other] = [net.node(1, { key }), net.node(1, { key })];
    await net.link(one, other);
    for (const { events } of [one, other]) expect(events).toMatchObject([{ type: "linkerror", error: { code: "ERR_ASTRANET_ID_CONFLICT" } }]);
  });

  it("says what was dialled if its node did, and nothing of the kind else", async () => {
    const net = new TestNetwork();
    const node = net.node(1);
    await Promise.all([node.router.listen("memory", "a"), net.clock.settle()]);
    const [connection] = await Promise.all([net.transport.dial("memory", "a"), net.clock.settle()]);
    const peer = await RawPeer.meet(net, connection, { initiator: true });
    peer.say(peer.hello({ dialled: "memory a" }));
    await net.clock.settle();
    expect(peer.said).toMatchObject([{ t: "hello", dialled: "", listen: ["a"], id: nodeIdToBytes(node.id) }]);
    const slow = new SlowTransport();
    net.node(2, { transports: [slow] }).router.join("memory", "there").catch(() => undefined);
    await net.clock.settle();
    const [here, there] = net.pipe();
    slow.dials[0]!.resolve(here);
    const dialled = await RawPeer.meet(net, there, { initiator: false });
    await net.clock.settle();
    expect(dialled.said).toMatchObject([{ t: "hello", dialled: "memory there" }]);
  });

  it("leads back to its own node, and the node's other links stay", async () => {
    const { net, node, link } = await linked();
    const [left, right] = net.pipe();
    const loop = [node.router.attach(left), node.router.attach(right)];
    await net.clock.advance(300);
    expect([link.state, ...loop.map(({ state }) => state)]).toEqual(["up", "closed", "closed"]);
  });
});

describe("an encrypted link", () => {
  const random = seededRandom(5);
  const identity = identities(6);

  /** A peer behind an encrypted handshake with the key of `prover`, by the bytes of the document and not by our preamble's code. */
  async function encrypted(prover: Identity, id: string, options: Options = {}): Promise<{ net: TestNetwork; node: TestNode; link: Link; peer: RawPeer }> {
    const net = new TestNetwork();
    const own = identity();
    const node = net.node(1, { id: nodeIdOfKey(own.publicKey)!, security: { identity: own }, ...options });
    const [here, there] = net.pipe();
    const link = node.router.attach(here, { initiator: false });
    const ours = Uint8Array.of(0x41, 0x53, 0x54, 0x52, 1, 1, 1, 1, 9, 8, 7, 6, 5, 4, 3, 2);
    there.send([ours]);
    const { connection, first } = await firstBytes(net, there, 16);
    const secured = secure(connection, { role: "initiator", identity: prover, prologue: Uint8Array.of(...ours, ...first), suites: ["ChaChaPoly"], clock: net.clock, random });
    await net.clock.advance(1);
    const peer = new RawPeer(net, await secured, { initiator: true, id });
    await net.clock.settle();
    return { net, node, link, peer };
  }

  it("is up with whoever proves the key of its id", async () => {
    const who = identity();
    const asked: unknown[] = [];
    const { net, link, peer } = await encrypted(who, nodeIdOfKey(who.publicKey)!, { authorize: (request) => asked.push(request) > 0 });
    peer.say(peer.hello({ key: who.publicKey }), { t: "ready" });
    await net.clock.settle();
    expect(asked).toEqual([{ action: "link", peer: peer.id, key: who.publicKey, role: "peer", remoteAddress: link.remoteAddress }]);
    expect([link.state, link.peer]).toEqual(["up", peer.id]);
  });

  it("is refused to whoever says the id and the key of another, and has proven a key of his own", async () => {
    const [victim, thief] = [identity(), identity()];
    const { net, node, link, peer } = await encrypted(thief, nodeIdOfKey(victim.publicKey)!);
    peer.say(peer.hello({ key: victim.publicKey }), { t: "ready" });
    await net.clock.settle();
    expect(await outcome(link.ready)).toEqual(failure("EACCES", "the key in the other end's HELLO is not the one it has proven to have"));
    expect(peer.said).toMatchObject([{ t: "refuse", code: "EACCES", retry: false }]);
    expect(node.takeEvents()).toEqual(["linkerror"]);
  });

  it("is refused to whoever says the id of another with the key that he has proven", async () => {
    const [victim, thief] = [identity(), identity()];
    const { net, link, peer } = await encrypted(thief, nodeIdOfKey(victim.publicKey)!);
    peer.say(peer.hello({ key: thief.publicKey }), { t: "ready" });
    await net.clock.settle();
    expect(await outcome(link.ready)).toEqual(failure("EACCES", "its key is not that node's"));
  });
});

/** The first bytes of a connection, and the connection that follows them. */
async function firstBytes(net: TestNetwork, connection: Connection, count: number): Promise<{ first: Uint8Array; connection: Connection }> {
  const { HandoverConnection } = await import("../src/link/handover-connection.ts");
  const handover = new HandoverConnection(connection, net.clock, () => undefined);
  await net.clock.settle();
  const first = handover.peek(count).slice();
  handover.take(count);
  return { first, connection: handover };
}

describe("a link that is up", () => {
  it("refuses streams that it does not know, and a second control stream, and stays", async () => {
    const { net, link, peer } = await linked();
    for (const type of [0, 1, 4, 77]) {
      const stream = peer.open(type);
      await net.clock.settle();
      expect(await peer.answer(stream)).toContain(`streams of type ${type} are not known here`);
    }
    expect([link.state, link.streamCount]).toEqual(["up", 0]);
  });

  it.each([
    ["a dial with a malformed header", 3, Uint8Array.of(1, 2, 3), ""],
    ["a dial in the name of another node", 3, encodeDialHeader({ port: 80, service: undefined, env: "", from: { id: idOf(98), port: 9 }, trace: undefined }), idOf(98)],
    ["a circuit with a malformed header", 2, Uint8Array.of(1, 2, 3), ""],
  ])("ends with whoever opens %s, and says why", async (_what, type, header, words) => {
    const { net, link, peer } = await linked();
    peer.session.open({ type, header }).opened.catch(() => undefined);
    await net.clock.settle();
    expect(await outcome(link.closed)).toEqual(failure("ERR_ASTRANET_PROTOCOL", words));
    expect(peer.said.at(-1)).toMatchObject({ t: "refuse", code: "ERR_ASTRANET_PROTOCOL", retry: false });
  });

  it("drains when the other end says GOAWAY, whatever still runs", async () => {
    const { net, node, link, peer } = await linked();
    const stream = peer.open();
    await net.clock.settle();
    void peer.session.close();
    await net.clock.settle();
    expect([link.state, node.takeEvents()]).toEqual(["draining", ["reachability"]]);
    void stream.end();
    await net.clock.advance(5000);
    expect(link.state).toBe("closed");
  });

  it("drains on, whatever becomes of its control stream, but not with who breaks its rules", async () => {
    for (const breaks of [false, true]) {
      const { net, link, peer } = await linked();
      peer.open();
      await net.clock.settle();
      void link.close();
      await net.clock.settle();
      expect(link.state).toBe("draining");
      if (breaks) peer.say({ t: "invented" });
      else peer.control.reset();
      await net.clock.settle();
      expect(link.state).toBe(breaks ? "closed" : "draining");
      if (breaks) expect(await outcome(link.closed)).toEqual(failure("ERR_ASTRANET_PROTOCOL", '"invented" is not known'));
    }
  });

  it("ends where the other end reads its control stream no more", async () => {
    const { net, node, link, peer } = await linked();
    await net.clock.advance(100);
    peer.control.stop();
    await net.clock.settle();
    node.directory.publish({ name: "web", port: 80 });
    await net.clock.advance(100);
    expect(link.state).toBe("closed");
  });

  it("says what broke the connection, not what that did to its control stream", async () => {
    const net = new TestNetwork();
    const [here, there] = net.pipe();
    let breakIt: ((reason: unknown) => void) | undefined;
    const breakable: Connection = {
      localAddress: "this end",
      remoteAddress: "memory:that end",
      start: (sink) => {
        breakIt = (reason) => sink.closed(reason);
        here.start({ data: (chunk) => sink.data(chunk), drain: () => sink.drain(), closed: () => undefined });
      },
      send: (chunks) => here.send(chunks),
      close: () => here.close(),
      abort: () => here.abort(),
    };
    const link = net.node(1).router.attach(breakable, { initiator: false });
    const peer = await RawPeer.meet(net, there, { initiator: true });
    peer.say(peer.hello(), { t: "ready" });
    await net.clock.settle();
    expect([link.state, link.localAddress, link.remoteAddress]).toEqual(["up", "this end", "memory:that end"]);
    const reason = new Error("the cable is cut");
    breakIt!(reason);
    await net.clock.settle();
    expect(await outcome(link.closed)).toMatchObject({ code: "ECONNRESET", cause: reason });
  });

  it("is closed when it goes out of scope", async () => {
    const { net, link, peer } = await linked();
    const disposed = link[Symbol.asyncDispose]();
    expect(link.state).toBe("draining");
    void peer.control.end();
    await net.clock.settle();
    await disposed;
    expect(link.state).toBe("closed");
    await expect(link.closed).resolves.toBeUndefined();
  });

  it("that its own node closes in the moment it is up refuses the dial that it was up by", async () => {
    const { net, node, link, peer } = await meet();
    node.router.subscribe((event) => {
      if (event.type === "linkup") void event.link.close();
    });
    peer.say(peer.hello());
    await net.clock.settle();
    const stream = peer.open();
    await net.clock.settle();
    expect(await peer.answer(stream)).toContain(notNow);
    expect(await outcome(link.ready)).toBe(peer.id);
    void peer.control.end();
    await net.clock.settle();
    expect(link.state).toBe("closed");
  });
});

describe("last words", () => {
  it("are heard, and then nothing is left", async () => {
    const { net, link, peer } = await meet({ options: { authorize: () => false } });
    peer.say(peer.hello());
    await net.clock.settle();
    void peer.control.end();
    await net.clock.settle();
    expect([link.state, peer.isOver, net.clock.timers]).toEqual(["closed", true, 0]);
  });

  it("are cut off after 250 ms where the other end does not close", async () => {
    const { net, link, peer } = await meet({ options: { authorize: () => false } });
    peer.say(peer.hello());
    await net.clock.settle();
    expect([link.state, peer.isOver, net.clock.awaited]).toEqual(["closed", false, 2]);
    await net.clock.advance(249);
    expect(peer.isOver).toBe(false);
    await net.clock.advance(1);
    expect([peer.isOver, net.clock.timers]).toEqual([true, 0]);
  });
});
