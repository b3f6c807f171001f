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
import { runPair, type Way } from "./run-pair.ts";

const DEFAULT_IDLE = 50_000;
/** Sockets that a peer may use up in C: each stays in TIME_WAIT for a minute. */
const SOCKET_OPENS = 12_000;
/** … of which a handshake makes fewer a second. */
const SAFE_SOCKET_OPENS = 2_000;

/** Longest a pair of processes may take before it counts as hung. */
const LIMIT_MS: Record<WorkName, number> = { A: 60_000, B: 60_000, C: 60_000, D: 180_000, E: 30_000, E2: 30_000, F: 60_000, G: 60_000, G2: 60_000, G3: 60_000, H: 60_000, H2: 30_000, I: 180_000, J: 60_000, J2: 60_000, K: 60_000, L: 60_000, L2: 60_000, M: 30_000 };

/** In the other works there are a server and a client, and nothing between them. */
const WAYS: Partial<Record<WorkName, Way>> = { H: "relay", H2: "relay", I: "far relay", K: "alone" };


function optionsFor(peer: PeerInfo, work: WorkName, bench: BenchOptions): WorkOptions {
  const { sockets = false } = peer;
  const idle = bench.idle ?? peer.idle ?? DEFAULT_IDLE;
  return {
    seconds: bench.profile ? 5 : bench.quick ? 0.6 : 2.4,
    streams: sockets ? 1 : 100,
    idle: bench.quick && bench.idle === undefined ? Math.min(idle, 500_000) : idle,
    reading: true,
    maxOpens: !sockets ? 2_000_000 : work === "C" ? SOCKET_OPENS : SAFE_SOCKET_OPENS,
    relayed: WAYS[work] !== undefined,
  };
}

/** Who takes part in a work; where it is profiled and nobody is named, ours and the one it is compared with. */
export function peersOf(work: WorkName, bench: BenchOptions): PeerInfo[] {
  const able = bench.peers.filter((peer) => peer.works.includes(work));
  if (!bench.profile || bench.named) return able;
  const { base } = tables[work];
  const ours = able.find(({ name }) => name.startsWith("astranet"));
  return able.filter((peer) => peer === ours || peer.name === base);
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
    const measures = await runPair({ built, way: WAYS[work] ?? "direct", work, options, limitMs: LIMIT_MS[work], profiles });
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
  const competitors: Competitor[] = peersOf(work, bench).map((peer) => {
    const build = built.get(peer.name) ?? "not built";
    return { peer, built: build, options: optionsFor(peer, work, bench), runs: [], note: peer.cannot?.[work] ?? (typeof build === "string" ? build : undefined) };
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
