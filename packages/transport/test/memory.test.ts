import { AstraError, MemoryTransport, memoryPair, type Connection } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { journal } from "./journal.ts";
import { VirtualClock } from "./virtual-clock.ts";

describe("memoryPair in virtual time", () => {
  it("delivers after the latency", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 30, clock });
    journal(a);
    const log = journal(b);
    a.send([new Uint8Array(10)]);
    clock.advance(29);
    expect(log.events).toEqual([]);
    clock.advance(1);
    expect(log.events).toEqual(["data 10"]);
  });

  it("delivers at the rate, and drains when all has left", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 10, bytesPerSecond: 100_000, clock });
    const sender = journal(a);
    const receiver = journal(b);
    expect(a.send([new Uint8Array(200_000)])).toBe(false);
    clock.advance(1_010);
    expect(receiver.received.length).toBeGreaterThan(97_000);
    expect(receiver.received.length).toBeLessThanOrEqual(100_000);
    expect(sender.events).toEqual([]);
    clock.advance(1_001);
    expect(receiver.received.length).toBe(200_000);
    expect(sender.events).toEqual(["drain"]);
    expect(clock.timers).toBe(0);
  });

  it("keeps to the rate over idle times: what was not used is lost", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ bytesPerSecond: 1_000, clock });
    const log = journal(b);
    journal(a);
    clock.advance(10_000);
    a.send([new Uint8Array(1_000)]);
    clock.advance(500);
    expect(log.received.length).toBe(0);
    clock.advance(500);
    expect(log.received.length).toBe(1_000);
  });

  it("slices what it delivers", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ sliceBytes: 4, clock });
    const log = journal(b);
    a.send([new Uint8Array(3), new Uint8Array(7)]);
    clock.advance(0);
    expect(log.events).toEqual(["data 4", "data 4", "data 2"]);
  });

  it("takes the end along in its turn", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 20, clock });
    const sender = journal(a);
    const receiver = journal(b);
    a.send([new Uint8Array(5)]);
    a.close();
    clock.advance(20);
    expect(receiver.events).toEqual(["data 5"]);
    expect(sender.events).toEqual([]);
    clock.advance(20);
    expect(receiver.events).toEqual(["data 5", "closed"]);
    expect(sender.events).toEqual(["closed"]);
    expect(clock.timers).toBe(0);
  });

  it("waits 5 seconds for the peer's end, and says ETIMEDOUT; what was sent is not lost", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ clock });
    const log = journal(a);
    a.send([new Uint8Array(5)]);
    a.close();
    clock.advance(4_999);
    expect(log.events).toEqual([]);
    clock.advance(1);
    expect(log.events).toEqual(["closed ETIMEDOUT"]);
    const late = journal(b);
    clock.advance(0);
    expect(late.events).toEqual(["data 5", "closed"]);
  });

  it("drops on abort what has not left, and the peer hears ECONNRESET after what has", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 10, bytesPerSecond: 1_000_000, clock });
    const sender = journal(a);
    const receiver = journal(b);
    a.send([new Uint8Array(100_000)]);
    clock.advance(50);
    a.abort(new Error("enough"));
    clock.advance(0);
    expect(sender.events).toEqual(["closed enough"]);
    clock.advance(10);
    expect(receiver.events.at(-1)).toBe("closed ECONNRESET");
    expect(receiver.received.length).toBeLessThan(51_000);
    expect(clock.timers).toBe(0);
  });

  it("names its ends", () => {
    const [a, b] = memoryPair();
    expect([a, b].map(({ localAddress, remoteAddress }) => [localAddress, remoteAddress])).toEqual([
      ["memory:a", "memory:b"],
      ["memory:b", "memory:a"],
    ]);
  });

  it("sets no timer where it has neither latency nor rate, and defers one delivery of however many sends", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, clock });
    const log = journal(b);
    clock.advance(0);
    for (let i = 0; i < 10; i += 1) a.send([Uint8Array.of(i)]);
    expect([clock.timersSet, clock.deferred]).toEqual([0, 1]);
    clock.advance(0);
    expect(log.received).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    a.send([Uint8Array.of(10)]);
    clock.advance(0);
    expect(log.received.length).toBe(11);
  });

  it("comes to rest after a send of nothing", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ clock });
    const log = journal(b);
    clock.advance(0);
    a.send([new Uint8Array(0)]);
    expect(clock.deferred).toBe(0);
    expect(log.events).toEqual([]);
  });

  it("takes 128 KiB before send returns false, wherever they are, and drains when all of them are handed over", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ bytesPerSecond: 100_000_000, clock });
    const sender = journal(a);
    expect(a.send([new Uint8Array(131_072)])).toBe(true);
    expect(a.send([new Uint8Array(1)])).toBe(false);
    expect(a.send([new Uint8Array(131_071)])).toBe(false);
    // With as much on its way as has arrived there is no room yet.
    clock.advance(1_000);
    expect(sender.events).toEqual([]);
    const receiver = journal(b);
    clock.advance(0);
    expect(receiver.received.length).toBe(262_144);
    expect(sender.events).toEqual(["drain"]);
    expect(a.send([new Uint8Array(131_072)])).toBe(true);
    clock.advance(1_000);
    expect(sender.events).toEqual(["drain"]);
  });

  it("tells nobody of room after an abort, though the peer still takes what had left", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ clock });
    const sender = journal(a);
    a.send([new Uint8Array(200_000)]);
    a.abort(new Error("enough"));
    const receiver = journal(b);
    clock.advance(0);
    expect(receiver.received.length).toBe(200_000);
    expect(receiver.events.at(-1)).toBe("closed ECONNRESET");
    expect(String(receiver.reason)).toContain("the peer aborted the connection");
    expect(sender.events).toEqual(["closed enough"]);
  });

  it("does not let what is put behind delay what is under way", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ bytesPerSecond: 1_000, clock });
    const log = journal(b);
    a.send([new Uint8Array(1_000)]);
    clock.advance(500);
    a.send([new Uint8Array(100)]);
    clock.advance(500);
    expect(log.received.length).toBe(1_000);
    clock.advance(100);
    expect(log.received.length).toBe(1_100);
  });

  it("drains when the link has taken all, though what it took before has not arrived", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 100, bytesPerSecond: 10_000_000, clock });
    const sender = journal(a);
    const receiver = journal(b);
    a.send([new Uint8Array(1)]);
    clock.advance(1);
    expect(a.send([new Uint8Array(140_000)])).toBe(false);
    clock.advance(13);
    expect(sender.events).toEqual([]);
    clock.advance(2);
    expect(sender.events).toEqual(["drain"]);
    expect(receiver.events).toEqual([]);
  });

  it("sets one timer for all that is sent at once, which keeps the process alive", () => {
    const clock = new VirtualClock();
    const [a] = memoryPair({ latencyMs: 10, bytesPerSecond: 1_000, clock });
    for (let i = 0; i < 100; i += 1) a.send([new Uint8Array(10)]);
    expect([clock.timersSet, clock.timersKeptAlive]).toEqual([1, 1]);
  });

  it("lets others have their turn between what two ends answer each other", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ clock });
    const events: string[] = [];
    const note = (chunk: Uint8Array): void => {
      events.push(chunk.join());
      if (chunk[0] === 1) a.send([Uint8Array.of(3)]);
    };
    journal(b, note);
    a.send([Uint8Array.of(1, 2)]);
    clock.defer(() => events.push("another's"));
    clock.advance(0);
    expect(events).toEqual(["1,2", "another's", "3"]);
  });

  it("ends in order towards a peer that has closed and was never started", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ clock });
    const log = journal(a);
    a.send([Uint8Array.of(1), Uint8Array.of(2)]);
    a.close();
    b.close();
    clock.advance(0);
    expect(log.events).toEqual(["closed"]);
  });

  it("drops at once, with its timers, what is on its way to an end that aborts", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 10, clock });
    const sender = journal(a);
    const receiver = journal(b);
    a.send([new Uint8Array(10)]);
    clock.advance(1);
    expect(clock.timers).toBe(1);
    b.abort(new Error("enough"));
    // Only the news of it is still on its way.
    expect(clock.timers).toBe(1);
    a.send([new Uint8Array(10)]);
    expect(clock.timers).toBe(1);
    clock.advance(11);
    expect(receiver.events).toEqual(["closed enough"]);
    expect(sender.events).toEqual(["closed ECONNRESET"]);
    expect(clock.timers).toBe(0);
  });

  it.each([
    [{ latencyMs: -1 }, "latencyMs"],
    [{ latencyMs: Number.NaN }, "latencyMs"],
    [{ latencyMs: Number.POSITIVE_INFINITY }, "latencyMs"],
    [{ bytesPerSecond: 0 }, "bytesPerSecond"],
    [{ sliceBytes: 1.5 }, "sliceBytes"],
    [{ sliceBytes: 0 }, "sliceBytes"],
  ])("refuses %o with EINVAL that names it", (options, name) => {
    expect(() => memoryPair(options)).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(name) as string }) as Error);
    expect(() => new MemoryTransport(options)).toThrow(AstraError);
  });
});

