/** What changed in a registry. A watch begins with a snapshot, and has another one whenever it fell too far behind. */
export type RegistryEvent<T> =
  | { readonly type: "snapshot"; readonly values: readonly T[] }
  | { readonly type: "up" | "change" | "down"; readonly key: string; readonly value: T };

/** A live, read-only collection of values under keys, several of which may have the same key. */
export interface Registry<T> extends Iterable<T> {
  /** How many values there are. */
  readonly size: number;
  /** The best value under `key` now. */
  get(key: string): T | undefined;
  /** All values under `key` now, best first. */
  getAll(key: string): readonly T[];
  /** The best value under `key`, as soon as there is one. Rejects with `signal.reason` after an abort, and when the registry's owner closes. */
  find(key: string, options?: { signal?: AbortSignal }): Promise<T>;
  /**
   * Follows every change: changes of one value that were not read yet become one event, and beyond 1,024 of them a new snapshot.
   * Ends with the loop, when the registry's owner closes, or by `signal` (then it throws `signal.reason`).
   */
  watch(options?: { signal?: AbortSignal }): AsyncIterableIterator<RegistryEvent<T>>;
}

const maxPendingEvents = 1024;

interface Item<T> {
  readonly key: string;
  value: T;
}

type Pending<T> = Readonly<Item<T>> & { readonly type: "up" | "change" | "down" };

class Watcher<T> {
  readonly pending = new Map<string, Pending<T>>();
  needsSnapshot = true;
  wake: (() => void) | undefined;

  note(uid: string, event: Pending<T>): void {
    if (!this.needsSnapshot) {
      const merged = mergeEvents(this.pending.get(uid), event);
      if (merged === undefined) this.pending.delete(uid);
      else this.pending.set(uid, merged);
      if (this.pending.size > maxPendingEvents) {
        this.pending.clear();
        this.needsSnapshot = true;
      }
    }
    this.wake?.();
  }
}

function mergeEvents<T>(before: Pending<T> | undefined, now: Pending<T>): Pending<T> | undefined {
  if (before === undefined) return now;
  if (before.type === "up") return now.type === "down" ? undefined : { ...now, type: "up" };
  if (now.type === "up") return { ...now, type: "change" };
  return now;
}

/** The registry that its owner fills. */
export class LiveRegistry<T> implements Registry<T> {
  readonly #items = new Map<string, Item<T>>();
  /** Most keys have one value; only those with more have a set. */
  readonly #byKey = new Map<string, Item<T> | Set<Item<T>>>();
  readonly #watchers = new Set<Watcher<T>>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #compare: (a: T, b: T) => number;
  #closed: { readonly error: unknown } | undefined;

  /** `compare` orders the values of one key, best first. Default: as they came. */
  constructor(compare: (a: T, b: T) => number = () => 0) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.size;
  }

  /** Adds the value named `uid`, or replaces it. A uid keeps its key for as long as it is there. */
  set(uid: string, key: string, value: T): void {
    const known = this.#items.get(uid);
    if (known === undefined) this.#add(uid, { key, value });
    else known.value = value;
    for (const watcher of this.#watchers) watcher.note(uid, { type: known === undefined ? "up" : "change", key, value });
    for (const wake of [...(this.#waiting.get(key) ?? [])]) wake();
  }

  /** Removes the value named `uid`, if it is there. */
  delete(uid: string): void {
    const item = this.#items.get(uid);
    if (item === undefined) return;
    this.#items.delete(uid);
    const { key, value } = item;
    const siblings = this.#byKey.get(key);
    if (siblings instanceof Set && siblings.size > 1) siblings.delete(item);
    else this.#byKey.delete(key);
    for (const watcher of this.#watchers) watcher.note(uid, { type: "down", key, value });
  }

  /** Ends every watch, once what it has not read yet is read. Who waits for a value, now or later, gets `error`. */
  close(error: unknown): void {
    this.#closed ??= { error };
    for (const watcher of this.#watchers) watcher.wake?.();
    for (const wakes of [...this.#waiting.values()]) for (const wake of [...wakes]) wake();
  }

  get(key: string): T | undefined {
    return this.getAll(key)[0];
  }

  getAll(key: string): readonly T[] {
    const found = this.#byKey.get(key);
    if (found === undefined) return [];
    return found instanceof Set ? [...found].map(({ value }) => value).sort(this.#compare) : [found.value];
  }

  find(key: string, options: { signal?: AbortSignal } = {}): Promise<T> {
    return this.findWhere(key, () => true, options);
  }

  /** The best value under `key` that `accept` takes, as `find` gives it. */
  findWhere(key: string, accept: (value: T) => boolean, options: { signal?: AbortSignal } = {}): Promise<T> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const now = this.getAll(key).find(accept);
      if (now !== undefined) {
        resolve(now);
        return;
      }
      if (this.#closed !== undefined) {
        reject(this.#closed.error);
        return;
      }
      const wakes = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, wakes);
      const leave = (): void => {
        signal?.removeEventListener("abort", aborted);
        wakes.delete(wake);
        if (wakes.size === 0) this.#waiting.delete(key);
      };
      const wake = (): void => {
        const found = this.getAll(key).find(accept);
        if (found === undefined && this.#closed === undefined) return;
        leave();
        if (found === undefined) reject(this.#closed?.error);
        else resolve(found);
      };
      const aborted = (): void => {
        leave();
        reject(signal?.reason);
      };
      wakes.add(wake);
      signal?.addEventListener("abort", aborted);
    });
  }

  watch(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<RegistryEvent<T>> {
    const { signal } = options;
    const watcher = new Watcher<T>();
    this.#watchers.add(watcher);
    const stop = (): void => {
      this.#watchers.delete(watcher);
      watcher.pending.clear();
    };
    // A generator that was never begun runs no finally: the abort alone must end the watcher then.
    const aborted = (): void => {
      stop();
      watcher.wake?.();
    };
    signal?.addEventListener("abort", aborted);
    const events = this.#events(watcher, signal);
    const done = (): void => {
      stop();
      signal?.removeEventListener("abort", aborted);
      watcher.wake?.();
    };
    return {
      next: async () => {
        const step = await events.next();
        if (step.done === true) done();
        return step;
      },
      return: async () => {
        done();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #add(uid: string, item: Item<T>): void {
    this.#items.set(uid, item);
    const siblings = this.#byKey.get(item.key);
    if (siblings === undefined) this.#byKey.set(item.key, item);
    else if (siblings instanceof Set) siblings.add(item);
    else this.#byKey.set(item.key, new Set([siblings, item]));
  }

  async *#events(watcher: Watcher<T>, signal: AbortSignal | undefined): AsyncGenerator<RegistryEvent<T>, undefined> {
    for (;;) {
      if (signal?.aborted === true) throw signal.reason;
      if (!this.#watchers.has(watcher)) return undefined;
      if (watcher.needsSnapshot) {
        watcher.needsSnapshot = false;
        yield { type: "snapshot", values: [...this] };
        continue;
      }
      const first = watcher.pending.entries().next();
      if (first.done !== true) {
        const [uid, event] = first.value;
        watcher.pending.delete(uid);
        yield event;
        continue;
      }
      if (this.#closed !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        watcher.wake = resolve;
      });
      watcher.wake = undefined;
    }
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const item of this.#items.values()) yield item.value;
  }
}
