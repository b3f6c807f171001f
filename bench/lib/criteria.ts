import type { Measures, WorkName } from "../work/work.ts";
import { find, values, type Measure, type Row, type WorkResult } from "./results.ts";
import { median, pairedRatio } from "./statistics.ts";

/** One line of "least to reach". */
export interface Verdict {
  readonly what: string;
  readonly least: string;
  readonly seen: string;
  readonly met: boolean;
}

type Results = ReadonlyMap<WorkName, WorkResult>;


function verdict(what: string, least: string, value: number, format: (value: number) => string, met: (value: number) => boolean): Verdict[] {
  return Number.isNaN(value) ? [] : [{ what, least, seen: format(value), met: met(value) }];
}

const times = (value: number): string => `${value.toFixed(2)} ×`;
const atLeast = (least: number) => (value: number): boolean => value >= least;
const atMost = (most: number) => (value: number): boolean => value <= most;

/** The row of others (raw counts where it does the same work) with the best median. */
export function fastestPeer(result: WorkResult | undefined, measure: Measure, more: boolean): Row | undefined {
  let best: Row | undefined;
  for (const row of result?.rows ?? []) {
    if (row.peer.startsWith("astranet") || row.runs.length === 0) continue;
    const [mine, other] = [median(values(row, measure)), median(values(best, measure))];
    if (best === undefined || (more ? mine > other : mine < other)) best = row;
  }
  return best;
}

function ratio(result: WorkResult | undefined, measure: Measure, base: Row | undefined, peer = "astranet"): number {
  return pairedRatio(values(find(result, peer), measure), values(base, measure));
}

function idleVerdicts(result: WorkResult | undefined): Verdict[] {
  const row = find(result, "astranet");
  const bytes = (measure: string, label: string, most: number): Verdict[] =>
    verdict(`D ${label}`, `≤ ${String(most)} B`, median(values(row, measure)), (value) => `${value.toFixed(0)} B`, atMost(most));
  return [
    ...bytes("clientHeldBytes", "held, client", 400),
    ...bytes("serverHeldBytes", "held, server", 400),
    ...bytes("clientPendingBytes", "read pending, client", 800),
    ...bytes("serverPendingBytes", "read pending, server", 800),
    // The time is asked of a million streams: fewer are scaled up.
    ...verdict("D 1,000,000 opened", "≤ 10 s", 1e6 / median(values(row, "streamsPerSecond")), (value) => `${value.toFixed(1)} s`, atMost(10)),
  ];
}

/** Of encrypted links, relays and links that come up. */
function networkVerdicts(results: Results): Verdict[] {
  const [g, g2, g3, h, h2, i, j, j2] = (["G", "G2", "G3", "H", "H2", "I", "J", "J2"] as const).map((work) => results.get(work));
  const against = (result: WorkResult | undefined, measure: Measure, base: string, peer = "astranet-node"): number => ratio(result, measure, find(result, base), peer);
  const megabytes = (value: number): string => `${(value / 1e6).toFixed(0)} MB/s`;
  return [
    ...verdict("G encrypted bulk ÷ node:tls", "≥ 1.0 ×", against(g, "bytesPerSecond", "tls"), times, atLeast(1)),
    ...verdict("G2 streams of nodes ÷ libp2p", "≥ 3 ×", against(g2, "streamsPerSecond", "libp2p"), times, atLeast(3)),
    ...verdict("G2 streams of sessions ÷ libp2p's", "≥ 3 ×", against(g2, "streamsPerSecond", "libp2p-noise", "astranet-noise"), times, atLeast(3)),
    ...verdict("G3 messages of nodes ÷ libp2p", "≥ 3 ×", against(g3, "messagesPerSecond", "libp2p"), times, atLeast(3)),
    ...verdict("G3 messages of sessions ÷ libp2p's", "≥ 3 ×", against(g3, "messagesPerSecond", "libp2p-noise", "astranet-noise"), times, atLeast(3)),
    ...verdict("H insecure ÷ proxy of two sockets", "≥ 0.8 ×", against(h, "bytesPerSecond", "proxy", "astranet-clear"), times, atLeast(0.8)),
    ...verdict("H encrypted ÷ proxy, TLS in TLS", "≥ 0.8 ×", against(h, "bytesPerSecond", "tls-proxy"), times, atLeast(0.8)),
    ...verdict("H2 insecure, added ÷ proxy's", "≤ 1.5 ×", against(h2, "addedMicros", "proxy", "astranet-clear"), times, atMost(1.5)),
    ...verdict("H2 encrypted, added ÷ proxy's, TLS in TLS", "≤ 1.5 ×", against(h2, "addedMicros", "tls-proxy"), times, atMost(1.5)),
    ...verdict("I encrypted, 50 ms away", "≥ 60 MB/s", median(values(find(i, "astranet-node"), "bytesPerSecond")), megabytes, atLeast(60e6)),
    ...verdict("J link up", "≤ 5 ms", median(values(find(j, "astranet-node"), "p50Ms")), (value) => `${value.toFixed(2)} ms`, atMost(5)),
    ...verdict("J2 links up", "≥ 1,000/s", median(values(find(j2, "astranet-node"), "linksPerSecond")), (value) => `${value.toFixed(0)}/s`, atLeast(1000)),
  ];
}

