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

type Told = (reason: unknown) => void;

/**
 * Lets many wait for what a key tells once, with one listener for all of them: Node warns of a leak where there are more than ten. `listen` adds the listener and gives what removes it.
 * What comes out adds one who waits, and gives what takes that back; with the last one the listener goes.
 */
export function shared<K extends object>(listen: (key: K, tell: Told) => () => void): (key: K, told: Told) => () => void {
  const waiting = new WeakMap<K, { readonly all: Set<Told>; readonly end: () => void }>();
  return (key, told) => {
    let entry = waiting.get(key);
    if (entry === undefined) {
      const all = new Set<Told>();
      // Who comes from then on waits for the next time.
      const over = (): unknown => waiting.delete(key);
      const unlisten = listen(key, (reason) => {
        over();
        for (const each of all) each(reason);
      });
      entry = { all, end: () => (unlisten(), over()) };
      waiting.set(key, entry);
    }
    const { all, end } = entry;
    all.add(told);
    return () => {
      if (all.delete(told) && all.size === 0) end();
    };
  };
}

const abortOf = shared((signal: AbortSignal, tell) => {
  checkSignal(signal);
  const aborted = (): void => tell(signal.reason);
  signal.addEventListener("abort", aborted);
  return () => signal.removeEventListener("abort", aborted);
});

/** Throws EINVAL for what is no signal. By what it has: there are signals of more than one realm. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== "function") throw new AstraError("EINVAL", "signal must be an AbortSignal");
}

/** Calls `aborted` when the signal is; gives what takes that back. */
export function onAbort(signal: AbortSignal | undefined, aborted: Told): () => void {
  return signal === undefined ? ignore : abortOf(signal, aborted);
}

/** What a promise settles with, unless the signal is aborted before: then it rejects with its reason. Marked as handled. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return rejected(signal.reason);
  const either = new Promise<T>((resolve, reject) => {
    const stopListening = onAbort(signal, reject);
    promise.then(resolve, reject).finally(stopListening);
  });
  return handled(either);
}
