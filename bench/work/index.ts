import { bulk } from "./a-bulk.ts";
import { manyBulk } from "./b-many-bulk.ts";
import { openEchoClose } from "./c-open-echo-close.ts";
import { idle } from "./d-idle.ts";
import { pingPong, pingPongUnderBulk } from "./e-ping-pong.ts";
import { messages } from "./f-messages.ts";
import { hopLatency } from "./h-hop-latency.ts";
import { linksASecond, linkUp } from "./j-link-up.ts";
import { messagesInProcess } from "./k-messages-in-process.ts";
import { messagesOfAFlow } from "./l-messages-of-a-flow.ts";
import { calls } from "./m-calls.ts";
import type { Work, WorkName } from "./work.ts";

/** Each with the links of its peers, as `peers/list.ts` names them. */
export const works: Record<WorkName, Work<unknown, unknown>> = {
  A: bulk,
  B: manyBulk,
  C: openEchoClose,
  D: idle,
  E: pingPong,
  E2: pingPongUnderBulk,
  F: messages,
  G: bulk,
  G2: openEchoClose,
  G3: messages,
  H: bulk,
  H2: hopLatency,
  I: bulk,
  J: linkUp,
  J2: linksASecond,
  K: messagesInProcess,
  L: messagesOfAFlow(100),
  L2: messagesOfAFlow(64 * 1024),
  M: calls,
};
