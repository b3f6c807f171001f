// Five processes, run by `pnpm demo`: two ends that have no link with each other, and three relays, which make two ways between them.
//
//     consumer ── relay 1 ──────────── provider
//         └────── relay 2 ── relay 3 ─────┘
//
// Exit code 0 only if all of it was right.
import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { countSockets } from "./count-sockets.ts";
import type { FromConsumer, FromProvider, FromRelay } from "./messages.ts";
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

interface Relay extends FromRelay {
  readonly process: ChildProcess;
}

async function startRelay(secret: string, ...joins: string[]): Promise<Relay> {
  const relay = start("relay", secret, ...joins);
  return { process: relay, ...(await hear<FromRelay>(relay)) };
}

async function demo(): Promise<void> {
  const secret = randomBytes(32).toString("base64");
  const [one, three] = await Promise.all([startRelay(secret), startRelay(secret)]);
  const two = await startRelay(secret, three.address);
  const relays = [one, two, three];
  say("relays", relays.map(({ id, process: { pid } }) => `${id} (process ${String(pid)})`).join(", "));

  const provider = start("provider", secret, one.address, three.address);
  const { id } = await hear<FromProvider>(provider);
  say("provider", `${id} (process ${String(provider.pid)}) offers "web", "hash" and "echo", and joined the first and the third`);

  const consumer = start("consumer", secret, one.address, two.address);
  const { holding, relay } = await hear<FromConsumer>(consumer);
  const used = relays.find((each) => each.id === relay);
  if (used === undefined) throw new Error(`the way leads over ${relay}, which is no relay`);
  sayOfSockets(consumer, used.process, provider, holding);
  used.process.kill("SIGKILL");
  say("kill -9", `relay ${relay} (process ${String(used.process.pid)})`);
  await ended(consumer);
  for (const each of [provider, ...relays.filter((other) => other !== used).map((other) => other.process)]) {
    each.send("stop");
    await ended(each);
  }
}

function sayOfSockets(consumer: ChildProcess, relay: ChildProcess, provider: ChildProcess, holding: number): void {
  const [shared, direct] = [relay, provider].map(({ pid = 0 }) => countSockets(consumer.pid ?? 0, pid));
  if (shared === undefined || direct === undefined) {
    say("sockets", "cannot be counted here (no /proc/net/tcp)");
    return;
  }
  say("sockets", `${String(shared)} between the consumer and the relay, ${String(direct)} between the two ends, with ${holding.toLocaleString("en")} streams open`);
  if (shared !== 1 || direct !== 0) throw new Error("there should be 1, and 0");
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
