import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runExample } from "../run-example.ts";
import { Hub } from "./hub.ts";
import { listen } from "./listen.ts";

describe("a hub with workers", () => {
  let hub: Hub;
  let listener: Awaited<ReturnType<typeof listen>>;
  let log: string[];
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    log = [];
    hub = new Hub((line) => log.push(line));
    listener = await listen(hub);
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await listener.close();
  });

  function start(program: string, ...args: string[]): ChildProcess {
    const flags = ["--conditions=@astranet/source", "--import", "tsx"];
    const child = spawn(process.execPath, [...flags, fileURLToPath(new URL(program, import.meta.url)), listener.address, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    return child;
  }

  it("gives jobs to whoever is free, and a job to another worker when its own is killed in the middle of it", async () => {
    const first = hub.countPrimes(100);
    const stuck = start("stuck-worker.ts");
    expect(String((await once(stuck.stdout!, "data"))[0])).toBe("stuck counts below 100\n");
    start("worker.ts", "Ada").stdout!.resume();
    expect(await Promise.all([10, 1000, 10_000].map((below) => hub.countPrimes(below)))).toEqual([4, 168, 1229]);
    expect(log).toEqual(["stuck has registered", "Ada has registered"]);
    stuck.kill("SIGKILL");
    expect(await first).toBe(25);
    expect(log.at(-1)).toBe("stuck is gone, and another one gets its job");
  });

  it("gives a job up that three workers did not survive, and goes on with others", async () => {
    const deadly = hub.countPrimes(100);
    deadly.catch(() => undefined);
    for (let i = 0; i < 3; i += 1) {
      const stuck = start("stuck-worker.ts");
      expect(String((await once(stuck.stdout!, "data"))[0])).toBe("stuck counts below 100\n");
      stuck.kill("SIGKILL");
    }
    await expect(deadly).rejects.toMatchObject({ code: "ECONNRESET", cause: new Error("3 workers went while they counted below 100") });
    expect(log.at(-1)).toBe("stuck is gone, as others before it, and its job is given up");
    start("worker.ts", "Ada").stdout!.resume();
    expect(await hub.countPrimes(10)).toBe(4);
  });

  it("gives no job to a worker that was killed while it had none", async () => {
    const idle = start("worker.ts", "Ada");
    idle.stdout!.resume();
    expect(await hub.countPrimes(10)).toBe(4);
    idle.kill("SIGKILL");
    await once(idle, "exit");
    const next = hub.countPrimes(100);
    start("worker.ts", "Grace").stdout!.resume();
    expect(await next).toBe(25);
  });

  it("lets its workers end when it closes", async () => {
    const workers = ["Ada", "Grace"].map((name) => start("worker.ts", name));
    for (const worker of workers) worker.stdout!.resume();
    const ended = Promise.all(workers.map((worker) => once(worker, "exit")));
    expect(await Promise.all([10, 100, 1000].map((below) => hub.countPrimes(below)))).toEqual([4, 25, 168]);
    await hub.close();
    expect(await ended).toEqual([
      [0, null],
      [0, null],
    ]);
  });
});

it("the workers example counts rightly, although a worker is killed", async () => {
  const lines = (await runExample("workers")).trimEnd().split("\n");
  const counts = [5133, 9592, 13_848, 17_984, 22_044, 25_997, 29_977, 33_860, 37_706, 41_538, 45_322, 49_098];
  expect(lines.slice(-12)).toEqual(counts.map((count, i) => `${count} primes below ${(i + 1) * 50_000}`).reverse());
  expect(lines.slice(0, -12)).toEqual(expect.arrayContaining(["Ada has registered", "Grace has registered", "Sophie has registered"]));
});
