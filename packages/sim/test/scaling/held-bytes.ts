import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemClock } from "@astranet/transport";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What the process holds, in bytes, when all garbage is collected: its heap, and buffers outside of it. */
export async function heldBytes(): Promise<number> {
  // Some garbage is only found out to be some once what it waited for has run.
  for (let round = 0; round < 3; round += 1) {
    for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => systemClock.defer(resolve));
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
