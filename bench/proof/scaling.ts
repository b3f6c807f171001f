import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundle } from "../lib/build.ts";
import { machine } from "../lib/machine.ts";
import { cacheFolder } from "../lib/paths.ts";
import { scalingTables, type MeasuredSize } from "../lib/scaling-tables.ts";

/**
 * What a mesh costs as it grows: `pnpm proof scaling`. Meshes of 10, 30, 100, 300 and 1,000 nodes of the real packages, in virtual time: a cold start, services
 * that are added, a router that dies, and what each node sends and keeps for it. `--nodes 100,300` are other sizes, `--seed 2` draws other
 * graphs (default 1). Each size has a process of its own; that of a thousand nodes takes 10 GB and 11 minutes of CPU time. The tables are those of docs/scaling.md.
 */
const { values } = parseArgs({ options: { nodes: { type: "string", default: "10,30,100,300,1000" }, seed: { type: "string", default: "1" } } });
const seed = Number(values.seed);
/** What a thousand nodes need fits into it, and it into a machine of 24 GiB. */
const memory = "--max-old-space-size=20000";

mkdirSync(cacheFolder, { recursive: true });

async function measure(nodes: number): Promise<MeasuredSize> {
  const json = join(cacheFolder, `mesh-${nodes}-${seed}.json`);
  const program = await bundle("mesh", `import { measureMesh } from "./child/mesh.ts"; await measureMesh(${nodes}, ${seed}, ${JSON.stringify(json)});`);
  if (spawnSync(process.execPath, [memory, program], { stdio: "inherit" }).status !== 0) throw new Error(`${nodes} nodes were not measured`);
  return JSON.parse(readFileSync(json, "utf8")) as MeasuredSize;
}

const { cpu, node, memoryGiB } = machine();
console.log(`seed ${seed}, ${cpu}, ${memoryGiB} GiB, Node ${node}`);
const sizes: MeasuredSize[] = [];
for (const nodes of values.nodes.split(",").map(Number)) sizes.push(await measure(nodes));
console.log(scalingTables(sizes));
