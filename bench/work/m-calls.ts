import type { MessageLink, MessageServer } from "../peers/message-peer.ts";
import { quantiles } from "./e-ping-pong.ts";
import { numbered, NumberedSink } from "./numbered.ts";
import { timed } from "./timed.ts";
import type { Work } from "./work.ts";

const REQUEST = 100;
const WARM_UP = 3_000;
const MOST = 20_000;

/** Calls one after the other: `count` times at most, or `seconds` long. Gives how long each took, in milliseconds. */
async function callAll(link: MessageLink, count: number, seconds: number): Promise<Float64Array> {
  const requests = numbered(REQUEST);
  const answers = new NumberedSink(REQUEST);
  const times = new Float64Array(count);
  const end = performance.now() + seconds * 1000;
  let done = 0;
  while (done < count) {
    const request = requests[done % requests.length] ?? new Uint8Array(1);
    const start = performance.now();
    const answer = await link.call(request);
    const now = performance.now();
    answers.add(answer);
    times[done++] = now - start;
    if (now > end) break;
  }
  return times.slice(0, done);
}

/** M: a request and its reply, one at a time. */
export const calls: Work<MessageLink, MessageServer> = {
  serve: () => ({
    sink: () => new NumberedSink(REQUEST),
    answer: (request) => request,
  }),
  async run(link, ask, options) {
    await callAll(link, WARM_UP, options.seconds);
    let times: Float64Array = new Float64Array(0);
    const spent = await timed(ask, options, async () => {
      times = await callAll(link, MOST, options.seconds * 2);
    });
    return { ...quantiles(times), count: times.length, ...spent };
  },
};
