import { setMaxListeners } from "node:events";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Figures, figures, leftovers } from "../../packages/mux/test/leaks/figures.ts";
import { overMemory, sessions, streams, type Workload } from "../../packages/mux/test/leaks/workloads.ts";

/**
 * Whether anything is left of streams and sessions that are over: `pnpm proof leaks`. What the process holds after 10^5 and after
 * 10^6 streams, and after 10^3 and 10^4 sessions over memory and over TCP, must not differ by more than 1 MiB of heap, nor by a handle,
 * a timer or a listener. The report goes to docs/evidence/leaks.md. `--scale 0.1` does a tenth of it, and writes nothing.
 */
const MIB = 1_048_576;
const { values } = parseArgs({ options: { scale: { type: "string", default: "1" } } });
const scale = Number(values.scale);
const { signal } = new AbortController();
// A hundred calls at a time get it, on purpose.
setMaxListeners(0, signal);

interface Row {
  readonly name: string;
  readonly counts: readonly [number, number];
  readonly seconds: number;
  readonly before: Figures;
  readonly after: Figures;
  readonly left: readonly string[];
  readonly holds: boolean;
}

async function compare(workload: Workload, few: number, many: number): Promise<Row> {
  const counts = [Math.round(few * scale), Math.round(many * scale)] as const;
  const began = performance.now();
  await workload.run(counts[0]);
  const before = await figures(signal);
  await workload.run(counts[1] - counts[0]);
  const after = await figures(signal);
  await workload.end();
  const left = leftovers(before, after);
  const row = {
    name: workload.name,
    counts,
    seconds: (performance.now() - began) / 1_000,
    before,
    after,
    left,
    holds: left.length === 0 && after.heapBytes - before.heapBytes <= MIB,
  };
  console.log(line(row));
  return row;
}

function line({ name, counts, seconds, before, after, left, holds }: Row): string {
  const mib = (bytes: number): string => (bytes / MIB).toFixed(2);
  const resources = Object.entries(after.resources).map(([kind, count]) => `${String(count)} ${kind}`);
  return `| ${[
    name,
    ...counts.map((count) => count.toLocaleString("en-US")),
    mib(before.heapBytes),
    mib(after.heapBytes),
    mib(after.heapBytes - before.heapBytes),
    resources.join(", ") || "none",
    `${String(before.listeners)} / ${String(after.listeners)}`,
    holds ? "holds" : `FAILS ${left.join(", ")}`,
    `${seconds.toFixed(0)} s`,
  ].join(" | ")} |`;
}

const rows = [
  await compare(await streams(overMemory, "streams of one session", signal), 100_000, 1_000_000),
  await compare(await sessions("memory", signal), 1_000, 10_000),
  await compare(await sessions("tcp", signal), 1_000, 10_000),
];
const holds = rows.every((row) => row.holds);
if (scale === 1) {
  const date = new Date().toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
  const report = `# Nothing is left of what is over

\`pnpm proof leaks\`, on ${date}: Node ${process.versions.node}, ${String(cpus().length)} cores.

One process does each work so many times, is looked at, goes on, and is looked at again. Heap is \`heapUsed\` plus \`arrayBuffers\` after garbage
collection; what is active is what \`process.getActiveResourcesInfo()\` names then (sockets, servers, timers); listeners are those of one
\`AbortSignal\` that every call was given, and those of \`process\`. Streams are ended in every way: both ends, close, stop, reset, with deadlines and
aborted reads; of the sessions three quarters are closed and one quarter is aborted with a stream open. The two may differ by at most 1 MiB of
heap, and by nothing else. That a process exits by itself after \`close()\` is the test of \`packages/mux/test/processes/leaver.ts\`.

| what | first look after | second look after | heap then, MiB | heap now, MiB | difference | active now | listeners | | took |
|---|---|---|---|---|---|---|---|---|---|
${rows.map(line).join("\n")}
`;
  writeFileSync(fileURLToPath(new URL("../../docs/evidence/leaks.md", import.meta.url)), report);
}
process.exitCode = holds ? 0 : 1;
