import { describe, it } from "vitest";
import { gracefulStop, halfOpenPeer, nap, sleeper } from "./scenarios/faults.ts";

describe("a node", () => {
  it("whose connection died without the relay hearing of it is back at once: the old link is superseded, and its services never were away (F7)", async () => {
    await halfOpenPeer({ streams: 100 });
  });

  it("that slept longer than its neighbours wait is back within 3 s of waking, and has declared nobody dead (F11)", async () => {
    await sleeper();
  });

  it("that naps loses no link and no stream", async () => {
    await nap();
  });

  it("that is told to stop finishes 100 running streams, gets no new ones, and no client sees an error (F21)", async () => {
    await gracefulStop({ streams: 100 });
  });
});
