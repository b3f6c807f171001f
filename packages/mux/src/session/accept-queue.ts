import { Deferred, onAbort } from "../deferred.ts";
import type { Stream } from "../stream/stream.ts";

/** Streams that the peer opened and nobody took yet; and who waits for one. */
export class AcceptQueue {
  /** A Set keeps the order and forgets a stream that was reset meanwhile at once. */
  readonly #streams: Set<Stream> = new Set<Stream>();
  readonly #waiters: Set<Deferred<Stream>> = new Set<Deferred<Stream>>();

  get size(): number {
    return this.#streams.size;
  }

  /** Gives the stream to who waits longest, through `hand`; or queues it. */
  push(stream: Stream, hand: (stream: Stream) => void): void {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      hand(stream);
      waiter.resolve(stream);
      return;
    }
    this.#streams.add(stream);
  }

  /** The stream that waits longest. */
  shift(): Stream | undefined {
    for (const stream of this.#streams) {
      this.#streams.delete(stream);
      return stream;
    }
    return undefined;
  }

  /** The signal must not have aborted yet. */
  wait(signal: AbortSignal | undefined): Promise<Stream> {
    const waiter = new Deferred<Stream>();
    this.#waiters.add(waiter);
    if (signal !== undefined) {
      const cleanup = onAbort(signal, (reason) => {
        this.#waiters.delete(waiter);
        waiter.reject(reason);
      });
      waiter.promise.then(cleanup, cleanup);
    }
    return waiter.promise;
  }

  delete(stream: Stream): void {
    this.#streams.delete(stream);
  }

  /** Empties both: the waiting callers get an error, the streams are returned. */
  clear(makeError: () => unknown): Stream[] {
    if (this.#waiters.size > 0) {
      const error = makeError();
      for (const waiter of this.#waiters) waiter.reject(error);
      this.#waiters.clear();
    }
    const streams = [...this.#streams];
    this.#streams.clear();
    return streams;
  }
}
