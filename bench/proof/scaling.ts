import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureScaling } from "../../packages/sim/test/scaling/measure.ts";
import type { MeasuredSize } from "../lib/scaling-tables.ts";
import { scalingTables } from "../lib/scaling-tables.ts";

/**
 * What a mesh costs as it grows: `pnpm proof scaling`. Meshes of 10, 30, 100, 300 and 1,000 nodes of the real packages, in virtual time: a cold start, services
 * that are added, a router that dies, and what each node sends and keeps for it. `--nodes 100,300` are other sizes, `--seed 2` draws other
 * graphs (default 1). Each size has a process of its own; a thousand nodes take GIGABYTES and MINUTES. The tables are those of docs/scaling.md.
 */
const { values } = parseArgs({ options: { nodes: { type: "string", default: "10,30,100,300,1000" }, seed: { type: "string", default: "1" }, json: { type: "string" } } });
const seed = Number(values.seed);
const sizes = values.nodes.split(",").map(Number);
/** What the largest mesh needs fits into it, and into a machine of 24 GiB. */
const heapMiB = 20_000;

async function measureHere(nodes: number, json: string): Promise<void> {
  const began = performance.now();
  const scaling = await measureScaling({ nodes, seed, progress: (what) => console.log(`${nodes} nodes, ${((performance.now() - began) / 1000).toFixed(0)} s: ${what}`) });
  const { user, system } = process.cpuUsage();
  const measured: MeasuredSize = { ...scaling, cpuSeconds: (user + system) / 1e6, peakBytes: process.resourceUsage().maxRSS * 1024 };
  writeFileSync(json, JSON.stringify(measured));
}

function measureApart(nodes: number): MeasuredSize {
  const json = `${tmpdir()}/scaling-${process.pid}-${nodes}.json`;
  const command = [...process.execArgv, `--max-old-space-size=${heapMiB}`, fileURLToPath(import.meta.url), "--nodes", String(nodes), "--seed", String(seed), "--json", json];
  if (spawnSync(process.execPath, command, { stdio: "inherit" }).status !== 0) throw new Error(`${nodes} nodes were not measured`);
  const measured = JSON.parse(readFileSync(json, "utf8")) as MeasuredSize;
  rmSync(json);
  return measured;
}

if (values.json === undefined) console.log(scalingTables(sizes.map(measureApart)));
else await measureHere(sizes[0]!, values.json);
