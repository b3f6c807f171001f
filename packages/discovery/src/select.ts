import { AstraError, type RandomSource } from "@astranet/transport";
import { hashText } from "./hash.ts";
import { serviceUid, type ServiceInfo } from "./service-info.ts";

/** How one of several providers is chosen. */
export type SelectPolicy = "nearest" | "random" | "round-robin" | "least-streams" | "weighted" | "sticky";

const policies: readonly unknown[] = ["nearest", "random", "round-robin", "least-streams", "weighted", "sticky"] satisfies SelectPolicy[];

/** Throws EINVAL for what is neither a policy nor a function, and for 'sticky' without the key that it sticks to. */
export function checkSelect(select: unknown, affinity: string | undefined): void {
  if (select === "sticky" && affinity === undefined) throw new AstraError("EINVAL", "select 'sticky' needs an affinity: the key that stays with its provider");
  if (typeof select === "function" || policies.includes(select)) return;
  throw new AstraError("EINVAL", `select is a function or one of ${policies.join(", ")}, not ${String(select)}`);
}

/** Chooses by itself: gives one of the candidates, of which there is at least one. */
export type CustomSelect = (candidates: readonly ServiceInfo[]) => ServiceInfo;

/** A provider, and what this node knows about it besides. */
export interface Candidate {
  readonly service: ServiceInfo;
  /** Streams that this node has open to it now. */
  readonly streams: number;
}

/** An open stream makes a provider look so much farther away, in milliseconds. */
const streamCostMs = 5;

/** A number between 0 and 1, without 1. */
export function drawUnit(random: RandomSource): number {
  const bytes = random(6);
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 48;
}

function pick<T>(items: readonly T[], random: RandomSource): T {
  return items[Math.floor(drawUnit(random) * items.length)]!;
}

/** The better of two drawn at random: nearly as good as the best of all, without everybody running to the same one. */
function betterOfTwo<T>(items: readonly T[], score: (item: T) => number, random: RandomSource): T {
  const first = pick(items, random);
  const others = items.filter((item) => item !== first);
  if (others.length === 0) return first;
  const second = pick(others, random);
  return score(second) < score(first) ? second : first;
}

/** Nearest, open streams counted in: of those at most a quarter and a millisecond worse than the best, the better of two at random. */
export function chooseNearest(candidates: readonly Candidate[], random: RandomSource): ServiceInfo {
  const score = ({ service, streams }: Candidate): number => service.cost + streamCostMs * streams;
  const best = Math.min(...candidates.map(score));
  const near = candidates.filter((candidate) => score(candidate) <= 1.25 * best + 1);
  return betterOfTwo(near, score, random).service;
}

/** Each as likely as the other. */
export function chooseRandom(candidates: readonly Candidate[], random: RandomSource): ServiceInfo {
  return pick(candidates, random).service;
}

/** The fewer streams of two at random. */
export function chooseLeastStreams(candidates: readonly Candidate[], random: RandomSource): ServiceInfo {
  return betterOfTwo(candidates, (candidate) => candidate.streams, random).service;
}

/** Each as likely as its weight says. */
export function chooseWeighted(candidates: readonly Candidate[], random: RandomSource): ServiceInfo {
  const total = candidates.reduce((sum, { service }) => sum + service.weight, 0);
  let at = drawUnit(random) * total;
  for (const { service } of candidates) {
    at -= service.weight;
    if (at < 0) return service;
  }
  return candidates[candidates.length - 1]!.service;
}

/** One after the other, in an order that is the same on every node. `turn` counts the choices made so far. */
export function chooseInTurn(candidates: readonly Candidate[], turn: number): ServiceInfo {
  const uids = candidates.map(({ service }) => serviceUid(service)).sort();
  const wanted = uids[turn % uids.length];
  return candidates.find(({ service }) => serviceUid(service) === wanted)!.service;
}

/**
 * The same provider for the same key, on every node: weighted rendezvous hashing. When one of n providers comes or goes, about
 * one key in n moves, and no other; there is no state to agree about.
 */
export function chooseByAffinity(candidates: readonly Candidate[], key: string): ServiceInfo {
  let best: { service: ServiceInfo; uid: string; score: number } | undefined;
  for (const { service } of candidates) {
    const uid = serviceUid(service);
    const unit = (hashText(`${key}\0${uid}`) + 0.5) / 2 ** 53;
    const score = -service.weight / Math.log(unit);
    if (best === undefined || score > best.score || (score === best.score && uid < best.uid)) best = { service, uid, score };
  }
  return best!.service;
}
