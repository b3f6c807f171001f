import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemClock } from "@astranet/transport";

/** What a process holds at one moment, when all garbage is collected. */
export interface Figures {
  readonly heapBytes: number;
  /** Sockets, timers and whatever else Node counts as active. */
  readonly resources: Readonly<Record<string, number>>;
  readonly listeners: number;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Looks at the process after some turns of the event loop and garbage collections. `signal`: the one that all calls were given. */
export async function figures(signal: AbortSignal): Promise<Figures> {
  let heapBytes = Infinity;
  for (let round = 0; round < 6; round++) {
    for (let turn = 0; turn < 20; turn++)
      await new Promise<void>((resolve) => {
        systemClock.defer(resolve);
      });
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    heapBytes = Math.min(heapBytes, heapUsed + arrayBuffers);
  }
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  const listeners = getEventListeners(signal, "abort").length + process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { heapBytes, resources, listeners };
}

/** What there is more of in `after`: names of resources, and listeners. */
export function leftovers(before: Figures, after: Figures): string[] {
  const more = Object.keys(after.resources).filter((name) => (after.resources[name] ?? 0) > (before.resources[name] ?? 0));
  return after.listeners > before.listeners ? [...more, "listeners"] : more;
}
