import type { Peer } from "../peers/peer.ts";
import { works } from "../work/index.ts";
import { cpuSeconds } from "../work/timed.ts";
import type { Answers, WorkName, WorkOptions } from "../work/work.ts";
import { asker, onLine, tell } from "./control.ts";

/** What the parent passes as the only argument. */
export interface ChildArguments {
  readonly role: "server" | "client";
  readonly work: WorkName;
  readonly port: number;
  readonly options: WorkOptions;
}

async function fail(error: unknown): Promise<void> {
  await tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exit(1);
}

async function serve(peer: Peer, { work, options }: ChildArguments): Promise<void> {
  const answers: Answers = { cpu: () => ({ seconds: cpuSeconds() }) };
  const port = await peer.listen(works[work].serve(answers, options));
  onLine((message) => {
    if (!("ask" in message)) return;
    const answer = answers[message.ask];
    if (answer === undefined) void fail(new Error(`nobody answers '${message.ask}'`));
    else void Promise.resolve(answer(message.data)).then((measures) => tell({ answer: measures }), fail);
  });
  process.stdin.on("end", () => process.exit(0));
  await tell({ port });
}

async function run(peer: Peer, { work, port, options }: ChildArguments): Promise<void> {
  const ask = asker();
  // The parent is gone.
  process.stdin.on("end", () => process.exit(1));
  const link = await peer.dial(port);
  const result = await works[work].run(link, ask, options);
  await tell({ result });
  process.exit(0);
}

/** The whole of a child process: one side of one work with one peer. */
export async function child(peer: Peer): Promise<void> {
  process.on("uncaughtException", (error) => void fail(error));
  process.on("unhandledRejection", (reason) => void fail(reason));
  const args = JSON.parse(process.argv[2] ?? "{}") as ChildArguments;
  await (args.role === "server" ? serve(peer, args) : run(peer, args)).catch(fail);
}
