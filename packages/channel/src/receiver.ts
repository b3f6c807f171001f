import { AstraError } from "@astranet/transport";
import { done, handled, onAbort, rejected } from "./promises.ts";
import type { Failure, Taker } from "./queue/choice.ts";
import { broken, type MessageQueue } from "./queue/message-queue.ts";
import { owned, type Abortable } from "./sender.ts";

/** The end of a channel where messages of type `T` come out, in the order in which they were sent. See {@link Sender}. */
export class Receiver<T = unknown> implements AsyncIterable<T, undefined>, AsyncDisposable {
  /** Undefined once it was handed over. @internal */
  _queue: MessageQueue | undefined;
  /** Where the type stands for the compiler. */
  declare readonly _receives?: (() => T) | undefined;

  /** @internal */
  constructor(queue: MessageQueue | undefined) {
    this._queue = queue;
  }

  /**
   * The next message. Rejects with ERR_ASTRANET_CHANNEL_CLOSED where there is none, because the sender closed the channel or `cancel` was called; with ECONNRESET and
   * others where it broke; with ERR_ASTRANET_PROTOCOL for what came and is no message; and with `signal.reason`, and then no message is lost. Several may wait: first come, first served.
   */
  receive(options?: Abortable): Promise<T> {
    return this.#take(options?.signal, messageOf);
  }

  /** As `receive`, with the end as a result: `{ done: true }`. */
  next(options?: Abortable): Promise<IteratorResult<T, undefined>> {
    return this.#take(options?.signal, itself);
  }

  /** A message that is there now; undefined where there is none yet, `{ done: true }` at the end. Throws where `receive` would reject. */
  tryReceive(): IteratorResult<T, undefined> | undefined {
    const queue = owned(this);
    const item = queue.tryTake();
    if (item !== undefined) return { done: false, value: item.open() as T };
    const { over } = queue;
    if (over === undefined) return undefined;
    if (over.failure !== undefined) throw broken(over.failure);
    return { done: true, value: undefined };
  }

  /** Wants no more: messages that wait are dropped, and sends reject with EPIPE. `reason` is for this side. Does nothing on a channel that is over. */
  cancel(reason?: unknown): void {
    this._queue?.cancel(reason);
  }

  /** Resolves when the channel is over and every message was received, or it was cancelled; rejects with what broke it. Marked as handled. */
  get closed(): Promise<void> {
    return this._queue?.closed ?? done;
  }

  /** Every message to the end. Leaving the loop early is `cancel()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new ReceiverIterator(this);
  }

  /** `cancel()`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return done;
  }

  #take<R>(signal: AbortSignal | undefined, toResult: (result: IteratorResult<T, undefined>) => R): Promise<R> {
    if (signal?.aborted === true) return rejected(signal.reason);
    try {
      const now = this.tryReceive();
      return now === undefined ? wait(owned(this), signal, toResult) : Promise.resolve(toResult(now));
    } catch (error) {
      return rejected(error);
    }
  }
}

function itself<R>(result: R): R {
  return result;
}

function messageOf<T>(result: IteratorResult<T, undefined>): T {
  if (result.done === true) throw new AstraError("ERR_ASTRANET_CHANNEL_CLOSED", "there are no more messages: the channel is closed");
  return result.value;
}

function wait<T, R>(queue: MessageQueue, signal: AbortSignal | undefined, toResult: (result: IteratorResult<T, undefined>) => R): Promise<R> {
  const waiting = new Promise<R>((resolve, reject) => {
    const settle = (result: () => IteratorResult<T, undefined>): void => {
      stopListening();
      try {
        resolve(toResult(result()));
      } catch (error) {
        reject(error);
      }
    };
    const taker: Taker = {
      choice: undefined,
      take: (item) => settle(() => ({ done: false, value: item.open() as T })),
      over: (failure: Failure | undefined) =>
        settle(() => {
          if (failure !== undefined) throw broken(failure);
          return { done: true, value: undefined };
        }),
    };
    const stopListening = onAbort(signal, (reason) => {
      queue.dismiss(taker);
      reject(reason);
    });
    queue.await(taker);
  });
  return handled(waiting);
}

class ReceiverIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #receiver: Receiver<T>;

  constructor(receiver: Receiver<T>) {
    this.#receiver = receiver;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#receiver.next();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#receiver.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
