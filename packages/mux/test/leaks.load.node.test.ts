import { setMaxListeners } from "node:events";
import { afterAll, describe, expect, test } from "vitest";
import { type Figures, figures, leftovers } from "./leaks/figures.ts";
import { overMemory, sessions, streams, type Workload } from "./leaks/workloads.ts";

const MIB = 1_048_576;

/** The whole of it, 10^5 and 10^6 streams, 10^3 and 10^4 sessions: `pnpm proof leaks`. */
describe("what a process holds does not grow", () => {
  const { signal } = new AbortController();
  // A hundred calls at a time get it, on purpose.
  setMaxListeners(0, signal);
  let first: Figures | undefined;

  test.each<[name: string, begin: () => Promise<Workload>, few: number, many: number]>([
    ["streams", () => streams(overMemory, "streams", signal), 10_000, 50_000],
    ["sessions over memory", () => sessions("memory", signal), 300, 1_500],
    ["sessions over TCP", () => sessions("tcp", signal), 200, 1_000],
  ])("with %s", async (_, begin, few, many) => {
    first ??= await figures(signal);
    const workload = await begin();
    // What is compiled and cached once is paid for by the first.
    await workload.run(few);
    await workload.run(few);
    const before = await figures(signal);
    await workload.run(many);
    const after = await figures(signal);
    await workload.end();
    expect(after.heapBytes - before.heapBytes).toBeLessThanOrEqual(MIB);
    expect(leftovers(before, after)).toEqual([]);
  });

  afterAll(async () => {
    expect(leftovers(first as Figures, await figures(signal))).toEqual([]);
  });
});
