import { MemoryTransport, memoryPair, toConnection } from "@astranet/transport";
import { conformance } from "@astranet/transport/testing";
import { describe, it } from "vitest";

const bulkBytes = 8 * 1_024 * 1_024;

describe("memory", () => {
  conformance({ test: it, pair: () => memoryPair() });
});

describe("memory, one byte at a time", () => {
  conformance({ test: it, pair: () => memoryPair({ sliceBytes: 1 }), bulkBytes });
});

describe("memory with latency and a rate", () => {
  conformance({ test: it, pair: () => memoryPair({ latencyMs: 1, bytesPerSecond: 1e8 }), bulkBytes });
});

describe("MemoryTransport", () => {
  let names = 0;
  const transport = new MemoryTransport();
  conformance({ test: it, transport: () => transport, network: "memory", address: () => `somewhere ${String(names++)}`, bulkBytes });
});

describe("MessagePort", () => {
  conformance({
    test: it,
    pair: () => {
      const { port1, port2 } = new MessageChannel();
      return [toConnection(port1), toConnection(port2)];
    },
  });
});

describe("WHATWG streams", () => {
  conformance({
    test: it,
    pair: () => {
      const there = new TransformStream<Uint8Array, Uint8Array>();
      const back = new TransformStream<Uint8Array, Uint8Array>();
      return [toConnection({ readable: back.readable, writable: there.writable }), toConnection({ readable: there.readable, writable: back.writable })];
    },
  });
});
