import { describe, expect, it } from "vitest";
import { Process, SeededRandom, Timeline, Trace } from "@astranet/sim";

describe("virtual time", () => {
  it("runs timers in order, deferred calls before timers of the same moment, and whole promise chains before the next event", async () => {
    const timeline = new Timeline();
    const process = new Process(timeline, "p", 0);
    const seen: string[] = [];
    const chain = async (): Promise<void> => {
      for (let i = 0; i < 1000; i += 1) await Promise.resolve();
      seen.push("chain");
    };
    process.setTimer(10, () => seen.push("second at 10"));
    process.setTimer(5, () => {
      process.setTimer(0, () => seen.push("timer at once"));
      process.defer(() => seen.push("deferred"));
      void chain();
      seen.push("first at 5");
    });
    process.setTimer(7, () => seen.push("cancelled")).cancel();
    await timeline.run(9);
    expect(seen).toEqual(["first at 5", "chain", "deferred", "timer at once"]);
    await timeline.run(1);
    expect(seen.at(-1)).toBe("second at 10");
    expect(process.timers).toBe(0);
  });

  it("keeps order among very many events, of which most are cancelled", async () => {
    const timeline = new Timeline();
    const process = new Process(timeline, "p", 0);
    const random = new SeededRandom(3);
    const seen: number[] = [];
    const wanted: number[] = [];
    for (let i = 0; i < 20_000; i += 1) {
      const at = random.integer(0, 5000);
      const timer = process.setTimer(at, () => seen.push(at));
      if (random.chance(0.8)) timer.cancel();
      else wanted.push(at);
    }
    await timeline.run(5000);
    expect(seen).toEqual(wanted.sort((a, b) => a - b));
    expect(timeline.pending).toBe(0);
  });

  it("stops with an error when something sets itself off again and again", async () => {
    const timeline = new Timeline();
    const again = (): void => timeline.defer(undefined, again);
    again();
    await expect(timeline.run(1)).rejects.toThrow("again and again");
  });
});

describe("a process", () => {
  it("that is stopped finds its timers overdue when it goes on", async () => {
    const timeline = new Timeline();
    const process = new Process(timeline, "p", 0);
    const seen: number[] = [];
    process.setTimer(100, () => seen.push(process.now()));
    process.pause();
    await timeline.run(500);
    process.resume();
    await timeline.run(0);
    expect(seen).toEqual([1500]);
  });

  it("that sleeps with its machine finds that no time has passed", async () => {
    const timeline = new Timeline();
    const process = new Process(timeline, "p", 0);
    const seen: number[] = [];
    process.setTimer(100, () => seen.push(timeline.now));
    await timeline.run(40);
    process.pause({ counts: false });
    await timeline.run(500);
    expect(process.now()).toBe(1040);
    process.resume();
    await timeline.run(59);
    expect(seen).toEqual([]);
    await timeline.run(1);
    expect(seen).toEqual([600]);
  });

  it("that is killed does nothing any more", async () => {
    const timeline = new Timeline();
    const process = new Process(timeline, "p", 0);
    const seen: string[] = [];
    process.setTimer(1, () => seen.push("timer"));
    process.defer(() => seen.push("deferred"));
    process.kill();
    await timeline.run(10);
    expect(seen).toEqual([]);
  });

  it("whose clock runs fast has its timers early", async () => {
    const timeline = new Timeline();
    const process = new Process(timeline, "p", 0, { rate: 2 });
    const seen: number[] = [];
    process.setTimer(100, () => seen.push(timeline.now));
    await timeline.run(1000);
    expect(seen).toEqual([50]);
    expect(process.now()).toBe(3000);
  });
});

describe("randomness", () => {
  it("is the same for a seed and a label, and another for another", () => {
    const draw = (seed: number, label: string): number[] => {
      const random = new SeededRandom(seed, label);
      return Array.from({ length: 5 }, () => random.uint32());
    };
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    expect(new Set([draw(1, "a"), draw(2, "a"), draw(1, "b"), draw(2 ** 32 + 1, "a")].flat()).size).toBe(20);
  });

  it("draws every value about as often as every other", () => {
    const random = new SeededRandom(5);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i += 1) counts[random.integer(0, 9)]! += 1;
    for (const byte of random.bytes(1000)) counts[byte % 10]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(950);
    expect(Math.max(...counts)).toBeLessThan(1250);
  });
});

describe("a trace", () => {
  it("has a digest of everything in it, in order, and keeps the last lines to be read", () => {
    const [a, b, c] = [new Trace(), new Trace(), new Trace()];
    for (const trace of [a, b]) for (let i = 0; i < 1000; i += 1) trace.add(i, "n1", "event", i);
    for (let i = 0; i < 1000; i += 1) c.add(i, "n1", "event", i === 500 ? 501 : i);
    expect(a.digest()).toBe(b.digest());
    expect(a.digest()).not.toBe(c.digest());
    expect(a.tail(2).split("\n")).toEqual(["     998.000  n1         event 998", "     999.000  n1         event 999"]);
  });
});
