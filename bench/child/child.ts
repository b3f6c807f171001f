import type { BenchLink, Peer } from "../peers/peer.ts";
import { works } from "../work/index.ts";
import { cpuSeconds } from "../work/timed.ts";
import type { Answers, Measures, WorkName, WorkOptions } from "../work/work.ts";
import { asker, onLine, tell } from "./control.ts";
import { delay } from "./delay.ts";

/** How far away the other end is in the works that say so. */
const ROUND_TRIP_MS = 50;

/** What the parent passes as the only argument. */
export interface ChildArguments {
  readonly role: "server" | "relay" | "delay" | "client";
  readonly work: WorkName;
  /** Where the one before listens; 0 for who comes first. */
  readonly port: number;
  /** Where the server itself listens; 0 where there is none. */
  readonly direct: number;
  readonly options: WorkOptions;
}

async function fail(error: unknown): Promise<void> {
  await tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exit(1);
}

async function serve(answers: Answers, port: number): Promise<void> {
  onLine((message) => {
    if (!("ask" in message)) return;
    const answer = answers[message.ask];
    if (answer === undefined) void fail(new Error(`nobody answers '${message.ask}'`));
    else void Promise.resolve(answer(message.data)).then((measures) => tell({ answer: measures }), fail);
  });
  process.stdin.on("end", () => process.exit(0));
  await tell({ port });
}

async function run(peer: Peer<unknown, unknown>, { work, port, direct, options }: ChildArguments): Promise<void> {
  const ask = asker();
  // The parent is gone.
  process.stdin.on("end", () => process.exit(1));
  const link = await peer.dial(port);
  const least = options.relayed ? 2 : 1;
  const { hops } = link as Partial<BenchLink>;
  if (hops !== undefined && hops !== least) throw new Error(`the server is ${String(hops)} hops away, not ${String(least)}`);
  const result = await works[work].run(link, ask, options, {
    direct: () => peer.dial(direct),
    async dialler() {
      const connect = await peer.dialler?.();
      if (connect === undefined) throw new Error("the peer has no dialler");
      return () => connect(port);
    },
  });
  await tell({ result });
  process.exit(0);
}

async function begin(peer: Peer<unknown, unknown>, args: ChildArguments): Promise<void> {
  const cpu = (): Measures => ({ seconds: cpuSeconds() });
  if (args.role === "client") {
    await run(peer, args);
  } else if (args.role === "server") {
    const answers: Answers = { cpu };
    const port = await peer.listen(works[args.work].serve(answers, args.options));
    await serve(answers, port);
  } else if (args.role === "delay") {
    await serve({}, await delay(args.port, ROUND_TRIP_MS));
  } else {
    if (peer.relay === undefined) throw new Error("the peer has no relay");
    await serve({ "relay cpu": cpu }, await peer.relay(args.port));
  }
}

/** The whole of a child process: one side of one work with one peer, or what is between the two. */
export async function child(peer: Peer<unknown, unknown>): Promise<void> {
  process.on("uncaughtException", (error) => void fail(error));
  process.on("unhandledRejection", (reason) => void fail(reason));
  const args = JSON.parse(process.argv[2] ?? "{}") as ChildArguments;
  await begin(peer, args).catch(fail);
}
