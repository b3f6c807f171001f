import { describe, expect, it } from "vitest";
import { fileThroughRelays, slowReader } from "./scenarios/files.ts";
import { MiB } from "./scenarios/scenario.ts";

// `pnpm proof scenarios` sends a gigabyte.
describe("a file, between processes that know only their relay", () => {
  it("comes whole through one relay, which has not seen the marker that it is full of", async () => {
    expect(await fileThroughRelays({ bytes: 256_000_000, relays: 1 })).toMatchObject({ "markers seen at each relay": "0" });
  });

  it("comes whole through four relays in a row, none of which has seen the marker; a trace names them all, and says why this provider", async () => {
    expect(await fileThroughRelays({ bytes: 16 * MiB, relays: 4 })).toMatchObject({ "markers seen at each relay": "0, 0, 0, 0" });
  });

  it("shows its marker to the same tap where all nodes are insecure", async () => {
    const { "markers seen at each relay": seen } = await fileThroughRelays({ bytes: 16 * MiB, relays: 1, insecure: true });
    expect(Number(seen)).toBeGreaterThanOrEqual(200);
  });

  it("that is read slower than it is sent makes the relay grow by no more than 64 MiB", async () => {
    await slowReader({ bytes: 64 * MiB, relays: 1 });
  });
});
