import { AstraError, MemoryTransport, memoryPair, type Connection, type ConnectionSink } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

/** A sink that writes down what happens, and when. */
function journal(connection: Connection, clock: VirtualClock): { readonly events: string[]; readonly times: number[]; bytes: number } {
  const log = { events: [] as string[], times: [] as number[], bytes: 0 };
  const note = (event: string): void => {
    log.events.push(event);
    log.times.push(Math.round(clock.now()));
  };
  const sink: ConnectionSink = {
    data: (chunk) => {
      log.bytes += chunk.length;
      note(`data ${String(chunk.length)}`);
    },
    drain: () => {
      note("drain");
    },
    closed: (reason) => {
      note(reason === undefined ? "closed" : `closed ${AstraError.is(reason) ? reason.code : (reason as Error).message}`);
    },
  };
  connection.start(sink);
  return log;
}

describe("memoryPair in virtual time", () => {
  it("delivers after the latency", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 30, clock });
    journal(a, clock);
    const log = journal(b, clock);
    a.send([new Uint8Array(10)]);
    clock.advance(29);
    expect(log.events).toEqual([]);
    clock.advance(1);
    expect(log.events).toEqual(["data 10"]);
  });

  it("delivers at the rate, and drains when all has left", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 10, bytesPerSecond: 100_000, clock });
    const sender = journal(a, clock);
    const receiver = journal(b, clock);
    expect(a.send([new Uint8Array(200_000)])).toBe(false);
    clock.advance(1_010);
    expect(receiver.bytes).toBeGreaterThan(97_000);
    expect(receiver.bytes).toBeLessThanOrEqual(100_000);
    expect(sender.events).toEqual([]);
    clock.advance(1_001);
    expect(receiver.bytes).toBe(200_000);
    expect(sender.events).toEqual(["drain"]);
    expect(clock.timers).toBe(0);
  });

  it("keeps to the rate over idle times: what was not used is lost", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ bytesPerSecond: 1_000, clock });
    const log = journal(b, clock);
    journal(a, clock);
    clock.advance(10_000);
    a.send([new Uint8Array(1_000)]);
    clock.advance(500);
    expect(log.bytes).toBe(0);
    clock.advance(500);
    expect(log.bytes).toBe(1_000);
  });

  it("slices what it delivers", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ sliceBytes: 4, clock });
    const log = journal(b, clock);
    a.send([new Uint8Array(3), new Uint8Array(7)]);
    clock.advance(0);
    expect(log.events).toEqual(["data 4", "data 4", "data 2"]);
  });

  it("takes the end along in its turn", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 20, clock });
    const sender = journal(a, clock);
    const receiver = journal(b, clock);
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
    const log = journal(a, clock);
    a.send([new Uint8Array(5)]);
    a.close();
    clock.advance(4_999);
    expect(log.events).toEqual([]);
    clock.advance(1);
    expect(log.events).toEqual(["closed ETIMEDOUT"]);
    const late = journal(b, clock);
    clock.advance(0);
    expect(late.events).toEqual(["data 5", "closed"]);
  });

  it("drops on abort what has not left, and the peer hears ECONNRESET after what has", () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair({ latencyMs: 10, bytesPerSecond: 1_000_000, clock });
    const sender = journal(a, clock);
    const receiver = journal(b, clock);
    a.send([new Uint8Array(100_000)]);
    clock.advance(50);
    a.abort(new Error("enough"));
    clock.advance(0);
    expect(sender.events).toEqual(["closed enough"]);
    clock.advance(10);
    expect(receiver.events.at(-1)).toBe("closed ECONNRESET");
    expect(receiver.bytes).toBeLessThan(51_000);
    expect(clock.timers).toBe(0);
  });

  it.each([
    [{ latencyMs: -1 }, "latencyMs"],
    [{ latencyMs: Number.NaN }, "latencyMs"],
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

  it("keeps instances apart", async () => {
    const there = new MemoryTransport();
    await there.listen("memory", "x", { onconnection: () => undefined });
    await expect(new MemoryTransport().dial("memory", "x")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it.each([
    ["tcp", "x"],
    ["memory", ""],
  ])("refuses network '%s' with address '%s'", async (network, address) => {
    const transport = new MemoryTransport();
    await expect(transport.dial(network, address)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(transport.listen(network, address, { onconnection: () => undefined })).rejects.toMatchObject({ code: "EINVAL" });
  });
});
