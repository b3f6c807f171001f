import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildPeer, type Built } from "./lib/build.ts";
import { bundleSize } from "./lib/bundle-size.ts";
import { parseOptions } from "./lib/options.ts";
import { cacheFolder, resultsFolder, rootFolder } from "./lib/paths.ts";
import { markdown, terminalTable, terminalVerdicts } from "./lib/report.ts";
import { keep, newest, type WorkResult } from "./lib/results.ts";
import { peersOf, runWork } from "./lib/run-work.ts";
import type { WorkName } from "./work/work.ts";

const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

async function intoReadme(text: string): Promise<void> {
  const path = join(rootFolder, "README.md");
  const readme = await readFile(path, "utf8");
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} has no ${BEGIN} … ${END}`);
  await writeFile(path, `${readme.slice(0, begin + BEGIN.length)}\n${text}\n${readme.slice(end)}`);
}

async function main(): Promise<void> {
  const bench = parseOptions(process.argv.slice(2));
  const built = new Map<string, Built | string>();
  for (const peer of bench.peers) {
    if (!bench.works.some((work) => peersOf(work, bench).includes(peer))) continue;
    const result = await buildPeer(peer);
    built.set(peer.name, result);
    if (typeof result === "string") console.log(`${peer.label}: ${result}`);
  }
  // Quick and profiled figures are for the eye, not for the record.
  const folder = bench.quick || bench.profile ? join(cacheFolder, "results") : resultsFolder;
  const results = new Map<WorkName, WorkResult>();
  for (const work of bench.works) {
    const result = await runWork(work, built, bench);
    results.set(work, result);
    if (!bench.profile) console.log(`\n${terminalTable(result)}\n${await keep(folder, result)}\n`);
  }
  const size = await bundleSize();
  console.log(terminalVerdicts(results, size));
  if (bench.profile || bench.quick) return;
  const text = markdown(await newest(resultsFolder), size);
  await writeFile(join(resultsFolder, "latest.md"), text);
  if (bench.readme) await intoReadme(text);
}

await main();
