import type { Session } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { drainOf, echo, failure, virtualNetwork } from "./support/circuit-network.ts";
import { during, outcome } from "./support/network.ts";

const types = (events: readonly { readonly type: string }[]): string[] => events.map(({ type }) => type);

describe("a circuit", () => {
  it("leads to a node without a link, through one that has one: bytes and ends both ways", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 100);
    expect(conn.remoteAddress).toEqual({ id: b.id, port: 7 });
    void conn.end(new Uint8Array(100_000).fill(7));
    const read = await during(net.clock, drainOf(conn), 500);
    expect(read).toEqual(new Uint8Array(100_000).fill(7));
    expect(a.circuits.stats()).toMatchObject({ opened: 1, accepted: 0, relayed: 0 });
    expect(r.circuits.stats()).toMatchObject({ opened: 0, accepted: 0, relayed: 1, relayBytes: 0 });
    expect(b.circuits.stats()).toMatchObject({ opened: 0, accepted: 1, relayed: 0 });
    expect(a.events).toEqual([{ type: "circuitup", peer: b.id, path: [a.id, r.id, b.id], initiator: true }]);
    expect(b.events).toEqual([{ type: "circuitup", peer: a.id, path: [a.id, r.id, b.id], initiator: false }]);
  });

  it("goes through four relays in a row", async () => {
    const net = virtualNetwork();
    const nodes = net.row(6);
    void echo(nodes[5].ports.bind({ port: 7 }));
    const conn = await during(net.clock, nodes[0].dial(nodes[5], 7), 200);
    void conn.end(Uint8Array.of(1, 2, 3));
    expect(await during(net.clock, drainOf(conn), 200)).toEqual(Uint8Array.of(1, 2, 3));
    expect(nodes.map(({ circuits }) => circuits.stats().relayed)).toEqual([0, 1, 1, 1, 1, 0]);
  });

  it("takes one round trip to open, and none for what is dialled later", async () => {
    const net = virtualNetwork({ latencyMs: 5 });
    const [a, , b] = net.row(3);
    await net.clock.advance(50);
    const at = net.clock.now();
    let openedAt = 0;
    const opening = a.circuits.session(b.id).then((session) => {
      openedAt = net.clock.now();
      return session;
    });
    const session = await during(net.clock, opening, 100);
    expect(openedAt - at).toBe(20);
    expect(await a.circuits.session(b.id)).toBe(session);
    expect(a.circuits.existing(b.id)).toBe(session);
  });

  it("is one for a pair of nodes: callers share it, and the other end uses it too", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    void echo(a.ports.bind({ port: 7 }));
    const [one, other] = await during(net.clock, Promise.all([a.circuits.session(b.id), a.circuits.session(b.id)]), 100);
    expect(one).toBe(other);
    const conn = await during(net.clock, b.dial(a, 7), 100);
    void conn.end(Uint8Array.of(9));
    expect(await during(net.clock, drainOf(conn), 100)).toEqual(Uint8Array.of(9));
    expect(r.circuits.stats().relayed).toBe(1);
  });

  it("is chosen alike at both ends when both opened one at the same moment, and the other one goes when it is idle", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    void echo(a.ports.bind({ port: 7 }));
    void echo(b.ports.bind({ port: 7 }));
    const conns = await during(net.clock, Promise.all([a.dial(b, 7), b.dial(a, 7)]), 100);
    expect(r.circuits.stats().relayed).toBe(2);
    // The circuit of the lower id, for whoever dials now.
    expect(a.circuits.existing(b.id)?.stats().opened).toBe(a.circuits.existing(b.id)?.stats().accepted === 0 ? 1 : 0);
    const [toB, toA] = [a.circuits.existing(b.id)!, b.circuits.existing(a.id)!];
    const stream = toB.open({ type: 99 });
    await net.clock.advance(50);
    expect(toA.stats().accepted).toBe(toB.stats().opened);
    stream.reset();
    // What runs on the other one is not disturbed, for as long as it lasts.
    await net.clock.advance(120_000);
    expect(r.circuits.stats().relayed).toBe(2);
    for (const conn of conns) {
      void conn.end(Uint8Array.of(5));
      expect(await during(net.clock, drainOf(conn), 100)).toEqual(Uint8Array.of(5));
    }
    await net.clock.advance(45_000);
    expect(r.circuits.stats().relayed).toBe(1);
    expect(a.circuits.existing(b.id)).toBe(toB);
    expect(b.circuits.existing(a.id)).toBe(toA);
  });

  it("serves who waits for an own one as soon as the other node's is up", async () => {
    const net = virtualNetwork();
    let hold = true;
    // What this node opens is never answered; what is opened to it is.
    const [a, , b] = net.row(3, (i) => (i === 0 ? { secure: (connection, { initiator }) => (initiator && hold ? new Promise(() => undefined) : Promise.resolve(connection)) } : {}));
    const waiting = a.circuits.session(b.id);
    await net.clock.advance(5);
    expect(await outcome(waiting)).toBe("pending");
    await during(net.clock, b.circuits.session(a.id), 100);
    expect(await outcome(waiting)).toBe(a.circuits.existing(b.id));
    hold = false;
  });

  it("is closed by its opener after a minute without streams, and no sooner", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 100);
    await net.clock.advance(180_000);
    expect(r.circuits.stats().relayed).toBe(1);
    await during(net.clock, conn.close(), 100);
    await net.clock.advance(59_000);
    expect(a.circuits.stats().opened).toBe(1);
    await net.clock.advance(31_100);
    expect([a, r, b].map(({ circuits }) => circuits.stats())).toMatchObject([{ opened: 0 }, { relayed: 0 }, { accepted: 0 }]);
    expect(types(a.events)).toEqual(["circuitup", "circuitdown"]);
    expect(a.events.at(-1)).toMatchObject({ error: undefined });
    expect(b.events.at(-1)).toMatchObject({ type: "circuitdown", error: undefined });
    // And made anew when it is needed again.
    await during(net.clock, a.dial(b, 7), 100);
    expect(r.circuits.stats().relayed).toBe(1);
  });

  it("carries dials and nothing else: no records, and no other circuits", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const session = await during(net.clock, a.circuits.session(b.id), 100);
    const streams = [1, 2, 17, undefined].map((type) => session.open(type === undefined ? {} : { type }));
    for (const stream of streams) expect(await failure(net.clock, stream.opened, 50)).toMatchObject({ code: "ECONNREFUSED" });
    expect(a.circuits.existing(b.id)).toBe(session);
    expect(r.circuits.stats().relayed).toBe(1);
  });

  it("ends when a malformed dial comes over it, and the links stay", async () => {
    const net = virtualNetwork();
    const [a, , b] = net.row(3);
    const session = await during(net.clock, a.circuits.session(b.id), 100);
    const stream = session.open({ type: 3, header: Uint8Array.of(1, 2, 3) });
    await net.clock.advance(100);
    expect(await outcome(stream.closed)).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", retryable: false });
    expect(a.circuits.existing(b.id)).toBeUndefined();
    expect(a.links.size + b.links.size).toBe(2);
  });

  it("costs the relay one stream a link, however many streams run over it", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const taken: unknown[] = [];
    b.ports.bind({ port: 8, onconn: (conn) => taken.push(conn) });
    await during(net.clock, a.dial(b, 8), 100);
    const dials = Promise.all(Array.from({ length: 10_000 }, () => a.dial(b, 8)));
    await during(net.clock, dials, 1000);
    expect(taken).toHaveLength(10_001);
    expect([...r.links.values()].map(({ session }) => session.streamCount)).toEqual([1, 1]);
    expect(r.circuits.stats()).toMatchObject({ relayed: 1, relayBytes: 0 });
  });
});

