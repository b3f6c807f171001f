import type { FlowSink } from "../peers/message-peer.ts";
import { pattern } from "./pattern.ts";

/** Messages that are told apart, so that one that is lost, doubled or out of order is noticed. */
const DIFFERENT = 16;

/** Messages of that size, whose first and last byte say which it is. */
export function numbered(messageBytes: number): Uint8Array[] {
  return Array.from({ length: DIFFERENT }, (_, i) => {
    const message = pattern.slice(0, messageBytes);
    message[0] = i;
    message[messageBytes - 1] = 255 - i;
    return message;
  });
}

/** Counts the messages of one flow, and checks each one's size and place. */
export class NumberedSink implements FlowSink {
  count = 0;
  readonly #messageBytes: number;

  constructor(messageBytes: number) {
    this.#messageBytes = messageBytes;
  }

  add(message: Uint8Array): void {
    const i = this.count % DIFFERENT;
    if (message.byteLength !== this.#messageBytes || message[0] !== i || message[message.byteLength - 1] !== 255 - i) {
      throw new Error(`message ${String(this.count)} is another one than was sent`);
    }
    this.count++;
  }
}
