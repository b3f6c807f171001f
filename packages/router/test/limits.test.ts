import { describe, expect, it } from "vitest";
import { Router, drawNodeId, isIdLike, isNodeId, makeIncarnation, parseNodeId, type RouterLimits } from "@astranet/router";
import { RecordStore } from "@astranet/discovery";
import type { Connection, Transport } from "@astranet/transport";
import { hostOf, isIp, staysHere } from "../src/wire-address.ts";
import { TestNetwork, during, idOf, outcome, seededRandom, type TestNode } from "./support/network.ts";

/** A connection whose far end is said to be elsewhere. */
function from(remoteAddress: string, connection: Connection): Connection {
  return {
    localAddress: "127.0.0.1:1",
    remoteAddress,
    start: (sink) => connection.start(sink),
    send: (chunks) => connection.send(chunks),
    close: () => connection.close(),
    abort: (reason) => connection.abort(reason),
  };
}

describe("accepting", () => {
  const overload = { type: "refused", error: { code: "ERR_ASTRANET_OVERLOAD", retryable: true } };

  /** A listening node to which all that connects seems to come from one machine, or each from one of its own. */
  async function door(limits: Partial<RouterLimits>, host: () => string): Promise<{ net: TestNetwork; a: TestNode; knock: () => Promise<() => boolean> }> {
    const net = new TestNetwork();
    const transport: Transport = {
      networks: ["memory"],
      dial: (network, address) => net.transport.dial(network, address),
      listen: (network, address, init) => net.transport.listen(network, address, { onconnection: (connection) => init.onconnection(from(`${host()}:999`, connection)) }),
    };
    const a = net.node(1, { limits, transports: [transport] });
    await during(net.clock, a.router.listen("memory", "a"));
    const knock = async (): Promise<() => boolean> => {
      let closed = false;
      (await during(net.clock, net.transport.dial("memory", "a"))).start({ data: () => undefined, drain: () => undefined, closed: () => (closed = true) });
      await net.clock.advance(1);
      return () => closed;
    };
    return { net, a, knock };
  }

  it("maxPendingPerHost: more are turned away, and room comes back at the time limit", async () => {
    const { net, a, knock } = await door({ maxPendingPerHost: 3 }, () => "127.0.0.1");
    for (let i = 0; i < 3; i += 1) await knock();
    expect(a.events).toEqual([]);
    const closed = await knock();
    expect([a.events.length, closed()]).toEqual([1, true]);
    expect(a.events).toMatchObject([overload]);
    a.takeEvents();
    await net.clock.advance(5000);
    expect(a.takeEvents()).toEqual(["linkerror", "linkerror", "linkerror"]);
    const b = net.node(2);
    expect((await during(net.clock, b.router.join("memory", "a"), 10)).peer).toBe(a.id);
  });

  it("maxPendingPerHost: the room of one who left is one, as long as others of his host stand at the door", async () => {
    const { net, a } = await door({ maxPendingPerHost: 3, handshakeTimeoutMs: 1000 }, () => "127.0.0.1");
    const knock = async (): Promise<Connection> => {
      const connection = await during(net.clock, net.transport.dial("memory", "a"));
      connection.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
      await net.clock.settle();
      return connection;
    };
    const [first] = [await knock(), await knock(), await knock()];
    first.abort();
    await net.clock.settle();
    expect(a.takeEvents()).toEqual(["linkerror"]);
    await knock();
    expect(a.takeEvents()).toEqual([]);
    await knock();
    expect(a.events).toMatchObject([{ ...overload, error: { ...overload.error, message: expect.stringContaining("3 handshakes with 127.0.0.1 are under way already") as string } }]);
  });

  it("maxPendingHandshakes: the one that has taken longest makes room, so a crowd that only stands there keeps no member out", async () => {
    let hosts = 0;
    const { net, a, knock } = await door({ maxPendingHandshakes: 3, maxPendingPerHost: 1 }, () => `127.0.0.${(hosts += 1)}`);
    const closed: (() => boolean)[] = [];
    for (let i = 0; i < 4; i += 1) closed.push(await knock());
    expect(closed.map((isClosed) => isClosed())).toEqual([true, false, false, false]);
    const words = "a connection was turned away: there are more than 3 handshakes under way, of which this one took longest";
    expect(a.events).toMatchObject([{ type: "linkerror", error: { code: "ERR_ASTRANET_OVERLOAD", retryable: true, message: `ERR_ASTRANET_OVERLOAD: ${words}` } }]);
    const b = net.node(2);
    expect((await during(net.clock, b.router.join("memory", "a"), 10)).peer).toBe(a.id);
    await net.clock.advance(5000);
    expect(a.takeEvents().filter((type) => type.startsWith("link"))).toEqual(["linkerror", "linkerror", "linkup", "linkerror", "linkerror"]);
    expect(a.router.links).toHaveLength(1);
  });

  it("a connection that is turned away for another limit takes up no room", async () => {
    const { net, a, knock } = await door({ maxPendingPerHost: 2, maxLinks: 1 }, () => "127.0.0.1");
    const link = a.router.attach(net.pipe()[0]);
    for (let i = 0; i < 5; i += 1) await knock();
    await link.close();
    a.takeEvents();
    const b = net.node(2);
    expect((await during(net.clock, b.router.join("memory", "a"), 10)).peer).toBe(a.id);
  });

  it("handshakesPerSecond and handshakeBurst: so many at once, so many a second later", async () => {
    const net = new TestNetwork();
    const a = net.node(1, { limits: { handshakesPerSecond: 10, handshakeBurst: 5, maxPendingPerHost: 1000 } });
    await during(net.clock, a.router.listen("memory", "a"));
    const refused: unknown[] = [];
    a.router.subscribe((event) => {
      if (event.type === "refused") refused.push(event.error);
    });
    const knock = async (times: number): Promise<number> => {
      for (let i = 0; i < times; i += 1) await during(net.clock, net.transport.dial("memory", "a"));
      return a.takeEvents().filter((type) => type === "refused").length;
    };
    await during(net.clock, net.transport.dial("memory", "a"));
    expect(await knock(7)).toBe(3);
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({ message: "ERR_ASTRANET_OVERLOAD: a connection was turned away: there are more than 10 new connections a second" });
    await net.clock.advance(200);
    expect(await knock(8)).toBe(6);
  });

  it("maxLinks: more are refused, whoever makes them", async () => {
    const net = new TestNetwork();
    const a = net.node(1, { limits: { maxLinks: 1 } });
    await during(net.clock, a.router.listen("memory", "a"));
    a.router.attach(net.pipe()[0]);
    expect(() => a.router.attach(net.pipe()[0])).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_OVERLOAD", retryable: true, message: "ERR_ASTRANET_OVERLOAD: this node has 1 links already" }));
    await during(net.clock, net.transport.dial("memory", "a"));
    expect(a.events).toMatchObject([overload]);
  });

  it("takes no unknown network, and no transport that cannot listen", async () => {
    const net = new TestNetwork();
    const dialOnly: Transport = { networks: ["one-way"], dial: async () => net.pipe()[0] };
    const { router } = net.node(1, { transports: [dialOnly] });
    expect(await outcome(router.listen("tcp", ":80"))).toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT", message: expect.stringContaining("there are: one-way") as string });
    expect(await outcome(router.listen("one-way", "x"))).toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT", message: expect.stringContaining("cannot listen") as string });
  });
});

