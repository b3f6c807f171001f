import { setImmediate as turn } from "node:timers/promises";
import type { MessageLink, MessageServer } from "../peers/message-peer.ts";
import { numbered, NumberedSink } from "./numbered.ts";
import { timed } from "./timed.ts";
import { warmUp } from "./warm-up.ts";
import type { Work } from "./work.ts";

const MOST_BYTES = 16 * 1024 * 1024 * 1024;
const MOST = 16_000_000;
/** A sender that is never held back gives up a turn of the event loop now and then, or nothing would leave. */
const BYTES_A_TURN = 16 * 1024 * 1024;

async function sendAll(link: MessageLink, messages: readonly Uint8Array[], count: number): Promise<void> {
  const { byteLength } = messages[0] ?? new Uint8Array(1);
  const flow = await link.open(byteLength);
  const aTurn = Math.ceil(BYTES_A_TURN / byteLength);
  for (let i = 0; i < count; i++) {
    const wait = flow.send(messages[i % messages.length] ?? new Uint8Array(1));
    if (wait !== undefined) await wait;
    if (i % aTurn === aTurn - 1) await turn();
  }
  const came = await flow.finish();
  if (came !== count) throw new Error(`${String(count)} messages were sent, ${String(came)} came`);
}

/** L: messages one way on one channel, until the receiver has said how many came. */
export function messagesOfAFlow(messageBytes: number): Work<MessageLink, MessageServer> {
  return {
    serve: () => ({
      sink: () => new NumberedSink(messageBytes),
      answer: (request) => request,
    }),
    async run(link, ask, options) {
      const messages = numbered(messageBytes);
      const most = Math.min(MOST, MOST_BYTES / messageBytes);
      const rate = await warmUp(options, { first: 512, most }, (count) => sendAll(link, messages, count));
      const count = Math.ceil(Math.min(Math.max(rate * options.seconds, 512), most));
      const spent = await timed(ask, options, () => sendAll(link, messages, count));
      return { messagesPerSecond: count / spent.seconds, count, ...spent };
    },
  };
}