/** CPU time of one process for a message. */
const cpuOfMessage = (run: Measures): number => (run["clientCpuSeconds"] ?? NaN) / (run["count"] ?? NaN);

/** Of channels, whose messages and calls are compared with those of others. */
function channelVerdicts(results: Results): Verdict[] {
  const [k, l, l2, m] = (["K", "L", "L2", "M"] as const).map((work) => results.get(work));
  const port = find(k, "message-port");
  const [best, best2] = [l, l2].map((result) => fastestPeer(result, "messagesPerSecond", true));
  const grpc = find(m, "grpc");
  return [
    ...verdict("K rendezvous, CPU ÷ MessagePort's", "≤ 1 ×", ratio(k, cpuOfMessage, port, "astranet-pipe"), times, atMost(1)),
    ...verdict("K capacity 64, CPU ÷ MessagePort's", "≤ 1 ×", ratio(k, cpuOfMessage, port, "astranet-pipe-64"), times, atMost(1)),
    ...verdict(`L 100 B ÷ fastest peer (${best?.label ?? "none"})`, "≥ 3 ×", ratio(l, "messagesPerSecond", best, "astranet-channel"), times, atLeast(3)),
    ...verdict(`L2 64 KiB ÷ fastest peer (${best2?.label ?? "none"})`, "> 1 ×", ratio(l2, "messagesPerSecond", best2, "astranet-channel"), times, (v) => v > 1),
    ...verdict("M p50 of client and serve ÷ gRPC's", "≤ 0.5 ×", ratio(m, "p50Micros", grpc, "astranet-rpc"), times, atMost(0.5)),
    ...verdict("M p50 of a reply channel ÷ gRPC's", "≤ 0.5 ×", ratio(m, "p50Micros", grpc, "astranet-channel"), times, atMost(0.5)),
  ];
}

/** What of the least to reach can be judged from these results. */
export function judge(results: Results): Verdict[] {
  const [a, b, c, d, e, e2, f] = (["A", "B", "C", "D", "E", "E2", "F"] as const).map((work) => results.get(work));
  const fastestC = fastestPeer(c, "streamsPerSecond", true);
  const fastestF = fastestPeer(
    f && { ...f, rows: f.rows.filter((row) => !row.peer.startsWith("raw")) },
    "messagesPerSecond",
    true,
  );
  const rawAlone = median(values(find(e, "raw"), "p99Micros"));
  const rawBulk = median(values(find(a, "raw"), "bytesPerSecond"));
  return [
    ...verdict("A bulk ÷ raw", "≥ 1.25 ×", ratio(a, "bytesPerSecond", find(a, "raw")), times, atLeast(1.25)),
    ...verdict("B bulk ÷ raw, one socket", "≥ 1.25 ×", ratio(b, "bytesPerSecond", find(b, "raw")), times, atLeast(1.25)),
    ...verdict("B slowest ÷ fastest stream", "≥ 0.9", median(values(find(b, "astranet"), "slowestToFastest")), (v) => v.toFixed(2), atLeast(0.9)),
    ...verdict(`C ÷ fastest peer (${fastestC?.label ?? "none"})`, "≥ 5 ×", ratio(c, "streamsPerSecond", fastestC), times, atLeast(5)),
    ...verdict("C push mode ÷ fastest peer", "≥ 8 ×", ratio(c, "streamsPerSecond", fastestC, "astranet-push"), times, atLeast(8)),
    ...idleVerdicts(d),
    ...verdict("E p50 ÷ raw", "≤ 1.15 ×", ratio(e, "p50Micros", find(e, "raw")), times, atMost(1.15)),
    ...verdict("E2 p99 ÷ raw's p99 alone", "≤ 8 ×", median(values(find(e2, "astranet"), "p99Micros")) / rawAlone, times, atMost(8)),
    ...verdict("E2 bulk ÷ raw's bulk alone", "≥ 1.0 ×", median(values(find(e2, "astranet"), "bytesPerSecond")) / rawBulk, times, atLeast(1)),
    ...verdict("F ÷ corked raw", "≥ 0.8 ×", ratio(f, "messagesPerSecond", find(f, "raw-corked")), times, atLeast(0.8)),
    ...verdict(`F ÷ fastest peer (${fastestF?.label ?? "none"})`, "> 1 ×", ratio(f, "messagesPerSecond", fastestF), times, (v) => v > 1),
    ...networkVerdicts(results),
    ...channelVerdicts(results),
  ];
}
