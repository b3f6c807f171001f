import { writeFileSync } from "node:fs";
import { measureScaling } from "../../packages/sim/test/scaling/measure.ts";
import type { MeasuredSize } from "../lib/scaling-tables.ts";

/** Measures a mesh of one size, alone in its process. What came of it is written to `json`, as a MeasuredSize. */
export async function measureMesh(nodes: number, seed: number, json: string): Promise<void> {
  const began = performance.now();
  const scaling = await measureScaling({ nodes, seed, progress: (what) => console.log(`${nodes} nodes, ${((performance.now() - began) / 1000).toFixed(0)} s: ${what}`) });
  const { user, system } = process.cpuUsage();
  const measured: MeasuredSize = { ...scaling, cpuSeconds: (user + system) / 1e6, peakBytes: process.resourceUsage().maxRSS * 1024 };
  writeFileSync(json, JSON.stringify(measured));
}
