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

/** Who waits for a signal. One listener stands for all of them: Node warns of a leak where a signal has more than ten. */
const waiting = new WeakMap<AbortSignal, { readonly all: Set<Told>; readonly tell: () => void }>();

/** Throws EINVAL for what is no signal. By what it has: there are signals of more than one realm. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== "function") throw new AstraError("EINVAL", "signal must be an AbortSignal");
}

/** Calls `aborted` when the signal is; gives what takes that back. */
export function onAbort(signal: AbortSignal | undefined, aborted: Told): () => void {
  if (signal === undefined) return ignore;
  checkSignal(signal);
  const { all, tell } = waiting.get(signal) ?? listenTo(signal);
  all.add(aborted);
  return () => {
    // Once only: who waits now may be others.
    if (!all.delete(aborted) || all.size > 0) return;
    signal.removeEventListener("abort", tell);
    waiting.delete(signal);
  };
}

/** What a promise settles with, unless the signal is aborted before: then it rejects with its reason. Marked as handled. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const either = new Promise<T>((resolve, reject) => {
    const stopListening = onAbort(signal, reject);
    if (signal.aborted) reject(signal.reason);
    promise.then(resolve, reject).finally(stopListening);
  });
  return handled(either);
}

function listenTo(signal: AbortSignal): { readonly all: Set<Told>; readonly tell: () => void } {
  const all = new Set<Told>();
  const tell = (): void => {
    waiting.delete(signal);
    for (const each of all) each(signal.reason);
  };
  const listening = { all, tell };
  waiting.set(signal, listening);
  signal.addEventListener("abort", tell, { once: true });
  return listening;
}
