import { done, handled, onAbort, rejected, unlessAborted } from "./promises.ts";
import type { Putter } from "./queue/choice.ts";
import type { Item } from "./queue/item.ts";
import { handedOver, type MessageQueue } from "./queue/message-queue.ts";

/** What every call takes that may wait. */
export interface Abortable {
  /** Ends the waiting: the call rejects with `signal.reason`, and nothing was sent or received. */
  readonly signal?: AbortSignal;
}

/**
 * The end of a channel where messages of type `T` go in. They come out at its {@link Receiver} in the same order, as copies: in this process, or wherever
 * that end was sent to. What a message may hold: https://github.com/astranet/astranet/blob/main/docs/channels.md. Made by `pipe`, by `Channels.open`, or received within a message.
 */
export class Sender<T = unknown> implements AsyncDisposable {
  /** Undefined once it was handed over. @internal */
  _queue: MessageQueue | undefined;
  /** Where the type stands for the compiler. */
  declare readonly _sends?: ((message: T) => void) | undefined;

  /** @internal */
  constructor(queue: MessageQueue | undefined) {
    this._queue = queue;
  }

  /**
   * Sends a message. Awaiting it is the backpressure: it resolves when a receiver has taken it or there is room for it; over a network, when it is on its way.
   * Channels and byte streams within it are handed over at once. Where it rejects nothing was sent, and they are the caller's again.
   *
   * Rejects with EPIPE where the receiver cancelled, ECONNRESET and others where the channel broke, EINVAL for what no message can hold (the text says what and where),
   * EMSGSIZE for a message that is too long, ERR_ASTRANET_INVALID_STATE after `close` or once this end was handed over, and `signal.reason`.
   */
  send(message: T, options?: Abortable): Promise<void> {
    const signal = options?.signal;
    if (signal?.aborted === true) return rejected(signal.reason);
    try {
      const queue = owned(this);
      return queue.tryPut(message) ? done : wait(queue, queue.pack(message), signal);
    } catch (error) {
      return rejected(error);
    }
  }

  /** Sends the message if that needs no patience, and says whether it did. Throws where `send` would reject. */
  trySend(message: T): boolean {
    return owned(this).tryPut(message);
  }

  /**
   * No message follows; the receiver gets those that were sent, and then the end. Resolves when that is on its way: over a network, when there was room for all of it, which a receiver that takes nothing can hold up for ever.
   * Does nothing on a channel that is over. Rejects with what broke the channel, and with `signal.reason`: then the end follows all the same once there is room, and `abort` gives it up.
   */
  close(options?: Abortable): Promise<void> {
    const ended = this._queue?.end() ?? done;
    return options?.signal === undefined ? ended : unlessAborted(ended, options.signal);
  }

  /** Gives up: messages that were not received are dropped, and the receiver hears ECONNRESET. `reason` travels as text, at most 244 bytes of it. */
  abort(reason?: unknown): void {
    this._queue?.abort(reason);
  }

  /** Resolves when the channel is over, also because the receiver cancelled; rejects with what broke it. Marked as handled. */
  get closed(): Promise<void> {
    return this._queue?.closed ?? done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The queue of an end. Throws ERR_ASTRANET_INVALID_STATE where that was handed over. @internal */
export function owned(end: { readonly _queue: MessageQueue | undefined }): MessageQueue {
  if (end._queue === undefined) throw handedOver();
  return end._queue;
}

function wait(queue: MessageQueue, item: Item, signal: AbortSignal | undefined): Promise<void> {
  const waiting = new Promise<void>((resolve, reject) => {
    const putter: Putter = {
      choice: undefined,
      item,
      taken: () => {
        stopListening();
        resolve();
      },
      failed: (error) => {
        stopListening();
        reject(error);
      },
    };
    const stopListening = onAbort(signal, (reason) => {
      queue.withdraw(putter);
      item.restore();
      reject(reason);
    });
    queue.wait(putter);
  });
  return handled(waiting);
}
