import { describe, it } from "vitest";
import { onlyRelayKilled, relayKilledDuringDial, relayKilledUnderStreams } from "./scenarios/relay-killed.ts";

describe("kill -9 of a relay", () => {
  it("with 1,000 busy streams through it ends each once, at both ends, with ECONNRESET that names the relay, and nothing hangs or is left (F1)", async () => {
    await onlyRelayKilled({ streams: 1000 });
  });

  it("during a dial makes the dial go on over another relay, and the other side sees one connection (F2)", async () => {
    await relayKilledDuringDial();
  });

  it("under streams ends them, and the next dial goes over another relay at once (F3)", async () => {
    await relayKilledUnderStreams({ streams: 1000 });
  });
});
