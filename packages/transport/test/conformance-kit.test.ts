import { MemoryTransport, type Transport } from "@astranet/transport";
import { expect, it } from "vitest";
import { transportCases } from "../src/testing/transport-cases.ts";

it.each(["close", "closed"] as const)("names a listener whose %s waits for the connections it accepted, and does not hang", async (which) => {
  const { run } = transportCases.find(({ title }) => title.startsWith("leaves accepted connections alone"))!;
  const inner = new MemoryTransport();
  const transport: Transport = {
    networks: inner.networks,
    dial: (...what) => inner.dial(...what),
    listen: async (...what) => {
      const listener = await inner.listen(...what);
      const never = new Promise<void>(() => undefined);
      const close = (): Promise<void> => listener.close().then(() => (which === "close" ? never : undefined));
      return { address: listener.address, closed: never, close, [Symbol.asyncDispose]: close };
    },
  };
  await expect(run({ transport, network: "memory", address: "here", closeLimitMs: 5 })).rejects.toThrow(`the listener's ${which === "close" ? "close()" : "closed"} did not resolve`);
});
