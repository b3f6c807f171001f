// A hub with three workers, of which one is killed in the middle of its first job.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Hub } from "./hub.ts";
import { listen } from "./listen.ts";

const hub = new Hub(console.log);
const listener = await listen(hub);

function startWorker(name: string): ChildProcess {
  const path = fileURLToPath(new URL("worker.ts", import.meta.url));
  return spawn(process.execPath, [...process.execArgv, path, listener.address, name], { stdio: ["ignore", "pipe", "inherit"] });
}

const workers = ["Ada", "Grace", "Sophie"].map(startWorker);
const ended = workers.map((worker) => once(worker, "exit"));

const [ada, ...others] = workers;
ada!.stdout!.once("data", () => ada!.kill("SIGKILL"));
for (const worker of others) worker.stdout!.resume();

const limits = Array.from({ length: 12 }, (_, i) => (12 - i) * 50_000);
const counts = await Promise.all(limits.map((below) => hub.countPrimes(below)));
for (const [i, below] of limits.entries()) console.log(`${counts[i]!} primes below ${below}`);

await hub.close();
await Promise.all(ended);
await listener.close();
