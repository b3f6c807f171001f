import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PeerInfo } from "../peers/list.ts";
import type { Measures, WorkName, WorkOptions } from "../work/work.ts";
import type { Built } from "./build.ts";
import { tables } from "./columns.ts";
import { machine } from "./machine.ts";
import type { BenchOptions } from "./options.ts";
import { cacheFolder } from "./paths.ts";
import { printProfiles } from "./profile.ts";
import { valueOf, type Row, type WorkResult } from "./results.ts";
import { runPair } from "./run-pair.ts";

const DEFAULT_IDLE = 50_000;
/** Sockets that raw may use up in C: each stays in TIME_WAIT for a minute. */
const RAW_OPENS = 12_000;

/** Longest a pair of processes may take before it counts as hung. */
const LIMIT_MS: Record<WorkName, number> = { A: 60_000, B: 60_000, C: 60_000, D: 180_000, E: 30_000, E2: 30_000, F: 60_000 };

function optionsFor(peer: PeerInfo, bench: BenchOptions): WorkOptions {
  const raw = peer.name.startsWith("raw");
  const idle = bench.idle ?? peer.idle ?? DEFAULT_IDLE;
  return {
    seconds: bench.profile ? 5 : bench.quick ? 0.6 : 2.4,
    streams: raw ? 1 : 100,
    idle: bench.quick && bench.idle === undefined ? Math.min(idle, 500_000) : idle,
    reading: true,
    maxOpens: raw ? RAW_OPENS : 2_000_000,
  };
}

interface Competitor {
  readonly peer: PeerInfo;
  readonly built: Built | string;
  readonly options: WorkOptions;
  readonly runs: Measures[];
  note: string | undefined;
}

async function once(competitor: Competitor, built: Built, work: WorkName, bench: BenchOptions): Promise<void> {
  const { peer, options, runs } = competitor;
  const profiles = bench.profile ? join(cacheFolder, "profiles", `${work}-${peer.name}`) : undefined;
  if (profiles !== undefined) {
    await rm(profiles, { recursive: true, force: true });
    await mkdir(profiles, { recursive: true });
  }
  try {
    const measures = await runPair({ built, work, options, limitMs: LIMIT_MS[work], profiles });
    runs.push(measures);
    const shown = tables[work].columns.map((column) => ({ column, value: valueOf(measures, column.measure) }));
    const text = shown.filter(({ value }) => !Number.isNaN(value)).map(({ column, value }) => `${column.format(value)} ${column.title}`);
    console.log(`  ${work} ${peer.name}: ${text.join(", ")}`);
  } catch (error) {
    competitor.note = error instanceof Error ? error.message : String(error);
    console.log(`  ${work} ${peer.name}: ${competitor.note.slice(0, 300)}`);
  }
  if (profiles !== undefined) await printProfiles(profiles);
}

/** One work for all peers, repetition by repetition, in an order that turns round each time. A peer that failed is left out from then on. */
export async function runWork(work: WorkName, built: ReadonlyMap<string, Built | string>, bench: BenchOptions): Promise<WorkResult> {
  const date = new Date().toISOString();
  const competitors: Competitor[] = bench.peers.map((peer) => {
    const build = built.get(peer.name) ?? "not built";
    return { peer, built: build, options: optionsFor(peer, bench), runs: [], note: peer.cannot?.[work] ?? (typeof build === "string" ? build : undefined) };
  });
  for (let rep = 0; rep < bench.reps; rep++) {
    for (const competitor of rep % 2 === 0 ? competitors : [...competitors].reverse()) {
      if (competitor.note === undefined && typeof competitor.built !== "string") await once(competitor, competitor.built, work, bench);
    }
  }
  const rows = competitors.map(({ peer, options, runs, note }): Row => {
    return { peer: peer.name, label: peer.label, options, runs, ...(note === undefined ? {} : { note }) };
  });
  return { work, date, machine: machine(), reps: bench.reps, rows };
}
