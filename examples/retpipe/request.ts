import type { Sender } from "@astranet/channel";

export interface Request {
  readonly text: string;
  /** Where the answer goes: whoever has the request has this too, wherever he is. */
  readonly reply: Sender<string>;
}
