import { memoryPair, toConnection } from "@astranet/transport";
import { sessionBody } from "./support/session-body.ts";

sessionBody("memory", () => memoryPair());

sessionBody("memory, one byte at a time", () => memoryPair({ sliceBytes: 1 }), { bulkBytes: 100_000 });

sessionBody("memory with latency and a rate", () => memoryPair({ latencyMs: 2, bytesPerSecond: 1e8 }), { bulkBytes: 1_048_576 });

sessionBody("MessagePort", () => {
  const { port1, port2 } = new MessageChannel();
  return [toConnection(port1), toConnection(port2)];
});

sessionBody("WHATWG streams", () => {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  return [toConnection({ readable: back.readable, writable: there.writable }), toConnection({ readable: there.readable, writable: back.writable })];
});
