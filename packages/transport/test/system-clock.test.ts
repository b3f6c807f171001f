import { systemClock } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { deferralOrder } from "./deferral-order.ts";

describe("systemClock", () => {
  it("tells milliseconds that never go back", () => {
    const [before, reading, after] = [performance.now(), systemClock.now(), performance.now()];
    expect(reading).toBeGreaterThanOrEqual(before);
    expect(reading).toBeLessThanOrEqual(after);
  });

  it("calls a timer once its time has come, and not one that was cancelled", async () => {
    const fired: string[] = [];
    const began = systemClock.now();
    const cancelled = systemClock.setTimer(1, () => fired.push("cancelled"));
    cancelled.cancel();
    cancelled.cancel();
    await new Promise<void>((resolve) => {
      const timer = systemClock.setTimer(20, () => {
        fired.push("timer");
        timer.cancel();
        resolve();
      });
    });
    expect(fired).toEqual(["timer"]);
    // Timers may come a millisecond early.
    expect(systemClock.now() - began).toBeGreaterThan(18);
  });

  it("defers until after the current tick and its microtasks, in order", async () => {
    expect(await deferralOrder(systemClock)).toEqual(["now", "microtask", "first", "second", "third"]);
  });
});