describe("links in clear", () => {
  const insecure = { code: "ERR_ASTRANET_INSECURE", retryable: false };

  it("stay on this machine, unless the node is told that its wires are trusted", async () => {
    const net = new TestNetwork();
    const transport: Transport = { networks: ["tcp"], dial: async (_network, address) => from(address, net.pipe()[0]), listen: (_network, address, init) => net.transport.listen("memory", address, init) };
    const safe = net.node(1, { transports: [transport] }).router;
    const trusting = net.node(2, { transports: [transport], insecure: true }).router;
    for (const address of [":80", "0.0.0.0:80", "[::]:80", "192.168.1.5:80", "example.com:80", "[::ffff:10.0.0.1]:80", "127.0.0.1.example.com:80"]) {
      expect(await outcome(safe.listen("tcp", address))).toMatchObject(insecure);
      expect((await during(net.clock, trusting.listen("tcp", address))).address).toBe(address);
      if (address.startsWith(":")) continue;
      const joined = safe.join("tcp", address);
      joined.catch(() => undefined);
      await net.clock.advance(10);
      expect(await outcome(joined)).toMatchObject(insecure);
    }
    for (const address of ["127.0.0.1:81", "[::1]:81", "localhost:81", "127.9.9.9:81", "[::ffff:127.0.0.1]:81"]) {
      expect((await during(net.clock, safe.listen("tcp", address))).address).toBe(address);
    }
  });

  it("are judged by where a connection leads, not by what was dialled", async () => {
    const net = new TestNetwork();
    const elsewhere: Transport = { networks: ["tcp"], dial: async () => from("10.1.2.3:80", net.pipe()[0]) };
    const joined = net.node(1, { transports: [elsewhere] }).router.join("tcp", "localhost:80");
    joined.catch(() => undefined);
    await net.clock.advance(10);
    expect(await outcome(joined)).toMatchObject(insecure);
  });

  it("are refused to an attached connection with a far end elsewhere, unless the caller vouches for it", async () => {
    const net = new TestNetwork();
    const { router } = net.node(1);
    const refused = router.attach(from("10.1.2.3:80", net.pipe()[0]));
    expect(refused.state).toBe("handshake");
    await net.clock.advance(1);
    expect(await outcome(refused.ready)).toMatchObject(insecure);
    expect(router.attach(from("10.1.2.3:80", net.pipe()[0]), { trust: "local" }).state).toBe("handshake");
    expect(router.attach(net.pipe()[0]).state).toBe("handshake");
    await net.clock.advance(1);
    expect(router.links).toHaveLength(2);
  });

  /** A node that listens on this machine, and what its transport tells it of who comes. */
  async function listening(options: { insecure?: boolean } = {}): Promise<{ net: TestNetwork; node: TestNode; comes: (remoteAddress: string) => Promise<{ got: Uint8Array[]; isOver: () => boolean }> }> {
    const net = new TestNetwork();
    let onconnection: ((connection: Connection) => void) | undefined;
    const transport: Transport = {
      networks: ["tcp"],
      dial: async () => net.pipe()[0],
      listen: (_network, address, init) => {
        onconnection = (connection) => init.onconnection(connection);
        return net.transport.listen("memory", address, init);
      },
    };
    const node = net.node(1, { transports: [transport], ...options });
    await during(net.clock, node.router.listen("tcp", "127.0.0.1:80"));
    const comes = async (remoteAddress: string): Promise<{ got: Uint8Array[]; isOver: () => boolean }> => {
      const [here, there] = net.pipe();
      let over = false;
      const got: Uint8Array[] = [];
      there.start({ data: (chunk) => void got.push(chunk), drain: () => undefined, closed: () => (over = true) });
      onconnection!(from(remoteAddress, here));
      await net.clock.settle();
      return { got, isOver: () => over };
    };
    return { net, node, comes };
  }

  it("are refused to an accepted connection that came from elsewhere, before a byte is said", async () => {
    const { node, comes } = await listening();
    const stranger = await comes("10.1.2.3:999");
    expect([stranger.got, stranger.isOver(), node.router.links]).toEqual([[], true, []]);
    expect(node.events).toMatchObject([{ type: "linkerror", error: insecure }]);
    const local = await comes("127.0.0.1:999");
    expect([local.got[0]?.[5], local.isOver(), node.router.links.length]).toEqual([3, false, 1]);
    expect((await (await listening({ insecure: true })).comes("10.1.2.3:999")).got[0]?.[5]).toBe(2);
  });

  it("are no more once the node is closed, though a connection may still come", async () => {
    const { net, node, comes } = await listening();
    void node.router.close();
    await net.clock.settle();
    const late = await comes("127.0.0.1:999");
    expect([late.got, late.isOver(), node.router.links, net.clock.timers]).toEqual([[], true, [], 0]);
  });

  it("say so in their preamble: 'insecure' beyond this machine, 'local' on it", async () => {
    const net = new TestNetwork();
    const { router } = net.node(1, { insecure: true });
    const modes: number[] = [];
    for (const address of ["10.1.2.3:80", "127.0.0.1:80"]) {
      const [here, there] = net.pipe();
      there.start({ data: (chunk) => void modes.push(chunk[5]!), drain: () => undefined, closed: () => undefined });
      router.attach(from(address, here));
      await net.clock.advance(1);
    }
    expect(modes).toEqual([2, 3]);
  });
});

