import type { Socket } from "node:net";
import { dialLoopback, listenLoopback } from "../peers/loopback.ts";

/** What one direction may have under way: more than any peer's window, so that it is the peers that say how much. */
const MOST_BYTES = 64 * 1024 * 1024;

interface Waiting {
  readonly due: number;
  /** Undefined: the end. */
  readonly chunk: Buffer | undefined;
}

/** Everything that comes leaves `delayMs` later, in order: a long wire. */
function carry(from: Socket, to: Socket, delayMs: number): void {
  let waiting: Waiting[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const left = (count: number): void => {
    bytes -= count;
    if (bytes < MOST_BYTES / 2 && from.isPaused()) from.resume();
  };
  const deliver = (): void => {
    timer = undefined;
    const now = performance.now();
    let due = 0;
    to.cork();
    for (; due < waiting.length; due++) {
      const next = waiting[due];
      if (next === undefined || next.due > now) break;
      const { chunk } = next;
      if (chunk === undefined) to.end();
      else to.write(chunk, () => { left(chunk.byteLength); });
    }
    to.uncork();
    waiting = waiting.slice(due);
    schedule();
  };
  const schedule = (): void => {
    const [first] = waiting;
    if (first !== undefined) timer ??= setTimeout(deliver, Math.max(0, first.due - performance.now()));
  };
  const take = (chunk: Buffer | undefined): void => {
    waiting.push({ due: performance.now() + delayMs, chunk });
    bytes += chunk?.byteLength ?? 0;
    if (bytes > MOST_BYTES) from.pause();
    schedule();
  };
  from.on("data", take);
  from.on("end", () => { take(undefined); });
  from.on("error", () => to.destroy());
}

/** Listens on a free loopback port for what is at `target`, `roundTripMs` away. */
export function delay(target: number, roundTripMs: number): Promise<number> {
  return listenLoopback((socket) => {
    // What comes meanwhile waits in the kernel.
    socket.pause();
    void dialLoopback(target).then((onward) => {
      carry(socket, onward, roundTripMs / 2);
      carry(onward, socket, roundTripMs / 2);
      socket.resume();
    });
  });
}
