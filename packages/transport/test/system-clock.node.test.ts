import { systemClock } from "@astranet/transport";
import { afterEach, describe, expect, it, vi } from "vitest";
import { deferralOrder } from "./deferral-order.ts";

/** What keeps this process alive, of that kind. */
function alive(kind: "Timeout" | "Immediate"): number {
  return process.getActiveResourcesInfo().filter((name) => name === kind).length;
}

describe("systemClock in Node", () => {
  it.each([
    [undefined, 0],
    [{}, 0],
    [{ keepAlive: false }, 0],
    [{ keepAlive: true }, 1],
  ])("with options %o keeps the process alive with %d timers", (options, timers) => {
    const before = alive("Timeout");
    const timer = systemClock.setTimer(60_000, () => undefined, options);
    const during = alive("Timeout");
    timer.cancel();
    expect(during - before).toBe(timers);
    expect(alive("Timeout")).toBe(before);
  });

  it.each([
    [2 ** 31 - 1, 1],
    [2 ** 31, 1],
    [3e9, 1],
    [Infinity, 0],
  ])("keeps the process alive for a delay of %d ms with %d timers, and with none once it is cancelled", (delayMs, timers) => {
    const before = alive("Timeout");
    const timer = systemClock.setTimer(delayMs, () => undefined, { keepAlive: true });
    const during = alive("Timeout");
    timer.cancel();
    expect(during - before).toBe(timers);
    expect(alive("Timeout")).toBe(before);
  });

  it("says nothing of a delay that is longer than the platform's", async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", note);
    systemClock.setTimer(3e9, () => undefined).cancel();
    systemClock.setTimer(Infinity, () => undefined).cancel();
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  it("defers with setImmediate", async () => {
    const before = alive("Immediate");
    const done = new Promise<void>((resolve) => {
      systemClock.defer(resolve);
    });
    expect(alive("Immediate")).toBe(before + 1);
    await done;
  });
});

describe("systemClock where there is no setImmediate", () => {
  const channels: MessageChannel[] = [];

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
    for (const { port1, port2 } of channels.splice(0)) {
      port1.close();
      port2.close();
    }
  });

  it("defers over one MessageChannel, which is made on first use", async () => {
    vi.stubGlobal("setImmediate", undefined);
    vi.stubGlobal(
      "MessageChannel",
      class extends MessageChannel {
        constructor() {
          super();
          channels.push(this);
        }
      },
    );
    vi.resetModules();
    const { systemClock: clock } = await import("../src/system-clock.ts");
    const before = systemClock.now();
    expect(clock.now()).toBeGreaterThanOrEqual(before);
    expect(channels.length).toBe(0);
    expect(await deferralOrder(clock)).toEqual(["now", "microtask", "first", "second", "third"]);
    await deferralOrder(clock);
    expect(channels.length).toBe(1);
  });
});