describe("addresses of wires", () => {
  it("have a host, whatever they look like", () => {
    expect(["127.0.0.1:80", "[::1]:80", "::1", "localhost", ":80", "memory:a", "/tmp/x.sock"].map(hostOf)).toEqual(["127.0.0.1", "::1", "::1", "localhost", "", "memory", "/tmp/x.sock"]);
  });

  it("are IP addresses or not", () => {
    expect(["127.0.0.1:80", "[fe80::1%eth0]:80", "::1", "localhost:80", "memory:a", "", "a:b"].map(isIp)).toEqual([true, true, true, false, false, false, false]);
  });

  it("stay on this machine or not", () => {
    expect(staysHere("memory", "x") && staysHere("unix", "/x") && staysHere("ws", "ws://127.0.0.1:80/path") && staysHere("tcp4", "127.0.0.1:0")).toBe(true);
    expect(staysHere("tcp", ":80", "localhost")).toBe(true);
    for (const [network, address] of [["tcp", ""], ["tcp", "*:80"], ["ws", "wss://example.com/x"], ["tcp", "localhost.example.com:80"], ["odd", "here"]] as const) {
      expect(staysHere(network, address)).toBe(false);
    }
  });
});

describe("node ids", () => {
  it("are drawn until they hold a letter", () => {
    let draws = 0;
    const id = drawNodeId((length) => (draws++ === 0 ? new Uint8Array(length) : seededRandom(3)(length)));
    expect(draws).toBe(2);
    expect(isNodeId(id) && new URL(`http://${id}/`).hostname === id).toBe(true);
  });

  it("are 16 lower-case hexadecimal digits with a letter, and each mistake has its words", () => {
    expect(parseNodeId("0123456789abcdef")).toBe("0123456789abcdef");
    expect([isIdLike("1234567890123456"), isNodeId("1234567890123456"), isNodeId(7), isIdLike("web")]).toEqual([true, false, false, false]);
    for (const [text, words] of [["1234567890123456", "no letter"], ["0123456789ABCDEF", "upper-case"], ["web", "not 16 hexadecimal"]] as const) {
      expect(() => parseNodeId(text)).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(words) as string }));
    }
  });

  it("live through incarnations that grow with the time of day", () => {
    expect(makeIncarnation(1_700_000_000_000, () => Uint8Array.of(0x12, 0x34))).toBe((1_700_000_000_000n << 16n) + 0x1234n);
    expect(makeIncarnation(2, seededRandom(1)) > makeIncarnation(1, seededRandom(2))).toBe(true);
  });

  it("and their keys are checked", () => {
    expect(() => new Router({ store: new RecordStore({ self: "1234567890123456", incarnation: 1n }) })).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => new Router({ store: new RecordStore({ self: idOf(1), incarnation: 1n }), key: new Uint8Array(65) })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
});
