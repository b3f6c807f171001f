import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ChildArguments } from "../child/child.ts";
import { parseMessage, type Message } from "../child/control.ts";
import type { Measures, WorkName, WorkOptions } from "../work/work.ts";
import type { Built } from "./build.ts";

const before = { alone: [], direct: ["server"], relay: ["server", "relay"], "far relay": ["server", "relay", "delay"] } as const;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** What is there before the client: nothing at all, the server, a relay between the two, or a relay whose link to the client is a long one. */
export type Way = keyof typeof before;

export interface PairOptions {
  readonly built: Built;
  readonly way: Way;
  readonly work: WorkName;
  readonly options: WorkOptions;
  /** Both processes are killed after this long. */
  readonly limitMs: number;
  /** Folder for CPU profiles, or undefined for none. */
  readonly profiles: string | undefined;
}

/** Starts the server, what is between, and the client, carries their questions and answers, and gives the client's result. No process survives it. */
export async function runPair(pair: PairOptions): Promise<Measures> {
  const running: Child[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Measures>((resolve, reject) => {
      const start = (role: ChildArguments["role"], ports: Pick<ChildArguments, "port" | "direct">, onmessage: (message: Message) => void): Child => {
        const child = startChild(pair, { role, work: pair.work, options: pair.options, ...ports });
        running.push(child);
        let noise = "";
        child.stderr.on("data", (chunk: Buffer) => {
          noise = (noise + chunk.toString()).slice(-2_000);
        });
        createInterface({ input: child.stdout }).on("line", (line) => {
          const message = parseMessage(line);
          if (message === undefined) return;
          if ("error" in message) reject(new Error(`${role}: ${message.error}`));
          else onmessage(message);
        });
        child.on("error", reject);
        child.on("close", (code, signal) => {
          reject(new Error(`${role} ended with ${String(code ?? signal)}: ${noise.trim()}`));
        });
        // A child that dies takes its pipe along; 'close' tells the story.
        child.stdin.on("error", () => undefined);
        return child;
      };
      timer = setTimeout(() => {
        reject(new Error(`no result within ${String(pair.limitMs / 1000)} s`));
      }, pair.limitMs);
      let client: Child | undefined;
      let server: Child | undefined;
      let relay: Child | undefined;
      let direct = 0;
      /** Starts the first of `roles`, which goes to the one before at `port`; the next follows when it listens. */
      const startNext = ([role, ...later]: readonly ("server" | "relay" | "delay")[], port: number): void => {
        if (role === undefined) {
          client = start("client", { port, direct }, (message) => {
            const asked = "ask" in message && message.ask.startsWith("relay ") ? relay : server;
            if ("ask" in message && asked !== undefined) send(asked, message);
            else if ("result" in message) resolve(message.result);
          });
          return;
        }
        const child = start(role, { port, direct }, (message) => {
          if ("port" in message) {
            if (role === "server") direct = message.port;
            startNext(later, message.port);
          } else if ("answer" in message && client !== undefined) send(client, message);
        });
        if (role === "server") server = child;
        else if (role === "relay") relay = child;
      };
      startNext(before[pair.way], 0);
    });
  } finally {
    clearTimeout(timer);
    await Promise.all(running.map((child) => finish(child, pair.profiles === undefined ? 300 : 5_000)));
  }
}

function startChild(pair: PairOptions, args: ChildArguments): Child {
  const { built, profiles } = pair;
  const flags = profiles === undefined || built.command !== process.execPath ? [] : ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${args.role}.cpuprofile`];
  const { NODE_OPTIONS: _inherited, ...env } = process.env;
  return spawn(built.command, [...flags, ...built.args, JSON.stringify(args)], { stdio: ["pipe", "pipe", "pipe"], env: { ...env, NODE_NO_WARNINGS: "1" } });
}

function send(child: Child, message: Message): void {
  child.stdin.write(`@@${JSON.stringify(message)}\n`);
}

/** Closes the child's stdin, which ends it, and kills it if it does not end by itself. */
async function finish(child: Child, patienceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => { resolve(); }));
  child.stdin.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await ended;
  clearTimeout(timer);
}
