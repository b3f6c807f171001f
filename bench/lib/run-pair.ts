import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ChildArguments } from "../child/child.ts";
import { parseMessage, type Message } from "../child/control.ts";
import type { Measures, WorkName, WorkOptions } from "../work/work.ts";
import type { Built } from "./build.ts";

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export interface PairOptions {
  readonly built: Built;
  readonly work: WorkName;
  readonly options: WorkOptions;
  /** Both processes are killed after this long. */
  readonly limitMs: number;
  /** Folder for CPU profiles, or undefined for none. */
  readonly profiles: string | undefined;
}

/** Starts server and client, carries their questions and answers, and gives the client's result. Neither process survives it. */
export async function runPair(pair: PairOptions): Promise<Measures> {
  const running: Child[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Measures>((resolve, reject) => {
      const start = (role: ChildArguments["role"], port: number, onmessage: (message: Message) => void): Child => {
        const child = startChild(pair, { role, work: pair.work, port, options: pair.options });
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
      const server = start("server", 0, (message) => {
        if ("port" in message) {
          client = start("client", message.port, (reply) => {
            if ("ask" in reply) send(server, reply);
            else if ("result" in reply) resolve(reply.result);
          });
        } else if ("answer" in message && client !== undefined) send(client, message);
      });
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