describe("MemoryTransport", () => {
  it("takes a round trip to dial, and an abort meanwhile leaves nothing behind", async () => {
    const clock = new VirtualClock();
    const transport = new MemoryTransport({ latencyMs: 25, clock });
    const accepted: Connection[] = [];
    await transport.listen("memory", "x", { onconnection: (connection) => accepted.push(connection) });
    const controller = new AbortController();
    const aborted = transport.dial("memory", "x", { signal: controller.signal });
    const dialled = transport.dial("memory", "x");
    clock.advance(49);
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    expect(accepted.length).toBe(0);
    clock.advance(1);
    expect((await dialled).remoteAddress).toBe("x");
    expect(accepted.length).toBe(1);
    expect(clock.timers).toBe(0);
  });

  it("serves the network 'memory', and numbers the ends that dial", async () => {
    const transport = new MemoryTransport();
    expect(transport.networks).toEqual(["memory"]);
    const accepted: Connection[] = [];
    await transport.listen("memory", "x", { onconnection: (connection) => accepted.push(connection) });
    const dialled = [await transport.dial("memory", "x"), await transport.dial("memory", "x")];
    expect(dialled.map(({ localAddress, remoteAddress }) => [localAddress, remoteAddress])).toEqual([
      ["x#1", "x"],
      ["x#2", "x"],
    ]);
    expect(accepted.map(({ localAddress, remoteAddress }) => [localAddress, remoteAddress])).toEqual([
      ["x", "x#1"],
      ["x", "x#2"],
    ]);
  });

  it("lets go of its timer and of the signal with the dial, however that ends", async () => {
    const clock = new VirtualClock();
    const transport = new MemoryTransport({ latencyMs: 25, clock });
    await transport.listen("memory", "x", { onconnection: () => undefined });
    for (const aborts of [false, true]) {
      const controller = new AbortController();
      const { signal } = controller;
      const listeners = new Set<unknown>();
      const add = signal.addEventListener.bind(signal);
      const remove = signal.removeEventListener.bind(signal);
      signal.addEventListener = (type: string, listener: EventListener) => {
        listeners.add(listener);
        add(type, listener);
      };
      signal.removeEventListener = (type: string, listener: EventListener) => {
        if (type === "abort") listeners.delete(listener);
        remove(type, listener);
      };
      const dial = transport.dial("memory", "x", { signal });
      expect([clock.timers, clock.timersKeptAlive, listeners.size]).toEqual([1, 1, 1]);
      if (aborts) controller.abort(new Error("enough"));
      else clock.advance(50);
      await (aborts ? expect(dial).rejects.toThrow("enough") : dial);
      expect([clock.timers, listeners.size]).toEqual([0, 0]);
    }
  });

  it("sets no timer for a dial without latency", async () => {
    const clock = new VirtualClock();
    const transport = new MemoryTransport({ clock });
    await transport.listen("memory", "x", { onconnection: () => undefined });
    const dial = transport.dial("memory", "x");
    clock.advance(0);
    await dial;
    expect(clock.timersSet).toBe(0);
  });

  it("leaves a later listener at the same address alone when an earlier one is closed again", async () => {
    const transport = new MemoryTransport();
    const first = await transport.listen("memory", "x", { onconnection: () => undefined });
    await first.close();
    await transport.listen("memory", "x", { onconnection: () => undefined });
    await first.close();
    await expect(transport.dial("memory", "x")).resolves.toBeDefined();
  });

  it("names the address at which nobody listens, or somebody does", async () => {
    const transport = new MemoryTransport();
    await expect(transport.dial("memory", "the attic")).rejects.toThrow("nobody listens at memory address 'the attic'");
    await transport.listen("memory", "the attic", { onconnection: () => undefined });
    await expect(transport.listen("memory", "the attic", { onconnection: () => undefined })).rejects.toThrow("'the attic' is in use");
  });

  it("keeps instances apart", async () => {
    const there = new MemoryTransport();
    await there.listen("memory", "x", { onconnection: () => undefined });
    await expect(new MemoryTransport().dial("memory", "x")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it.each([
    ["tcp", "x", "the memory transport has no network 'tcp'"],
    ["memory", "", "a memory address is not empty"],
  ])("refuses network '%s' with address '%s'", async (network, address, words) => {
    const transport = new MemoryTransport();
    await expect(transport.dial(network, address)).rejects.toMatchObject({ code: "EINVAL", message: `EINVAL: ${words}` });
    await expect(transport.listen(network, address, { onconnection: () => undefined })).rejects.toMatchObject({ code: "EINVAL" });
  });
});
