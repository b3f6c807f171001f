import { ignore, onAbort } from "../promises.ts";
import { owned, type Sender } from "../sender.ts";

/**
 * Does something with everything that a source of a stream gives, until nobody receives it any more at the other end of `sender`. A source that has nothing by then is left at once, where it can be: a generator
 * that waits hears of it with its next item. That nobody receives is no failure, nor is what the source says then.
 */
export async function eachItem<T>(source: AsyncIterable<T>, sender: Sender<never>, use: (item: T) => Promise<void>): Promise<void> {
  const queue = owned(sender);
  const iterator = source[Symbol.asyncIterator]();
  const stopListening = onAbort(queue.gone, () => void (async () => iterator.return?.())().catch(ignore));
  try {
    for await (const item of { [Symbol.asyncIterator]: () => iterator }) await use(item);
  } catch (error) {
    if (queue.refusal?.code !== "EPIPE") throw error;
  } finally {
    stopListening();
  }
}
