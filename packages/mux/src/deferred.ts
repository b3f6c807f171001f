/** A promise with its handles. Marked as handled: whoever does not await it is not warned. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T | PromiseLike<T>) => void;
  reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(ignore);
  }
}

export function ignore(): void {
  // Errors that reach the caller on another way.
}

/** A promise rejected with `error`, marked as handled: the error is also kept for the next call. */
export function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}

/** Shared, because nothing waits: a promise per call would be the dearest part of it. */
export const done: Promise<void> = Promise.resolve();

/**
 * Calls `onabort` with `signal.reason` once if it aborts before the returned function is called.
 * The signal must not have aborted yet.
 */
export function onAbort(signal: AbortSignal, onabort: (reason: unknown) => void): () => void {
  const listener = () => {
    onabort(signal.reason);
  };
  signal.addEventListener("abort", listener, { once: true });
  return () => {
    signal.removeEventListener("abort", listener);
  };
}

/** Waits for a promise that others wait for too; if the signal aborts first, only this wait ends. It must not have aborted yet. */
export function unlessAborted<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return shared;
  const own = new Deferred<T>();
  const cleanup = onAbort(signal, own.reject);
  shared.then(own.resolve, own.reject);
  own.promise.then(cleanup, cleanup);
  return own.promise;
}
