import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const TOP = 18;

/** The functions with most time of their own, as lines for the terminal: shares of the time that was not idle, start and warm-up included. */
async function hottest(path: string): Promise<string[]> {
  const profile = JSON.parse(await readFile(path, "utf8")) as CpuProfile;
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const own = new Map<string, number>();
  let total = 0;
  profile.samples.forEach((id, i) => {
    const frame = frames.get(id);
    const micros = profile.timeDeltas[i] ?? 0;
    const file = frame?.url.split("/").at(-1) ?? "";
    const name = `${frame?.functionName === "" ? "(anonymous)" : (frame?.functionName ?? "?")} ${file === "" ? "" : `${file}:${String((frame?.lineNumber ?? 0) + 1)}`}`;
    own.set(name, (own.get(name) ?? 0) + micros);
    if (frame?.functionName !== "(idle)") total += micros;
  });
  return [...own]
    .filter(([name]) => !name.startsWith("(idle)"))
    .sort((x, y) => y[1] - x[1])
    .slice(0, TOP)
    .map(([name, micros]) => `${((micros / total) * 100).toFixed(1).padStart(5)} %  ${(micros / 1000).toFixed(0).padStart(6)} ms  ${name}`);
}

/** Prints where the profiles of one run are, and what is hot in them. */
export async function printProfiles(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((file) => file.endsWith(".cpuprofile")).sort()) {
    const path = join(folder, name);
    console.log(`\n${path}`);
    for (const line of await hottest(path)) console.log(`  ${line}`);
  }
}
