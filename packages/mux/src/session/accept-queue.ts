import { type Deferred, Deferred as DeferredClass, onAbort, rejected } from "../deferred.ts";
import type { Stream } from "../stream/stream.ts";

interface Waiter {
  readonly deferred: Deferred<Stream>;
  cleanup?: () => void;
}

/** Streams that the peer opened and nobody took yet; and who waits for one. */
export class AcceptQueue {
  /** A Set keeps the order and forgets a stream that was reset meanwhile at once. */
  readonly #streams: Set<Stream> = new Set<Stream>();
  readonly #waiters: Set<Waiter> = new Set<Waiter>();

  get size(): number {
    return this.#streams.size;
  }

  /** Gives the stream to who waits longest, through `hand`; or queues it. */
  push(stream: Stream, hand: (stream: Stream) => void): void {
    if (this.#waiters.size === 0) {
      this.#streams.add(stream);
      return;
    }
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.cleanup?.();
      hand(stream);
      waiter.deferred.resolve(stream);
      return;
    }
  }

  /** The stream that waits longest. */
  shift(): Stream | undefined {
    for (const stream of this.#streams) {
      this.#streams.delete(stream);
      return stream;
    }
    return undefined;
  }

  wait(signal: AbortSignal | undefined): Promise<Stream> {
    if (signal?.aborted === true) return rejected(signal.reason);
    const waiter: Waiter = { deferred: new DeferredClass<Stream>() };
    this.#waiters.add(waiter);
    if (signal !== undefined)
      waiter.cleanup = onAbort(signal, (reason) => {
        this.#waiters.delete(waiter);
        waiter.deferred.reject(reason);
      });
    return waiter.deferred.promise;
  }

  delete(stream: Stream): void {
    this.#streams.delete(stream);
  }

  /** Empties both: the waiting callers get `error`, the streams are returned. */
  clear(error: unknown): Stream[] {
    for (const waiter of this.#waiters) {
      waiter.cleanup?.();
      waiter.deferred.reject(error);
    }
    this.#waiters.clear();
    const streams = [...this.#streams];
    this.#streams.clear();
    return streams;
  }
}
