import { memoryPair } from "@astranet/transport";
import { conformance, debugConnection } from "@astranet/transport/testing";
import { describe, it } from "vitest";
import { securePair } from "./support/secure-pair.ts";

const bulkBytes = 8 * 1_024 * 1_024;

for (const pattern of ["XX", "IK"] as const) {
  for (const suite of ["AESGCM", "ChaChaPoly"] as const) {
    describe(`noise ${pattern} with ${suite} over memory`, () => {
      conformance({ test: it, pair: () => securePair({ both: { pattern, suites: [suite] } }), bulkBytes });
    });
  }
}

describe("noise over memory, one byte at a time", () => {
  conformance({ test: it, pair: () => securePair({}, memoryPair({ sliceBytes: 1 })), bulkBytes: 1_024 * 1_024 });
});

describe("noise over memory with latency and a rate", () => {
  conformance({ test: it, pair: () => securePair({}, memoryPair({ latencyMs: 1, bytesPerSecond: 1e8 })), bulkBytes });
});

describe("noise over connections that spoil what is not theirs, and under one", () => {
  conformance({
    test: it,
    pair: async () => {
      const [a, b] = memoryPair();
      const [x, y] = await securePair({}, [debugConnection(a), debugConnection(b)]);
      return [debugConnection(x), debugConnection(y)];
    },
    bulkBytes,
  });
});

describe("noise with a new key every three records", () => {
  conformance({ test: it, pair: () => securePair({ both: { rekeyAfterRecords: 3 } }), bulkBytes });
});
