import { describe, expect, it } from "vitest";
import { AstraError, type Connection, type Transport } from "@astranet/transport";
import type { Membership, RouterEvent } from "@astranet/router";
import { TestNetwork, during, outcome, type TestNode } from "./support/network.ts";
import { CableTransport } from "./support/pulled-cable.ts";

type JoinError = Extract<RouterEvent, { type: "joinerror" }>;

const joinErrors = (events: readonly RouterEvent[]): JoinError[] => events.filter((event): event is JoinError => event.type === "joinerror");

describe("join", () => {
  it("resolves at the first link, and knows who answered", async () => {
    const net = new TestNetwork({ latencyMs: 10 });
    const [a, b] = [net.node(1), net.node(2)];
    const listener = await during(net.clock, b.router.listen("memory", "b"));
    const membership = await during(net.clock, a.router.join("memory", listener.address), 200);
    expect(membership).toMatchObject({ network: "memory", address: "b", peer: b.id });
    expect(membership.link).toMatchObject({ state: "up", peer: b.id });
  });

  it("goes on until somebody answers, with delays that grow up to a bound and are drawn between it and nothing", async () => {
    const net = new TestNetwork();
    const [a, b] = [net.node(1), net.node(2)];
    const joined = a.router.join("memory", "b", { retry: { minDelayMs: 100, maxDelayMs: 1000 } });
    await net.clock.advance(60_000);
    expect(await outcome(joined)).toBe("pending");
    const delays = joinErrors(a.events).map(({ retryInMs }) => retryInMs!);
    expect(joinErrors(a.events)[0]).toMatchObject({ network: "memory", address: "b", error: { code: "ECONNREFUSED" } });
    expect(delays.length).toBeGreaterThan(60);
    delays.forEach((delay, i) => {
      expect(delay).toBeLessThan(Math.min(1000, 100 * 2 ** i));
    });
    // Full jitter: about half of the bound on average, and all over it.
    const late = delays.slice(10);
    expect(late.reduce((sum, delay) => sum + delay, 0) / late.length).toBeGreaterThan(400);
    expect(late.reduce((sum, delay) => sum + delay, 0) / late.length).toBeLessThan(600);
    expect(Math.min(...late)).toBeLessThan(150);
    expect(Math.max(...late)).toBeGreaterThan(850);
    await during(net.clock, b.router.listen("memory", "b"));
    expect((await during(net.clock, joined, 1000)).peer).toBe(b.id);
  });

  it("links again when the link is lost, for ever", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const [a, b] = [net.node(1, { transports: [cables] }), net.node(2)];
    await during(net.clock, b.router.listen("memory", "b"));
    const membership = await during(net.clock, a.router.join("memory", "b", { retry: { maxDelayMs: 500 } }), 10);
    for (let i = 0; i < 20; i += 1) {
      cables.cables.at(-1)!.pull();
      await net.clock.advance(0);
      expect(membership.link).toBeUndefined();
      await net.clock.advance(510);
      expect(membership.link?.state).toBe("up");
    }
    expect(joinErrors(a.events)).toEqual([]);
  });

  it("begins its back-off anew only after a link that was up for ten seconds", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const a = net.node(1, { transports: [cables] });
    const b = net.node(2);
    await during(net.clock, b.router.listen("memory", "b"));
    const membership = await during(net.clock, a.router.join("memory", "b", { retry: { minDelayMs: 10, maxDelayMs: 1_000_000 } }), 100);
    const awayFor = async (upMs: number): Promise<number> => {
      await net.clock.advance(upMs);
      cables.cables.at(-1)!.pull();
      const from = net.clock.now();
      while (membership.link === undefined) await net.clock.advance(1);
      return net.clock.now() - from;
    };
    const away: number[] = [];
    for (let i = 0; i < 12; i += 1) away.push(await awayFor(1000));
    expect(Math.max(...away.slice(8))).toBeGreaterThan(1000);
    for (let i = 0; i < 3; i += 1) expect(await awayFor(10_001)).toBeLessThanOrEqual(11);
  });

  it("rejects with a failure that cannot heal, even with retry", async () => {
    const net = new TestNetwork();
    const a = net.node(1);
    const answer = (bytes: Uint8Array): Transport => ({
      networks: ["odd"],
      dial: async (): Promise<Connection> => {
        const [here, there] = net.pipe();
        there.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
        there.send([bytes]);
        return here;
      },
    });
    const odd = net.node(2, { insecure: true, transports: [answer(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"))] });
    const other = net.node(3, { insecure: true, transports: [answer(Uint8Array.of(0x41, 0x53, 0x54, 0x52, 9))] });
    for (const [node, code, words] of [
      [odd, "ERR_ASTRANET_PROTOCOL", "HTTP"],
      [other, "ERR_ASTRANET_HANDSHAKE", "version 9"],
    ] as const) {
      const joined = node.router.join("odd", "somewhere");
      joined.catch(() => undefined);
      await net.clock.advance(10);
      expect(await outcome(joined)).toMatchObject({ code, message: expect.stringContaining(words) as string });
      expect(joinErrors(node.events)).toMatchObject([{ error: { code }, retryInMs: undefined }]);
    }
    expect(await outcome(a.router.join("carrier-pigeon", "b"))).toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT", message: expect.stringContaining("memory") as string });
    await net.clock.advance(6000);
    expect(net.clock.timers).toBe(0);
  });

  it("goes on when the peer closes in the middle of the handshake, for whoever comes after it", async () => {
    for (const afterMs of [0, 5, 12, 15, 22, 25, 32]) {
      const net = new TestNetwork({ latencyMs: 10 });
      const [a, b] = [net.node(1), net.node(2)];
      const listener = await during(net.clock, b.router.listen("memory", "b"));
      const joined = a.router.join("memory", "b", { retry: { maxDelayMs: 100 } });
      joined.catch(() => undefined);
      while (b.router.links.length === 0) await net.clock.advance(1);
      await net.clock.advance(afterMs);
      expect(b.router.links.map(({ state }) => state)).toEqual(["handshake"]);
      void b.router.close();
      await listener.closed;
      const next = net.node(3);
      await during(net.clock, next.router.listen("memory", "b"));
      const membership = await during(net.clock, joined, 6000);
      expect(membership).toMatchObject({ peer: next.id, link: { state: "up" } });
    }
  });

  it("rejects with the first failure of any kind without retry, and does not dial a lost link again", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const [a, b] = [net.node(1, { transports: [cables] }), net.node(2)];
    const refused = a.router.join("memory", "b", { retry: false });
    refused.catch(() => undefined);
    await net.clock.advance(10);
    expect(await outcome(refused)).toMatchObject({ code: "ECONNREFUSED" });
    await during(net.clock, b.router.listen("memory", "b"));
    const membership = await during(net.clock, a.router.join("memory", "b", { retry: false }), 10);
    cables.cables.at(-1)!.pull();
    await net.clock.advance(60_000);
    expect(await outcome(membership.closed)).toBeUndefined();
    expect(cables.cables).toHaveLength(1);
    expect(a.router.links).toEqual([]);
  });

  it("rejects with the signal's own reason, and leaves nothing behind", async () => {
    const net = new TestNetwork({ latencyMs: 50 });
    const a = net.node(1);
    const reason = new Error("enough");
    expect(await outcome(a.router.join("memory", "b", { signal: AbortSignal.abort(reason) }))).toBe(reason);
    for (const after of [0, 20, 120, 5000]) {
      const controller = new AbortController();
      const joined = a.router.join("memory", "b", { signal: controller.signal });
      await net.clock.advance(after);
      controller.abort(reason);
      expect(await outcome(joined)).toBe(reason);
      await net.clock.advance(200);
      expect([a.router.links, net.clock.timers]).toEqual([[], 0]);
    }
  });

  it("of one address twice shares the link, which lives until both memberships are closed", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const [a, b] = [net.node(1, { transports: [cables] }), net.node(2)];
    await during(net.clock, b.router.listen("memory", "b"));
    const both = [a.router.join("memory", "b"), a.router.join("memory", "b", { retry: false })] as const;
    const [one, two] = await during(net.clock, Promise.all(both), 10);
    const three = await a.router.join("memory", "b");
    expect([cables.cables.length, one.link === two.link, three.peer]).toEqual([1, true, b.id]);
    void one.close();
    void two.close();
    await net.clock.advance(10);
    expect([await outcome(one.closed), a.router.links.length]).toEqual([undefined, 1]);
    const closed = three.close();
    await net.clock.advance(10);
    await closed;
    expect(a.router.links).toEqual([]);
    await net.clock.advance(60_000);
    expect(cables.cables).toHaveLength(1);
  });

  it("does not fight the other direction: while a link that the peer dialled serves, it does not dial", async () => {
    const net = new TestNetwork();
    const cables = [new CableTransport(net.transport, net.clock), new CableTransport(net.transport, net.clock)] as const;
    const [a, b] = [net.node(1, { transports: [cables[0]] }), net.node(2, { transports: [cables[1]] })];
    await during(net.clock, Promise.all([a.router.listen("memory", "a"), b.router.listen("memory", "b")]));
    const joins = Promise.all([a.router.join("memory", "b"), b.router.join("memory", "a")]);
    const [ofA, ofB] = await during(net.clock, joins, 10);
    await net.clock.advance(120_000);
    expect([cables[0].cables.length, cables[1].cables.length]).toEqual([1, 1]);
    expect([a.router.links.length, b.router.links.length]).toEqual([1, 1]);
    expect([ofA.link?.state, ofB.link]).toEqual(["up", undefined]);
    // When it is gone, whoever wants it dials again, and one of them is enough.
    cables[0].cables[0]!.pull();
    await net.clock.advance(60_000);
    expect([a.router.links.length, b.router.links.length]).toEqual([1, 1]);
    expect((await b.router.join("memory", "a")).peer).toBe(a.id);
  });

  it("does dial while all that serves is a link to another process under the same key, until its address is linked with that one too", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const key = new Uint8Array(16).fill(7);
    const a = net.node(1, { transports: [cables] });
    const [first, second] = [net.node(2, { key }), net.node(2, { key, incarnation: 2n })];
    const [, listener] = await during(net.clock, Promise.all([a.router.listen("memory", "a"), first.router.listen("memory", "b")]));
    await during(net.clock, a.router.join("memory", "b"), 10);
    await during(net.clock, second.router.join("memory", "a"), 10);
    // The second is the younger one: its link has taken the place of the first's.
    expect(a.router.links.map(({ initiator }) => initiator)).toEqual([false]);
    await net.clock.advance(500);
    expect([cables.cables.length, a.router.links.length, first.router.links.length, second.router.links.length]).toEqual([2, 2, 1, 1]);
    // Each has its own link: neither is one too many.
    await net.clock.advance(60_000);
    expect([cables.cables.length, a.router.links.length, joinErrors(a.events)]).toEqual([2, 2, []]);
    // The first makes room, as nodes do that learn of a younger one, and the address is dialled until somebody answers.
    await Promise.all([during(net.clock, listener.close()), during(net.clock, first.router.close(), 1000)]);
    await net.clock.advance(60_000);
    const failures = joinErrors(a.events).length;
    expect(failures).toBeGreaterThan(3);
    await during(net.clock, second.router.listen("memory", "b"));
    await net.clock.advance(60_000);
    expect([cables.cables.length, a.router.links.length, second.router.links.length]).toEqual([3, 1, 1]);
    const settled = joinErrors(a.events).length;
    await net.clock.advance(60_000);
    expect([cables.cables.length, joinErrors(a.events).length]).toEqual([3, settled]);
  });

  it("recognises itself, and never dials that address again", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const a = net.node(1, { transports: [cables] });
    await during(net.clock, a.router.listen("memory", "self"));
    const joined = a.router.join("memory", "self");
    joined.catch(() => undefined);
    await net.clock.advance(6000);
    expect(await outcome(joined)).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("this node itself") as string });
    expect(await outcome(a.router.join("memory", "self"))).toMatchObject({ message: expect.stringContaining("this node itself") as string });
    await net.clock.advance(120_000);
    expect(cables.cables).toHaveLength(1);
    expect(a.router.links).toEqual([]);
  });

  it("dials at most four addresses at once, and no address twice", async () => {
    const net = new TestNetwork();
    let dialling = 0;
    let most = 0;
    const seen = new Set<string>();
    const slow: Transport = {
      networks: ["slow"],
      dial: (_network, address, options) =>
        new Promise((_resolve, reject) => {
          expect(seen.has(address)).toBe(false);
          seen.add(address);
          dialling += 1;
          most = Math.max(most, dialling);
          const fail = (error: unknown): void => {
            if (!seen.has(address)) return;
            dialling -= 1;
            seen.delete(address);
            reject(error);
          };
          const timer = net.clock.setTimer(100, () => fail(new AstraError("ECONNREFUSED", "nobody there")));
          options?.signal?.addEventListener("abort", () => {
            timer.cancel();
            fail(options.signal?.reason);
          }, { once: true });
        }),
    };
    const a = net.node(1, { insecure: true, transports: [slow] });
    const joins = Array.from({ length: 20 }, (_, i) => a.router.join("slow", `host-${i % 10}`));
    for (const join of joins) join.catch(() => undefined);
    await net.clock.advance(10_000);
    expect(most).toBe(4);
    const closed = a.router.close();
    await net.clock.advance(10);
    await closed;
    expect([dialling, net.clock.timers]).toEqual([0, 0]);
    for (const join of joins) expect(await outcome(join)).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
  });

  it("gives a dial that is not answered up after dialTimeoutMs, and tries again", async () => {
    const net = new TestNetwork();
    let dials = 0;
    const hole: Transport = {
      networks: ["hole"],
      dial: (_network, _address, options) =>
        new Promise((_resolve, reject) => {
          dials += 1;
          options?.signal?.addEventListener("abort", () => reject(options.signal?.reason), { once: true });
        }),
    };
    const a = net.node(1, { insecure: true, transports: [hole], limits: { dialTimeoutMs: 2000 } });
    const joined = a.router.join("hole", "x", { retry: { maxDelayMs: 0 } });
    joined.catch(() => undefined);
    await net.clock.advance(2000);
    expect(joinErrors(a.events)).toMatchObject([{ error: { code: "ETIMEDOUT" } }]);
    await net.clock.advance(10);
    expect(dials).toBe(2);
    void a.router.close();
    await net.clock.advance(10);
  });

  /** A network on which every dial fails in the same way. */
  const failing = (error: unknown): Transport => ({ networks: ["odd"], dial: () => Promise.reject(error) });

  it.each(["ERR_ASTRANET_PROTOCOL", "ERR_ASTRANET_INSECURE", "ERR_ASTRANET_ID_CONFLICT", "ERR_ASTRANET_NO_TRANSPORT", "EACCES", "EINVAL", "ERR_ASTRANET_HANDSHAKE"] as const)("does not try again after %s", async (code) => {
    const net = new TestNetwork();
    const error = new AstraError(code, "for good");
    const a = net.node(1, { insecure: true, transports: [failing(error)] });
    const joined = a.router.join("odd", "x");
    joined.catch(() => undefined);
    await net.clock.settle();
    expect(await outcome(joined)).toBe(error);
    expect(a.events.filter(({ type }) => type === "joinerror")).toEqual([{ type: "joinerror", network: "odd", address: "x", error, retryInMs: undefined }]);
    expect(net.clock.timers).toBe(0);
  });

  it.each([
    ["ECONNREFUSED", new AstraError("ECONNREFUSED", "for now")],
    ["a handshake that may be tried again", new AstraError("ERR_ASTRANET_HANDSHAKE", "for now", { retryable: true })],
    ["another's error", new TypeError("odd")],
    ["words", "odd"],
    ["null", null],
    ["nothing", undefined],
  ])("tries again after %s", async (_what, error) => {
    const net = new TestNetwork();
    const a = net.node(1, { insecure: true, transports: [failing(error)] });
    const joined = a.router.join("odd", "x");
    joined.catch(() => undefined);
    await net.clock.advance(5000);
    expect(await outcome(joined)).toBe("pending");
    expect(joinErrors(a.events).length).toBeGreaterThan(2);
    void a.router.close();
    await net.clock.settle();
  });

  it("of one address with and without retry: a lost link is dialled again after the delays of who retries, and not at all when he leaves", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const [a, b] = [net.node(1, { transports: [cables] }), net.node(2)];
    const listener = await during(net.clock, b.router.listen("memory", "b"));
    const joins = [a.router.join("memory", "b", { retry: false }), a.router.join("memory", "b", { retry: { minDelayMs: 10, maxDelayMs: 10 } })] as const;
    const [once, again] = await during(net.clock, Promise.all(joins), 10);
    void listener.close();
    cables.cables[0]!.pull();
    await net.clock.settle();
    expect(net.clock.awaited).toBe(1);
    await net.clock.advance(1000);
    const failures = joinErrors(a.events);
    expect(failures.length).toBeGreaterThan(100);
    expect(Math.max(...failures.map(({ retryInMs }) => retryInMs!))).toBeLessThan(10);
    void again.close();
    await net.clock.settle();
    expect([await outcome(once.closed), await outcome(again.closed), net.clock.awaited]).toEqual([undefined, undefined, 0]);
    const made = joinErrors(a.events).length;
    await net.clock.advance(60_000);
    expect(joinErrors(a.events)).toHaveLength(made);
  });

  it("is over when the address that once led to another node leads to this one", async () => {
    const net = new TestNetwork();
    const cables = new CableTransport(net.transport, net.clock);
    const [a, b] = [net.node(1, { transports: [cables] }), net.node(2)];
    const listener = await during(net.clock, b.router.listen("memory", "x"));
    const membership = await during(net.clock, a.router.join("memory", "x", { retry: { maxDelayMs: 100 } }), 10);
    void listener.close();
    await during(net.clock, a.router.listen("memory", "x"), 10);
    cables.cables[0]!.pull();
    await net.clock.advance(1000);
    expect(await outcome(membership.closed)).toBeUndefined();
    expect(joinErrors(a.events)).toMatchObject([{ error: { code: "ERR_ASTRANET_HANDSHAKE" }, retryInMs: undefined }]);
    await net.clock.advance(60_000);
    expect(cables.cables).toHaveLength(2);
  });

  /** b is linked with a, which dialled and will not again; b wants a's address, and waits for as long as a's link serves. */
  async function waiting(): Promise<{ net: TestNetwork; a: TestNode; b: TestNode; dial: CableTransport; membership: Membership }> {
    const net = new TestNetwork();
    const dial = new CableTransport(net.transport, net.clock);
    const [a, b] = [net.node(1), net.node(2, { transports: [dial] })];
    await during(net.clock, Promise.all([a.router.listen("memory", "a"), b.router.listen("memory", "b")]));
    await during(net.clock, a.router.join("memory", "b", { retry: false }), 10);
    const membership = await during(net.clock, b.router.join("memory", "a", { retry: { maxDelayMs: 100 } }), 10);
    await net.clock.advance(2000);
    expect([dial.cables.length, b.router.links.map(({ initiator }) => initiator), membership.link]).toEqual([1, [false], undefined]);
    return { net, a, b, dial, membership };
  }

  it("waits while a link of the other direction serves, and dials when that one goes, not when another does", async () => {
    const { net, a, b, dial, membership } = await waiting();
    const c = net.node(3);
    await net.link(b, c);
    void c.router.links[0]!.close();
    await net.clock.advance(10_000);
    expect([dial.cables.length, b.router.links.length]).toEqual([1, 1]);
    void a.router.links[0]!.close();
    await net.clock.advance(200);
    expect([dial.cables.length, membership.link?.state, membership.peer]).toEqual([2, "up", a.id]);
  });

  it("waits no more when it is closed, and does not dial then", async () => {
    const { net, a, b, dial, membership } = await waiting();
    void membership.close();
    await net.clock.settle();
    expect([await outcome(membership.closed), b.router.links.length]).toEqual([undefined, 1]);
    void a.router.links[0]!.close();
    await net.clock.advance(10_000);
    expect([dial.cables.length, b.router.links.length, net.clock.awaited]).toEqual([1, 0, 0]);
  });

  it.each([{ minDelayMs: -1 }, { maxDelayMs: Number.NaN }])("does not take %j", async (retry) => {
    const net = new TestNetwork();
    expect(await outcome(net.node(1).router.join("memory", "b", { retry }))).toMatchObject({ code: "EINVAL" });
  });

  it("maxMemberships: more addresses are refused", async () => {
    const net = new TestNetwork();
    const a = net.node(1, { limits: { maxMemberships: 1 } });
    a.router.join("memory", "x").catch(() => undefined);
    expect(await outcome(a.router.join("memory", "y"))).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD" });
    void a.router.close();
    await net.clock.advance(10);
  });
});
