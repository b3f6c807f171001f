import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Scenario, scenarios } from "../../packages/astranet/test/mesh/scenarios/all.ts";

/**
 * What a network of real processes on real TCP must show: `pnpm proof scenarios --repeat 50`. Each scenario runs once, and those of failures so many
 * times as `--repeat` says (default 1). `--only F7` runs that one; `--bytes` is the size of files (default 1 GiB). A whole run goes to
 * docs/evidence/scenarios.md.
 */
const { values } = parseArgs({ options: { repeat: { type: "string", default: "1" }, only: { type: "string" }, bytes: { type: "string", default: "1073741824" } } });
const repeat = Number(values.repeat);
const all = scenarios(Number(values.bytes)).filter(({ name }) => values.only === undefined || name === values.only);
if (all.length === 0) {
  console.error(`there is no scenario ${String(values.only)}; there are ${scenarios(1).map(({ name }) => name).join(", ")}`);
  process.exit(1);
}

interface Result {
  readonly scenario: Scenario;
  readonly failures: readonly string[];
  readonly figures: Readonly<Record<string, readonly (number | string)[]>>;
  readonly seconds: readonly number[];
}

async function repeated(scenario: Scenario, times: number): Promise<Result> {
  const failures: string[] = [];
  const seconds: number[] = [];
  const figures: Record<string, (number | string)[]> = {};
  for (let i = 1; i <= times; i++) {
    const began = performance.now();
    try {
      for (const [name, value] of Object.entries(await scenario.run())) (figures[name] ??= []).push(value);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
    seconds.push((performance.now() - began) / 1000);
    console.log(`${scenario.name} ${String(i)}/${String(times)}: ${failures.length === 0 ? "holds" : `${String(failures.length)} failed, last: ${String(failures.at(-1))}`}, ${(seconds.at(-1) ?? 0).toFixed(1)} s`);
  }
  return { scenario, failures, figures, seconds };
}

/** One value as it is; of several the median and the greatest. */
function summary(found: readonly (number | string)[]): string {
  const numbers = found.filter((value) => typeof value === "number").sort((a, b) => a - b);
  if (numbers.length === 0) return String(found.at(-1));
  const median = numbers[Math.floor(numbers.length / 2)] ?? 0;
  const most = numbers.at(-1) ?? 0;
  const words = (value: number): string => value.toLocaleString("en-US");
  return median === most ? words(most) : `${words(median)} (at most ${words(most)})`;
}

function line({ scenario, failures, figures, seconds }: Result): string {
  const measured = Object.entries(figures).map(([name, found]) => `${name}: ${summary(found)}`);
  const slowest = Math.max(...seconds);
  const outcome = failures.length === 0 ? "holds" : `**${String(failures.length)} FAILED**: ${failures[0]?.replaceAll(/\s+/g, " ").replaceAll("|", "\\|") ?? ""}`;
  return `| ${[scenario.title, `${String(seconds.length - failures.length)} of ${String(seconds.length)}`, measured.join("; "), `${slowest.toFixed(1)} s`, outcome].join(" | ")} |`;
}

const results: Result[] = [];
for (const scenario of all) results.push(await repeated(scenario, scenario.id === undefined ? 1 : repeat));
const rows = results.map(line);
for (const row of rows) console.log(row);
process.exitCode = results.every(({ failures }) => failures.length === 0) ? 0 : 1;
if (values.only === undefined) {
  const date = new Date().toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
  const report = `# A network of real processes

\`pnpm proof scenarios${repeat === 1 ? "" : ` --repeat ${String(repeat)}`}\`, on ${date}: Node ${process.versions.node}, ${String(cpus().length)} cores.

Every node is a process, every link TCP on loopback, encrypted and with a secret unless a row says otherwise. Rows of failures were repeated; of figures that
were measured several times the median and the greatest are told. A run counts only if each of its assertions holds: they are in
\`packages/astranet/test/mesh/scenarios\`, and run once, with smaller files, with the tests (\`npx vitest run --project load packages/astranet/test/mesh\`).

- **The tap**: the relay's process puts a listener of its own on the streams that its node splices, after its links were decrypted, and searches what passes
  for a marker of 1 KiB, and for the first 32 bytes of it. The file holds that marker every 64 KiB. The relay has no hook for it.
- **Memory** is the peak of the process's RSS since just before, or what is left after a garbage collection where a row says "holds".
- **Crowd**: strangers connect and never finish a handshake; the node has done some work before, so that what is counted is theirs.

| what | held | measured | slowest | |
|---|---|---|---|---|
${rows.join("\n")}
`;
  writeFileSync(fileURLToPath(new URL("../../docs/evidence/scenarios.md", import.meta.url)), report);
}
