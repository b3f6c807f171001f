import { Process, SimTransport } from "@astranet/sim";
import { conformance } from "@astranet/transport/testing";
import { afterAll, it } from "vitest";
import { realTimeNetwork } from "./support/real-time.ts";

const kinds = {
  "a good path": {},
  "a path with latency and jitter": { latencyMs: 2, jitterMs: 3 },
  "a path that hands over small pieces": { sliceBytes: 701 },
};

for (const [name, conditions] of Object.entries(kinds)) {
  const { network, timeline, stop } = realTimeNetwork({ latencyMs: 0, ...conditions });
  afterAll(stop);
  const dialling = new Process(timeline, "dialling", 0);
  const listening = new Process(timeline, "listening", 1);
  const near = new SimTransport(network, dialling, "near");
  const far = new SimTransport(network, listening, "far");
  conformance({
    test: it,
    name,
    transport: () => ({ networks: ["sim"], dial: (...args) => near.dial(...args), listen: (...args) => far.listen(...args) }),
    network: "sim",
    address: () => "far:0",
    bulkBytes: 8 << 20,
  });
}
