import { discard } from "./discard.ts";
import type { Receiver } from "./receiver.ts";
import type { Abortable, Sender } from "./sender.ts";

/**
 * Sends everything that comes out of `receiver` to `sender`, and closes it then. Resolves with the number of messages (libchan's Copy).
 * Where sending fails what is in the message is closed and the receiver cancelled; where receiving fails the sender is aborted; the promise rejects with that error. After an abort
 * both ends are as they were, and no message is lost.
 */
export async function copy<T>(sender: Sender<T>, receiver: Receiver<T>, options?: Abortable): Promise<number> {
  let count = 0;
  for (;;) {
    let result: IteratorResult<T, undefined>;
    try {
      result = await receiver.next(options);
    } catch (error) {
      if (options?.signal?.aborted !== true) sender.abort(error);
      throw error;
    }
    if (result.done === true) break;
    try {
      // What was received is sent, whatever the signal says by now.
      await sender.send(result.value);
    } catch (error) {
      discard(result.value);
      receiver.cancel(error);
      throw error;
    }
    count += 1;
  }
  await sender.close();
  return count;
}
