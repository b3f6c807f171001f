import { systemClock } from "../system-clock.ts";

/** Throws an Error with `message` where `condition` does not hold. The kit brings no assertions of a test runner. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Awaits `promise`, and throws an Error with `message` where that takes more than `limitMs`. */
export async function within<T>(limitMs: number, promise: Promise<T>, message: string): Promise<T> {
  const late = deferred<never>();
  const timer = systemClock.setTimer(limitMs, () => late.reject(new Error(message)), { keepAlive: true });
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    timer.cancel();
  }
}

/** Resolves to what `promise` rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it resolved, where it had to reject");
}

/** Makes a promise and what settles it. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
