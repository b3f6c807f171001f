// Two processes and one TCP connection between them: run by `pnpm demo`. Exit code 0 only if all of it was right.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { countSockets } from "./count-sockets.ts";
import type { FromConsumer, FromProvider } from "./messages.ts";
import { say } from "./say.ts";

const limitMs = 60_000;
const began = performance.now();
const children: ChildProcess[] = [];

function start(name: string, ...args: string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), args);
  children.push(child);
  return child;
}

/** What a child says next; throws when it ends instead. */
async function hear<Message>(child: ChildProcess): Promise<Message> {
  const over = new AbortController();
  const message = once(child, "message", { signal: over.signal });
  const exit = once(child, "exit", { signal: over.signal }).then(([code, signal]) => {
    throw new Error(`process ${String(child.pid)} ended with ${String(code ?? signal)}`);
  });
  try {
    const [heard] = (await Promise.race([message, exit])) as [Message];
    return heard;
  } finally {
    over.abort();
    for (const left of [message, exit]) left.catch(() => undefined);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`process ${String(child.pid)} ended with ${String(child.exitCode ?? child.signalCode)}`);
}

function killAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

async function demo(): Promise<void> {
  const provider = start("provider");
  const { address } = await hear<FromProvider>(provider);
  say("provider", `process ${String(provider.pid)} listens at ${address} and offers "web", "hash" and "echo"`);

  const consumer = start("consumer", address);
  const { holding } = await hear<FromConsumer>(consumer);
  const sockets = countSockets(provider.pid ?? 0, consumer.pid ?? 0);
  say("sockets", `${sockets === undefined ? "cannot be counted here (no /proc/net/tcp)" : String(sockets)} between the two processes, with ${holding.toLocaleString("en")} streams open`);
  if (sockets !== undefined && sockets !== 1) throw new Error(`there are ${String(sockets)} sockets between the two processes instead of 1`);
  consumer.send("go on");
  await ended(consumer);
  provider.send("stop");
  await ended(provider);
}

const timer = setTimeout(() => {
  console.error(`the demo did not end within ${String(limitMs / 1000)} s`);
  process.exitCode = 1;
  killAll();
}, limitMs);
try {
  await demo();
  say("done", `all of it was right, in ${((performance.now() - began) / 1000).toFixed(1)} s`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(timer);
  killAll();
}
