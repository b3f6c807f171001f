import type { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { encodeCircuitHeader } from "../src/circuit/circuit-header.ts";
import { failure, virtualNetwork, type CircuitNode } from "./support/circuit-network.ts";
import { during, outcome } from "./support/network.ts";

describe("a trace", () => {
  it("gives the path and each hop's round trip with one message there and one back, and opens no circuit", async () => {
    const net = virtualNetwork();
    const [a, r1, r2, b] = [0, 1, 2, 3].map(() => net.node()) as [CircuitNode, CircuitNode, CircuitNode, CircuitNode];
    net.link(a, r1, { memory: { latencyMs: 3 } });
    net.link(r1, r2, { memory: { latencyMs: 20 } });
    net.link(r2, b, { memory: { latencyMs: 1.5 } });
    await net.clock.advance(100);
    const at = net.clock.now();
    let answeredAt = 0;
    const tracing = a.circuits.trace(b.id).then((trace) => {
      answeredAt = net.clock.now();
      return trace;
    });
    expect(await during(net.clock, tracing, 200)).toEqual({
      path: [a.id, r1.id, r2.id, b.id],
      hops: [
        { id: r1.id, rttMs: 6 },
        { id: r2.id, rttMs: 40 },
        { id: b.id, rttMs: 3 },
      ],
      rttMs: 49,
    });
    expect(answeredAt - at).toBe(49);
    await net.clock.advance(100);
    for (const { circuits, links } of net.nodes) {
      expect(circuits.stats()).toMatchObject({ opened: 0, accepted: 0, relayed: 0 });
      for (const { session } of links.values()) expect(session.streamCount).toBe(0);
    }
  });

  it("of a neighbour is that link", async () => {
    const net = virtualNetwork({ latencyMs: 4 });
    const [a, b] = net.row(2);
    await net.clock.advance(100);
    expect(await during(net.clock, a.circuits.trace(b.id), 50)).toEqual({ path: [a.id, b.id], hops: [{ id: b.id, rttMs: 8 }], rttMs: 8 });
  });

  it("that does not reach the target tells how far it came, and why", async () => {
    const net = virtualNetwork({ latencyMs: 5 });
    const [a, r1, r2, b] = net.row(4, (i) => (i === 2 ? { relays: () => false } : {}));
    await net.clock.advance(100);
    const trace = await during(net.clock, a.circuits.trace(b.id), 200);
    expect(trace).toMatchObject({
      path: [a.id, r1.id, r2.id, b.id],
      hops: [
        { id: r1.id, rttMs: 10 },
        { id: r2.id, rttMs: 10 },
      ],
      rttMs: 20,
      error: { code: "EHOSTUNREACH", via: [r2.id] },
    });
  });

  it("without a link to begin with has no hops", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    net.lies.push({ from: a.id, to: r.id });
    a.links.delete(r.id);
    expect(await during(net.clock, a.circuits.trace(b.id), 50)).toMatchObject({ hops: [], rttMs: 0, error: { code: "EHOSTUNREACH", via: [a.id] } });
  });

  it("rejects where there is no path, after the timeout and after an abort; then nothing is left of it", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    expect(await outcome(a.circuits.trace(net.node().id))).toMatchObject({ code: "EHOSTUNREACH", via: [] });
    Object.assign(b, { incoming: () => undefined });
    expect(await failure(net.clock, a.circuits.trace(b.id, { timeoutMs: 300 }), 301)).toMatchObject({ code: "ETIMEDOUT" });
    const controller = new AbortController();
    const tracing = a.circuits.trace(b.id, { signal: controller.signal });
    const failed = outcome(tracing.catch((error: unknown) => error));
    const reason = new Error("enough");
    await net.clock.advance(10);
    controller.abort(reason);
    expect(await failure(net.clock, tracing, 0)).toBe(reason);
    expect(await failed).toBe("pending");
    expect(await outcome(a.circuits.trace(b.id, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    await net.clock.advance(50);
    expect(r.circuits.stats().relayed).toBe(0);
    for (const { session } of r.links.values()) expect(session.streamCount).toBe(0);
    await a.circuits.close();
    expect(await outcome(a.circuits.trace(b.id))).toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
  });

  it("ends with the link under it", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    Object.assign(b, { incoming: () => undefined });
    const tracing = a.circuits.trace(b.id);
    await net.clock.advance(20);
    r.links.get(b.id)!.connection.abort();
    const trace = await during(net.clock, tracing, 100);
    expect(trace).toMatchObject({ hops: [{ id: r.id }], error: { code: "ECONNRESET", via: [r.id] } });
    expect(r.circuits.stats().relayed).toBe(0);
  });

  it("is answered ten times a second for one neighbour, and no more", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const link = a.links.get(r.id)!.session;
    const trace = (): Promise<unknown> => {
      const stream = link.open({ type: 2, header: encodeCircuitHeader({ path: [a.id, r.id, b.id], index: 1, id: new Uint8Array(8), kind: "trace" }) });
      void stream.end();
      return stream.opened.then(
        () => "answered",
        (error: unknown) => (error as AstraError).remoteCode,
      );
    };
    const answers = await during(net.clock, Promise.all(Array.from({ length: 15 }, trace)), 100);
    expect(answers.filter((answer) => answer === "answered")).toHaveLength(10);
    expect(answers.filter((answer) => answer === 0x43_04_01_01)).toHaveLength(5);
  });

  it("that comes with bytes is answered, and the bytes are dropped", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    const link = a.links.get(r.id)!.session;
    const stream = link.open({ type: 2, header: encodeCircuitHeader({ path: [a.id, r.id, b.id], index: 1, id: new Uint8Array(8), kind: "trace" }) });
    stream.write(new Uint8Array(1000)).catch(() => undefined);
    expect((await during(net.clock, stream.opened, 100)).length).toBe(8);
    // It never ends its half: that is done for it.
    await net.clock.advance(10_000);
    expect([...r.links.values(), ...b.links.values()].map(({ session }) => session.streamCount)).toEqual([0, 0, 0]);
    expect([...r.links.values(), ...b.links.values()].map(({ session }) => session.stats().unreadBytes)).toEqual([0, 0, 0]);
  });

  it("whose answer makes no sense is a failure of who gave it", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3);
    Object.assign(b, {
      incoming: (stream: { accept(answer: Uint8Array): void; end(): Promise<void> }) => {
        stream.accept(new Uint8Array(7));
        void stream.end();
      },
    });
    const trace = await during(net.clock, a.circuits.trace(b.id), 100);
    expect(trace).toMatchObject({ hops: [{ id: r.id }], error: { code: "ERR_ASTRANET_PROTOCOL", via: [b.id] } });
    expect(r.circuits.stats().relayed).toBe(0);
  });
});
