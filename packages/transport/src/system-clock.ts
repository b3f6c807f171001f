import type { Clock, Timer } from "./clock.ts";

interface RefableTimer {
  unref?(): void;
}

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
    const timer = setTimeout(callback, delayMs);
    if (options?.keepAlive !== true) (timer as unknown as RefableTimer).unref?.();
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
