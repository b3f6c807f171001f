import { AstraError } from "@astranet/transport";
import { checkExtensions, type Extension } from "./message/extension.ts";
import { pack } from "./message/pack.ts";
import { MessageQueue } from "./queue/message-queue.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";

/** What `pipe` takes. */
export interface PipeOptions {
  /** Messages that may wait to be received. Default 0: `send` resolves when a receiver has taken the message. */
  readonly capacity?: number;
  /** Classes of the application's that messages may hold, as a codec over the network has them. Default none. */
  readonly extensions?: readonly Extension[];
}

/** The two ends of a channel. */
export interface Pipe<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;
}

/**
 * A new channel within this process. Either end may be sent to somebody else, in a message over another channel, and works there as it did here.
 * Throws EINVAL for a capacity that is no integer from 0 on.
 */
export function pipe<T = unknown>(options: PipeOptions = {}): Pipe<T> {
  const { capacity = 0, extensions } = options;
  if (!Number.isSafeInteger(capacity) || capacity < 0) throw new AstraError("EINVAL", `capacity must be an integer from 0 on, not ${String(capacity)}`);
  const queue = new MessageQueue(capacity, extensions === undefined ? pack : packerOf(extensions));
  return { sender: new Sender<T>(queue), receiver: new Receiver<T>(queue) };
}

function packerOf(extensions: readonly Extension[]): typeof pack {
  checkExtensions(extensions);
  return (message) => pack(message, extensions);
}
