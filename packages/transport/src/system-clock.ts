import type { Clock, Timer } from "./clock.ts";

interface RefableTimer {
  unref?(): void;
}

/** Of a longer delay the platform makes 1 ms, as it counts in 31 bits; so it is waited for in parts. */
const MAX_DELAY_MS = 2_147_483_647;

const setImmediateIfAny = (globalThis as { setImmediate?: (callback: () => void) => unknown }).setImmediate;

function deferOnMessageChannel(): (callback: () => void) => void {
  const channel = new MessageChannel();
  const queue: (() => void)[] = [];
  channel.port1.onmessage = () => {
    const callback = queue.shift();
    callback?.();
  };
  return (callback) => {
    queue.push(callback);
    channel.port2.postMessage(null);
  };
}

let deferred: ((callback: () => void) => void) | undefined;

/** The real time of this process. `defer` is `setImmediate` where there is one, a MessageChannel elsewhere (timers in browsers wait 4 ms). */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(delayMs, callback, options): Timer {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const arm = (leftMs: number): void => {
      timer = leftMs > MAX_DELAY_MS ? setTimeout(arm, MAX_DELAY_MS, leftMs - MAX_DELAY_MS) : setTimeout(callback, leftMs);
      if (options?.keepAlive !== true) (timer as unknown as RefableTimer).unref?.();
    };
    if (delayMs !== Infinity) arm(delayMs);
    return {
      cancel: () => {
        clearTimeout(timer);
      },
    };
  },
  defer(callback) {
    if (setImmediateIfAny !== undefined) setImmediateIfAny(callback);
    else (deferred ??= deferOnMessageChannel())(callback);
  },
};
