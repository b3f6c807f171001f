import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { workNames, type Measures, type WorkName, type WorkOptions } from "../work/work.ts";
import type { Machine } from "./machine.ts";

/** One peer in one work: its measures repetition by repetition, or why there are none. */
export interface Row {
  readonly peer: string;
  readonly label: string;
  readonly options: WorkOptions;
  /** By repetition; a repetition that failed is missing. */
  readonly runs: readonly Measures[];
  /** Why there are no (or fewer) runs. */
  readonly note?: string;
}

/** One work, measured for some peers in one run. What is kept as JSON. */
export interface WorkResult {
  readonly work: WorkName;
  /** Start, ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly reps: number;
  readonly rows: readonly Row[];
}

/** The name of a measure, or how to get a value from what a repetition measured. */
export type Measure = string | ((run: Measures) => number);

export function valueOf(run: Measures, measure: Measure): number {
  return typeof measure === "string" ? (run[measure] ?? NaN) : measure(run);
}

/** One value of a row by repetition. */
export function values(row: Row | undefined, measure: Measure): number[] {
  return row?.runs.map((run) => valueOf(run, measure)) ?? [];
}

export function find(result: WorkResult | undefined, peer: string): Row | undefined {
  return result?.rows.find((row) => row.peer === peer);
}

/** Writes `<date>-<work>.json` and gives its path. */
export async function keep(folder: string, result: WorkResult): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${result.date.slice(0, 19).replaceAll(":", "")}-${result.work}.json`);
  await writeFile(path, `${JSON.stringify(result, undefined, 1)}\n`);
  return path;
}

/** The newest kept result of each work. */
export async function newest(folder: string): Promise<Map<WorkName, WorkResult>> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".json")).sort();
  const found = new Map<WorkName, WorkResult>();
  for (const work of workNames) {
    const name = names.filter((candidate) => candidate.endsWith(`-${work}.json`)).at(-1);
    if (name !== undefined) found.set(work, JSON.parse(await readFile(join(folder, name), "utf8")) as WorkResult);
  }
  return found;
}
