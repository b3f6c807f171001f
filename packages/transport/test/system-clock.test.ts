import { systemClock } from "@astranet/transport";
import { describe, expect, it, onTestFinished, vi } from "vitest";
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

  it.each([2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 3e9, 1e10])("calls a timer of %d ms then, and not before", (delayMs) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let calls = 0;
    systemClock.setTimer(delayMs, () => calls++);
    const cancelled = systemClock.setTimer(delayMs, () => calls++);
    vi.advanceTimersByTime(delayMs - 1);
    expect(calls).toBe(0);
    cancelled.cancel();
    vi.advanceTimersByTime(1);
    expect([calls, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it("never calls a timer of Infinity, and sets none", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const timer = systemClock.setTimer(Infinity, () => expect.unreachable());
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1e10);
    timer.cancel();
    timer.cancel();
  });

  it("defers until after the current tick and its microtasks, in order", async () => {
    expect(await deferralOrder(systemClock)).toEqual(["now", "microtask", "first", "second", "third"]);
  });
});
