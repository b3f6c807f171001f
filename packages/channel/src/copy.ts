import { discard } from "./discard.ts";
import type { Receiver } from "./receiver.ts";
import { owned, type Abortable, type Sender } from "./sender.ts";

/**
 * Sends everything that comes out of `receiver` to `sender`, and closes it then. Resolves with the number of messages (libchan's Copy).
 * Where sending fails, or nobody receives there any more, what is in the message is closed and the receiver cancelled, also while it has nothing; where receiving fails the sender is aborted; the
 * promise rejects with that error. After an abort both ends are as they were, and no message is lost: one that was received already is sent first, however long that takes.
 */
export async function copy<T>(sender: Sender<T>, receiver: Receiver<T>, { signal }: Abortable = {}): Promise<number> {
  const queue = owned(sender);
  const { gone } = queue;
  const either = signal === undefined ? gone : AbortSignal.any([signal, gone]);
  let count = 0;
  for (;;) {
    let result: IteratorResult<T, undefined>;
    try {
      result = await receiver.next({ signal: either });
    } catch (error) {
      if (signal?.aborted === true) throw error;
      if (!gone.aborted) {
        sender.abort(error);
        throw error;
      }
      const refusal = queue.refusal!;
      receiver.cancel(refusal);
      throw refusal;
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
