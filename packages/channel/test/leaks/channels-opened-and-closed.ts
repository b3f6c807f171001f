import { Channels, pipe, type Receiver, type Sender } from "@astranet/channel";
import { Session } from "@astranet/mux";
import { memoryPair } from "@astranet/transport";
import { figures } from "../../../mux/test/leaks/figures.ts";

const atOnce = 1000;

/** What is left of channels that were opened and closed. */
export interface Left {
  readonly heapBytes: number;
  readonly streams: number;
}

interface Request {
  readonly n: number;
  readonly more: Receiver<number>;
  readonly answer: Sender<number>;
}

/** Answers each request with the sum of what it brings. */
async function serve(channels: Channels): Promise<void> {
  for await (const requests of channels as AsyncIterable<Receiver<Request>>) {
    void (async () => {
      for await (const { n, more, answer } of requests) {
        let sum = n;
        for await (const each of more) sum += each;
        await answer.send(sum);
        await answer.close();
      }
    })();
  }
}

/** Three channels: one that is opened, and two in its message. */
async function ask(channels: Channels, n: number): Promise<void> {
  const requests = channels.open<Request>();
  const [more, answer] = [pipe<number>({ capacity: 1 }), pipe<number>()];
  await requests.send({ n, more: more.receiver, answer: answer.sender });
  await more.sender.send(1);
  await more.sender.close();
  if ((await answer.receiver.receive()) !== n + 1) throw new Error("another answer came");
  if (!(await answer.receiver.next()).done!) throw new Error("the answer has no end");
  await requests.close();
}

/** Opens and closes `count` channels (after a tenth of that, so that what is compiled and cached once is there), a third of them by hand and two thirds in messages. */
export async function channelsOpenedAndClosed(count: number): Promise<Left> {
  const [here, there] = memoryPair();
  const sessions = [new Session(here, { role: "client" }), new Session(there, { role: "server" })] as const;
  const [client, server] = [new Channels(sessions[0]), new Channels(sessions[1])];
  const served = serve(server);
  const { signal } = new AbortController();
  let asked = 0;
  const round = async (requests: number): Promise<number> => {
    const end = asked + requests;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (asked < end) await ask(client, asked++);
      }),
    );
    await sessions[0].ping();
    return (await figures(signal)).heapBytes;
  };
  const before = await round(Math.round(count / 30));
  const after = await round(Math.round(count / 3));
  const streams = sessions[0].streamCount + sessions[1].streamCount;
  await client.close();
  await Promise.all(sessions.map((session) => session.close()));
  await served;
  return { heapBytes: after - before, streams };
}
