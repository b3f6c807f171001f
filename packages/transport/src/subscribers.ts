/**
 * Who is told of something, synchronously and in the order in which they came. Whoever unsubscribes while others are told is not told any more, and whoever comes then is told from the next time on.
 * A callback that is there already counts once.
 */
export class Subscribers<Args extends readonly unknown[]> {
  readonly #all = new Set<(...args: Args) => void>();
  readonly #failed: ((error: unknown) => void) | undefined;

  /** `failed` gets what a callback throws, and the others are told all the same. Without it that goes to who tells, and those after it are not told. */
  constructor(failed?: (error: unknown) => void) {
    this.#failed = failed;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Returns what takes it back. */
  add(callback: (...args: Args) => void): () => void {
    this.#all.add(callback);
    return () => {
      this.#all.delete(callback);
    };
  }

  tell(...args: Args): void {
    for (const callback of [...this.#all]) {
      if (!this.#all.has(callback)) continue;
      try {
        callback(...args);
      } catch (error) {
        if (this.#failed === undefined) throw error;
        this.#failed(error);
      }
    }
  }

  clear(): void {
    this.#all.clear();
  }
}