describe("opening a circuit", () => {
  it("rejects with EHOSTUNREACH at once where there is no path", async () => {
    const net = virtualNetwork();
    const [a] = net.row(2);
    const far = net.node();
    expect(await outcome(a.circuits.session(far.id))).toMatchObject({ code: "EHOSTUNREACH", retryable: false, via: [] });
  });

  it("rejects with signal.reason after an abort, and goes on for others", async () => {
    const net = virtualNetwork();
    const [a, , b] = net.row(3);
    const reason = new Error("changed my mind");
    const controller = new AbortController();
    const first = outcome(a.circuits.session(b.id, { signal: controller.signal }));
    const second = a.circuits.session(b.id);
    controller.abort(reason);
    expect(await first).toBe(reason);
    expect(await during(net.clock, second, 100)).toBe(a.circuits.existing(b.id));
    expect(await outcome(a.circuits.session(b.id, { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it("rejects with ETIMEDOUT when the caller's time, or the limit of all tries, is over", async () => {
    const net = virtualNetwork();
    const [a, , b] = net.row(3, (i) => (i === 2 ? { secure: () => new Promise(() => undefined), limits: { handshakeTimeoutMs: 1e6 } } : {}));
    const hasty = a.circuits.session(b.id, { timeoutMs: 300 });
    hasty.catch(() => undefined);
    const patient = a.circuits.session(b.id);
    patient.catch(() => undefined);
    await net.clock.advance(299);
    expect(await outcome(hasty)).toBe("pending");
    await net.clock.advance(2);
    expect(await outcome(hasty)).toMatchObject({ code: "ETIMEDOUT", retryable: true });
    await net.clock.advance(10_000);
    expect(await outcome(patient)).toMatchObject({ code: "ETIMEDOUT", retryable: true });
    expect(a.circuits.stats().opened).toBe(0);
    expect(net.clock.timers).toBeLessThan(20);
  });

  it("tells the opener when the far end and it do not agree on who they are", async () => {
    const net = virtualNetwork();
    const denied = new AstraError("EACCES", "not a member");
    const [a, , b] = net.row(3, (i) => (i === 2 ? { secure: () => Promise.reject(denied) } : {}));
    const error = await failure(net.clock, a.circuits.session(b.id), 100);
    expect(error).toMatchObject({ code: "EACCES", via: [b.id], retryable: false });
    expect(b.circuits.stats().accepted).toBe(0);
  });

  it("tries another path when what answered was not the target", async () => {
    const net = virtualNetwork();
    let tries = 0;
    const [a, , b] = net.row(3, (i) => ({
      secure: (connection) => (i === 0 && (tries += 1) === 1 ? Promise.reject(new AstraError("ERR_ASTRANET_HANDSHAKE", "a wrong key")) : Promise.resolve(connection)),
    }));
    const other = net.node();
    net.link(a, other);
    net.link(other, b);
    const session: Session = await during(net.clock, a.circuits.session(b.id), 200);
    expect(session).toBe(a.circuits.existing(b.id));
    expect(tries).toBe(2);
    expect(a.failed).toEqual(["2-3"]);
    expect(a.events[0]).toMatchObject({ path: [a.id, other.id, b.id] });
  });
});

describe("closing", () => {
  it("lets running streams finish, opens nothing new and takes nothing new in", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 100);
    const closed = a.circuits.close();
    expect(await outcome(a.circuits.session(b.id))).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    await net.clock.advance(1000);
    expect(await outcome(closed)).toBe("pending");
    void conn.end(Uint8Array.of(1));
    expect(await during(net.clock, drainOf(conn), 100)).toEqual(Uint8Array.of(1));
    await during(net.clock, closed, 100);
    expect(r.circuits.stats().relayed).toBe(0);
    const refused = await failure(net.clock, b.circuits.session(a.id), 100);
    expect(refused).toMatchObject({ code: "EHOSTUNREACH", via: [a.id] });
  });

  it("ends what was about to be opened", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const opening = a.circuits.session(b.id);
    opening.catch(() => undefined);
    await during(net.clock, a.circuits.close(), 100);
    expect(await outcome(opening)).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    expect([a.circuits.stats().opened, r.circuits.stats().relayed, b.circuits.stats().accepted]).toEqual([0, 0, 0]);
  });

  it("of a node on the way is foreseen: what leads through it takes no new streams, and the next circuit goes around", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const other = net.node();
    net.link(a, other);
    net.link(other, b);
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 100);
    a.circuits.drain(r.id);
    expect(a.circuits.existing(b.id)).toBeUndefined();
    a.links.delete(r.id);
    const next = await during(net.clock, a.dial(b, 7), 100);
    for (const running of [conn, next]) {
      void running.end(Uint8Array.of(3));
      expect(await during(net.clock, drainOf(running), 100)).toEqual(Uint8Array.of(3));
    }
    await net.clock.advance(100);
    expect([r.circuits.stats().relayed, other.circuits.stats().relayed]).toEqual([0, 1]);
  });

  it("leaves no timer behind", async () => {
    const net = virtualNetwork();
    const [a, , b] = net.row(3);
    await net.clock.advance(1000);
    const before = net.clock.timers;
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 100);
    await during(net.clock, conn.close(), 100);
    await during(net.clock, a.circuits.close(), 10_000);
    expect(net.clock.timers).toBeLessThanOrEqual(before);
  });
});
