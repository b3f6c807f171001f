import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Session } from "@astranet/mux";
import { memoryPair } from "@astranet/transport";
import { ManualClock } from "../support/manual-clock.ts";
import { partsOf, type Shape } from "./shapes.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that are reachable: of the heap and of the buffers outside of it. */
export async function heapBytes(): Promise<number> {
  // What finalizers and finished microtasks let go of is gone after some turns.
  for (let turn = 0; turn < 4; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export interface Measured {
  /** Bytes told. */
  readonly told: number;
  readonly streams: number;
  /** By how much the process grew, and what `stats()` says of it. */
  readonly grown: number;
  readonly retained: number;
  readonly allowed: number;
  /** Whether the session took it all. */
  readonly alive: boolean;
}

/** Tells a session whose application does nothing a whole shape, and measures what it keeps. */
export async function measure(shape: Shape): Promise<Measured> {
  const before = await heapBytes();
  const clock = new ManualClock();
  const [ours, theirs] = memoryPair({ clock });
  theirs.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
  const session = new Session(ours, { role: "server", clock, ...shape.options });
  let alive = true;
  session.closed.catch(() => (alive = false));
  let told = 0;
  for (const bytes of partsOf(shape)) {
    told += bytes.length;
    theirs.send([bytes]);
    await clock.settle();
  }
  const grown = (await heapBytes()) - before;
  const { retainedBytes: retained, streams, backlog } = session.stats();
  const survived = alive;
  session.abort();
  await clock.settle();
  // A stream that waits to be accepted is open to the application, even where both its ends came.
  return { told, streams, grown, retained, allowed: 4 * told + 65_536 + 1_024 * Math.max(streams, backlog), alive: survived };
}
