import { readFileSync, writeFileSync } from "node:fs";

/** What this process holds, in bytes. */
export interface Memory {
  readonly rss: number;
  /** The most that `rss` was since `forgetPeak`. */
  readonly peakRss: number;
  /** After collecting garbage, what is not garbage. */
  readonly held: number;
}

/** Linux forgets on request how much memory a process once had; elsewhere the peak is that of its whole life. */
export function forgetPeak(): void {
  collect();
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Then the peak is too high, never too low.
  }
}

export function memory(): Memory {
  const { rss } = process.memoryUsage();
  const peakRss = peak();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { rss, peakRss, held: heapUsed + arrayBuffers };
}

function peak(): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kib !== undefined) return Number(kib) * 1024;
  } catch {
    // No such file: not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** Twice: what buffers held counts as free only after the collection that follows the one that found them unused. */
function collect(): void {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.();
}
