import { AstraError } from "@astranet/transport";

/** One for all that is done at once: a promise for each message is a fifth of what a message costs. */
export const done: Promise<void> = Promise.resolve();

export const ignore = (): void => undefined;

/** Marks a promise as handled: who ignores it does not want to know. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/** Rejected, and marked as handled. */
export function rejected(error: unknown): Promise<never> {
  return handled(Promise.reject(error));
}

/** A promise and what settles it. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;

  /** Marked as handled. */
  constructor() {
    const promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise = handled(promise);
  }
}

/** Calls `aborted` when the signal is; gives what takes that back. */
export function onAbort(signal: AbortSignal | undefined, aborted: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => undefined;
  if (typeof (signal as Partial<AbortSignal>).addEventListener !== "function") throw new AstraError("EINVAL", "signal must be an AbortSignal");
  const listener = (): void => aborted(signal.reason);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
