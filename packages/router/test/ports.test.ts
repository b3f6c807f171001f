import { describe, expect, it } from "vitest";
import { isNodeId, type BindInit, type Conn, type Listener } from "@astranet/router";
import { TestNetwork, during, idOf, linked, outcome, type TestNode } from "./support/network.ts";

async function pair(net: TestNetwork, from: TestNode, listener: Listener): Promise<[Conn, Conn]> {
  const accepted = listener.accept();
  const conn = await during(net.clock, from.router.connect(listener.id, listener.port), 1000);
  return [conn, await accepted];
}

describe("bind", () => {
  it("takes a port, and gives it back when the listener closes", async () => {
    const { router, id } = new TestNetwork().node(1);
    const listener = router.bind({ port: 80 });
    expect(listener).toMatchObject({ id, port: 80, address: `${id}:80`, service: undefined, env: "" });
    expect(() => router.bind({ port: 80 })).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
    await listener.close();
    await listener.closed;
    expect(router.bind({ port: 80 }).port).toBe(80);
  });

  it("takes free ports from the upper half, each another", () => {
    const { router } = new TestNetwork().node(1);
    const ports = [router.bind({}), router.bind({ port: 0 }), router.bind({ service: "web" })].map(({ port }) => port);
    expect(new Set(ports).size).toBe(3);
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(2 ** 31);
    expect(router.bind({ port: 4_294_967_295 }).port).toBe(4_294_967_295);
  });

  it.each<[BindInit]>([[{ port: -1 }], [{ port: 2 ** 32 }], [{ port: 1.5 }], [{ port: Number.NaN }], [{ backlog: -1 }], [{ backlog: 0.5 }]])("does not take %j", (init) => {
    const { router } = new TestNetwork().node(1);
    expect(() => router.bind(init)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("maxListeners: more are refused", () => {
    const { router } = new TestNetwork().node(1, { limits: { maxListeners: 1 } });
    router.bind({});
    expect(() => router.bind({})).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_OVERLOAD" }));
  });
});

describe("connect", () => {
  it("resolves when the listener's side accepted, not before, and knows both ends", async () => {
    const { net, a, b } = await linked(10);
    const listener = b.router.bind({ port: 80, service: "web", env: "prod" });
    const dialled = a.router.connect(b.id, 80, { service: "web", env: "prod", trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", urgency: 1 });
    await net.clock.advance(500);
    expect(await outcome(dialled)).toBe("pending");
    const there = await listener.accept();
    await net.clock.advance(9);
    expect(await outcome(dialled)).toBe("pending");
    await net.clock.advance(1);
    const here = await dialled;
    expect(here).toMatchObject({ service: "web", env: "prod", remoteAddress: { id: b.id, port: 80 }, urgency: 1 });
    expect(there).toMatchObject({ service: "web", env: "prod", localAddress: { id: b.id, port: 80 }, remoteAddress: here.localAddress, trace: here.trace });
    expect(here.localAddress.id).toBe(a.id);
    expect(isNodeId(here.localAddress.id) && here.localAddress.port > 0).toBe(true);
    void here.write(Uint8Array.of(1));
    void here.end(Uint8Array.of(2));
    await net.clock.advance(20);
    const got: number[] = [];
    for await (const chunk of there) got.push(...chunk);
    expect(got).toEqual([1, 2]);
    void there.end();
    await net.clock.advance(20);
    expect(await here.read()).toBeNull();
    expect(await outcome(here.closed)).toBeUndefined();
  });

  it("is refused in one round trip, retryable, where nobody is bound, or under another name", async () => {
    const { net, a, b } = await linked(10);
    b.router.bind({ port: 80, service: "web" });
    for (const [port, options, words] of [
      [81, {}, "nobody is bound to port 81"],
      [80, { service: "other" }, 'nobody is bound to port 80 as "other"'],
      [80, { service: "web", env: "prod" }, 'nobody is bound to port 80 as "web" in env "prod"'],
    ] as const) {
      const dialled = a.router.connect(b.id, port, options);
      dialled.catch(() => undefined);
      await net.clock.advance(20);
      expect(await outcome(dialled)).toMatchObject({ code: "ECONNREFUSED", retryable: true, via: [b.id], message: expect.stringContaining(words) as string });
    }
  });

  it("says EHOSTUNREACH at once where there is no link", async () => {
    const { router } = new TestNetwork().node(1);
    expect(await outcome(router.connect(idOf(7), 80))).toMatchObject({ code: "EHOSTUNREACH" });
    expect(await outcome(router.ping(idOf(7)))).toMatchObject({ code: "EHOSTUNREACH" });
  });

  it("says ETIMEDOUT when nobody accepts in time, and the listener never hands that dial out", async () => {
    const { net, a, b } = await linked();
    const listener = b.router.bind({ port: 80 });
    const dialled = a.router.connect(b.id, 80, { timeoutMs: 300 });
    dialled.catch(() => undefined);
    await net.clock.advance(299);
    expect(await outcome(dialled)).toBe("pending");
    await net.clock.advance(1);
    expect(await outcome(dialled)).toMatchObject({ code: "ETIMEDOUT" });
    const accepted = listener.accept();
    await net.clock.advance(10);
    expect(await outcome(accepted)).toBe("pending");
  });

  it("rejects with the signal's own reason; a listener that had accepted sees a reset", async () => {
    const { net, a, b } = await linked(10);
    const listener = b.router.bind({ port: 80 });
    const reason = new Error("enough");
    expect(await outcome(a.router.connect(b.id, 80, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const dialled = a.router.connect(b.id, 80, { signal: controller.signal });
    dialled.catch(() => undefined);
    const accepted = listener.accept();
    await net.clock.advance(12);
    const there = await accepted;
    controller.abort(reason);
    expect(await outcome(dialled)).toBe(reason);
    await net.clock.advance(20);
    expect(await outcome(there.read())).toMatchObject({ code: "ECONNRESET" });
  });

  it("opens nothing when it is aborted in the very tick in which it was called", async () => {
    const { net, a, b } = await linked();
    let dials = 0;
    b.router.bind({ port: 80, onconn: () => void (dials += 1) });
    const controller = new AbortController();
    const dialled = a.router.connect(b.id, 80, { signal: controller.signal });
    dialled.catch(() => undefined);
    controller.abort("no");
    await net.clock.advance(100);
    expect(await outcome(dialled)).toBe("no");
    expect(dials).toBe(0);
  });

  it("fails once, with ECONNRESET, when the link breaks meanwhile, and takes everything else on it along", async () => {
    const { net, a, b } = await linked(10);
    const listener = b.router.bind({ port: 80 });
    const [here, there] = await pair(net, a, listener);
    const pending = a.router.connect(b.id, 80);
    const reads = [here.read(), there.read()];
    for (const promise of [pending, ...reads]) promise.catch(() => undefined);
    await net.clock.advance(20);
    there.stream.session.abort();
    await net.clock.advance(20);
    expect(await outcome(reads[0]!)).toMatchObject({ code: "ECONNRESET" });
    // Nothing was sent: it may be dialled again.
    expect(await outcome(pending)).toMatchObject({ code: "ECONNRESET", via: [b.id], retryable: true });
    expect(await outcome(reads[1]!)).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
  });

  it("reaches this very node without any link", async () => {
    const net = new TestNetwork();
    const a = net.node(1);
    const listener = a.router.bind({ port: 80, service: "web" });
    const [here, there] = await pair(net, a, listener);
    expect([here.remoteAddress, there.localAddress]).toEqual([{ id: a.id, port: 80 }, { id: a.id, port: 80 }]);
    void here.end(Uint8Array.of(5));
    await net.clock.advance(1);
    expect([await there.read(), await there.read()]).toEqual([Uint8Array.of(5), null]);
    const refused = a.router.connect(a.id, 81);
    refused.catch(() => undefined);
    await net.clock.advance(1);
    expect(await outcome(refused)).toMatchObject({ code: "ECONNREFUSED", retryable: true });
    expect(await during(net.clock, a.router.ping(a.id), 1)).toBe(0);
    expect([a.router.links, a.router.routes()]).toEqual([[], []]);
  });

  it.each([0, -1, 2 ** 32, 1.5, Number.NaN])("does not take port %s", async (port) => {
    const { router, id } = new TestNetwork().node(1);
    expect(await outcome(router.connect(id, port))).toMatchObject({ code: "EINVAL" });
  });

  it("does not take a malformed id, timeout, trace context or urgency", async () => {
    const { router, id } = new TestNetwork().node(1);
    for (const attempt of [
      router.connect("web", 80),
      router.connect("0123456789ABCDEF", 80),
      router.connect(id, 80, { timeoutMs: -1 }),
      router.connect(id, 80, { trace: "x".repeat(513) }),
      router.connect(id, 80, { urgency: 8 }),
    ]) {
      expect(await outcome(attempt)).toMatchObject({ code: "EINVAL" });
    }
  });

  it("answers a ping with the round trip", async () => {
    const { net, a, b } = await linked(15);
    expect(await during(net.clock, a.router.ping(b.id), 100)).toBe(30);
    expect(a.router.routes()).toMatchObject([{ id: b.id, rttMs: 30 }]);
  });
});

describe("a listener", () => {
  it("lets so many dials wait as its backlog says, and refuses the rest, retryable", async () => {
    const { net, a, b } = await linked();
    for (const [backlog, port] of [[3, 80], [undefined, 81]] as const) {
      const most = backlog ?? 1024;
      b.router.bind(backlog === undefined ? { port } : { port, backlog });
      const dials = Array.from({ length: most + 5 }, () => a.router.connect(b.id, port, { timeoutMs: Infinity }));
      for (const dial of dials) dial.catch(() => undefined);
      await net.clock.advance(10);
      const ends = await Promise.all(dials.map(outcome));
      expect(ends.filter((end) => end === "pending")).toHaveLength(most);
      for (const end of ends.slice(most)) expect(end).toMatchObject({ code: "ECONNREFUSED", retryable: true, message: expect.stringContaining(`${most} dials wait`) as string });
    }
  });

  it("with a backlog of 0 takes dials only while somebody accepts", async () => {
    const { net, a, b } = await linked();
    const listener = b.router.bind({ port: 80, backlog: 0 });
    const refused = a.router.connect(b.id, 80);
    refused.catch(() => undefined);
    await net.clock.advance(1);
    expect(await outcome(refused)).toMatchObject({ code: "ECONNREFUSED" });
    const [here] = await pair(net, a, listener);
    expect(here.remoteAddress.port).toBe(80);
  });

  it("with onconn takes every dial as it comes, without a backlog", async () => {
    const { net, a, b } = await linked();
    const conns: Conn[] = [];
    const listener = b.router.bind({ port: 80, backlog: 0, onconn: (conn) => void conns.push(conn) });
    const dials = Array.from({ length: 3000 }, () => a.router.connect(b.id, 80));
    await during(net.clock, Promise.all(dials), 10);
    expect(conns).toHaveLength(3000);
    expect(await outcome(listener.accept())).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    await listener.close();
    const late = a.router.connect(b.id, 80);
    late.catch(() => undefined);
    await net.clock.advance(1);
    expect(await outcome(late)).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("makes room when a dial that waits is given up", async () => {
    const { net, a, b } = await linked();
    b.router.bind({ port: 80, backlog: 1 });
    const controller = new AbortController();
    const first = a.router.connect(b.id, 80, { signal: controller.signal });
    first.catch(() => undefined);
    await net.clock.advance(1);
    controller.abort();
    await net.clock.advance(1);
    const second = a.router.connect(b.id, 80);
    await net.clock.advance(1);
    expect(await outcome(second)).toBe("pending");
  });

  it("hands dials out in order, to whoever asked first", async () => {
    const { net, a, b } = await linked();
    const listener = b.router.bind({ port: 80 });
    const accepts = [listener.accept(), listener.accept()];
    const dials = [1, 2, 3].map((n) => a.router.connect(b.id, 80, { trace: String(n) }));
    await net.clock.advance(1);
    accepts.push(listener.accept());
    await net.clock.advance(1);
    expect((await Promise.all(accepts)).map(({ trace }) => trace)).toEqual(["1", "2", "3"]);
    await Promise.all(dials);
  });

  it("rejects an aborted accept with the signal's own reason, and loses no dial by it", async () => {
    const { net, a, b } = await linked();
    const listener = b.router.bind({ port: 80 });
    const reason = new Error("enough");
    expect(await outcome(listener.accept({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const aborted = listener.accept({ signal: controller.signal });
    const next = listener.accept();
    controller.abort(reason);
    expect(await outcome(aborted)).toBe(reason);
    await during(net.clock, a.router.connect(b.id, 80), 1);
    expect((await next).remoteAddress.id).toBe(a.id);
  });

  it("ends its loop when it closes, and closes when its loop ends early", async () => {
    const { net, a, b } = await linked();
    const listener = b.router.bind({ port: 80 });
    const seen: Conn[] = [];
    const loop = (async () => {
      for await (const conn of listener) seen.push(conn);
    })();
    await during(net.clock, Promise.all([a.router.connect(b.id, 80), a.router.connect(b.id, 80)]), 1);
    await listener.close();
    await loop;
    expect(seen).toHaveLength(2);
    expect(await outcome(listener.accept())).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    const other = b.router.bind({ port: 80 });
    const early = (async () => {
      for await (const conn of other) return conn;
      return undefined;
    })();
    await during(net.clock, a.router.connect(b.id, 80), 1);
    expect(await early).toBeDefined();
    await other.closed;
  });

  it("refuses what waits when it closes; Conns that it handed out go on", async () => {
    const { net, a, b } = await linked();
    const calls: string[] = [];
    const listener = b.router.bind({ port: 80, ondrain: () => calls.push("drain"), onclose: () => calls.push("close") });
    const [here, there] = await pair(net, a, listener);
    const waiting = a.router.connect(b.id, 80);
    waiting.catch(() => undefined);
    await net.clock.advance(1);
    void listener.close();
    void listener.close();
    expect(calls).toEqual(["drain", "close"]);
    await net.clock.advance(1);
    expect(await outcome(waiting)).toMatchObject({ code: "ECONNREFUSED", retryable: true });
    void here.end(Uint8Array.of(9));
    await net.clock.advance(1);
    expect(await there.read()).toEqual(Uint8Array.of(9));
  });

  it("drains: refuses new dials, still hands out those that wait, then closes", async () => {
    const { net, a, b } = await linked();
    const calls: string[] = [];
    const listener = b.router.bind({ port: 80, ondrain: () => calls.push("drain"), onclose: () => calls.push("close") });
    const waiting = [a.router.connect(b.id, 80), a.router.connect(b.id, 80)];
    await net.clock.advance(1);
    const drained = listener.drain();
    expect(calls).toEqual(["drain"]);
    const late = a.router.connect(b.id, 80);
    late.catch(() => undefined);
    await net.clock.advance(1);
    expect(await outcome(late)).toMatchObject({ code: "ECONNREFUSED", retryable: true });
    expect(() => b.router.bind({ port: 80 })).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
    await listener.accept();
    expect(calls).toEqual(["drain"]);
    await listener.accept();
    await drained;
    expect(calls).toEqual(["drain", "close"]);
    await net.clock.advance(1);
    await Promise.all(waiting);
    expect(await outcome(listener.accept())).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
  });
});

describe("a closed router", () => {
  it("takes nothing new, lets streams finish, and leaves no timer", async () => {
    const { net, a, b } = await linked();
    const listener = b.router.bind({ port: 80 });
    const own = b.router.bind({ port: 81 });
    const [here, there] = await pair(net, a, listener);
    const [selfHere, selfThere] = await pair(net, b, own);
    const closed = b.router.close();
    expect(b.router.close()).toBe(closed);
    expect(() => b.router.bind({})).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INVALID_STATE" }));
    expect(() => b.router.attach(net.pipe()[0])).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INVALID_STATE" }));
    for (const attempt of [b.router.connect(a.id, 80), b.router.join("memory", "x"), b.router.listen("memory", "x")]) {
      expect(await outcome(attempt)).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    }
    await net.clock.advance(100);
    expect(await outcome(closed)).toBe("pending");
    for (const conn of [here, there, selfHere, selfThere]) void conn.end(Uint8Array.of(1));
    await net.clock.advance(100);
    expect(await there.read()).toEqual(Uint8Array.of(1));
    await closed;
    await b.router.closed;
    expect(a.router.routes()).toEqual([]);
    void a.router.close();
    await net.clock.advance(10);
    expect(net.clock.timers).toBe(0);
  });

  it("does not wait longer than five seconds for streams that never finish", async () => {
    const { net, a, b } = await linked();
    const [here] = await pair(net, a, b.router.bind({ port: 80 }));
    const read = here.read();
    read.catch(() => undefined);
    const closed = b.router.close();
    await net.clock.advance(4990);
    expect(await outcome(closed)).toBe("pending");
    await net.clock.advance(100);
    await closed;
    expect(await outcome(read)).toMatchObject({ code: expect.stringMatching(/ECONNRESET|ERR_ASTRANET_SESSION_CLOSED/) as string });
  });
});
