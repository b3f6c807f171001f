import { setTimeout as delay } from "node:timers/promises";

/** Resident bytes after garbage collection; the process is started with --expose-gc. */
export async function settledRss(): Promise<number> {
  // The collector gives pages back in the background: wait until there is nothing more to gain.
  let least = Infinity;
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await delay(50);
    const rss = process.memoryUsage.rss();
    if (rss > least * 0.995) break;
    least = rss;
  }
  return Math.min(least, process.memoryUsage.rss());
}
