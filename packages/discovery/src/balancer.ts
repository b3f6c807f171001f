import { AstraError, type Clock, type RandomSource } from "@astranet/transport";
import {
  chooseByAffinity,
  chooseInTurn,
  chooseLeastStreams,
  chooseNearest,
  chooseRandom,
  chooseWeighted,
  type Candidate,
  type CustomSelect,
  type SelectPolicy,
} from "./select.ts";
import { serviceUid, type ServiceInfo } from "./service-info.ts";

interface Ejection {
  readonly untilMs: number;
  readonly failures: number;
}

/** A provider, and what this node knows about it. */
export interface ProviderFacts {
  readonly service: ServiceInfo;
  /** Streams that this node has open to it now. */
  readonly streams: number;
  /** It failed lately, and is left out for so long; 0 for one that is not. */
  readonly ejectedForMs: number;
}

const firstEjectionMs = 1000;
const longestEjectionMs = 30_000;
const maxRemembered = 8192;

/** What this node remembers about providers: its open streams to each, recent failures, whose turn it is. Bounded: the oldest is forgotten. */
export class Balancer {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #streams = new Map<string, number>();
  readonly #ejections = new Map<string, Ejection>();
  readonly #turns = new Map<string, number>();
  /** Which provider a key of a name had last. */
  readonly #stuck = new Map<string, string>();

  constructor(clock: Clock, random: RandomSource) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Chooses one of the providers (at least one). Those that failed lately are left out, but never more than half of them. A rehearsal takes nobody's turn. */
  choose(providers: readonly ServiceInfo[], select: SelectPolicy | CustomSelect, affinity: string | undefined, rehearsal = false): ServiceInfo {
    const healthy = this.#healthy(providers);
    if (typeof select === "function") {
      const chosen = select(healthy);
      if (!healthy.includes(chosen)) throw new AstraError("EINVAL", "select gave back something that was not among the candidates");
      return chosen;
    }
    const candidates = healthy.map((service): Candidate => ({ service, streams: this.#streams.get(serviceUid(service)) ?? 0 }));
    if (affinity !== undefined) return select === "sticky" ? this.#stick(candidates, affinity, rehearsal) : chooseByAffinity(candidates, affinity);
    switch (select) {
      case "sticky":
      case "nearest":
        return chooseNearest(candidates, this.#random);
      case "random":
        return chooseRandom(candidates, this.#random);
      case "least-streams":
        return chooseLeastStreams(candidates, this.#random);
      case "weighted":
        return chooseWeighted(candidates, this.#random);
      case "round-robin":
        return chooseInTurn(candidates, this.#takeTurn(providers[0]!, rehearsal));
    }
  }

  /** What this node knows about providers, which is what a choice among them rests on. */
  facts(providers: readonly ServiceInfo[]): readonly ProviderFacts[] {
    const now = this.#clock.now();
    const healthy = this.#healthy(providers);
    return providers.map((service) => {
      const uid = serviceUid(service);
      const ejectedForMs = healthy.includes(service) ? 0 : this.#ejections.get(uid)!.untilMs - now;
      return { service, streams: this.#streams.get(uid) ?? 0, ejectedForMs };
    });
  }

  /** A stream to the provider is open until the returned function is called, once. Its failures are forgotten. */
  opened(service: ServiceInfo): () => void {
    const uid = serviceUid(service);
    this.#ejections.delete(uid);
    this.#streams.set(uid, (this.#streams.get(uid) ?? 0) + 1);
    return () => {
      const left = this.#streams.get(uid)! - 1;
      if (left === 0) this.#streams.delete(uid);
      else this.#streams.set(uid, left);
    };
  }

  /** The provider failed: it is left out for a second, twice as long each time, 30 s at most. */
  failed(service: ServiceInfo): void {
    const uid = serviceUid(service);
    const failures = (this.#ejections.get(uid)?.failures ?? 0) + 1;
    const length = Math.min(firstEjectionMs * 2 ** (failures - 1), longestEjectionMs);
    this.#ejections.delete(uid);
    this.#ejections.set(uid, { untilMs: this.#clock.now() + length, failures });
    forgetOldest(this.#ejections);
  }

  #healthy(providers: readonly ServiceInfo[]): readonly ServiceInfo[] {
    if (this.#ejections.size === 0) return providers;
    const now = this.#clock.now();
    const until = (service: ServiceInfo): number => Math.max(this.#ejections.get(serviceUid(service))?.untilMs ?? 0, now);
    const ejected = providers.filter((service) => until(service) > now).sort((a, b) => until(b) - until(a));
    const left = new Set(ejected.slice(0, Math.floor(providers.length / 2)));
    return providers.filter((service) => !left.has(service));
  }

  /** The provider that the key had before, while it is there and well; then another one, by the key's hash. */
  #stick(candidates: readonly Candidate[], affinity: string, rehearsal: boolean): ServiceInfo {
    const { env, name } = candidates[0]!.service;
    const key = `${env}/${name}/${affinity}`;
    const before = this.#stuck.get(key);
    const kept = candidates.find(({ service }) => serviceUid(service) === before)?.service;
    const chosen = kept ?? chooseByAffinity(candidates, affinity);
    if (rehearsal) return chosen;
    this.#stuck.delete(key);
    this.#stuck.set(key, serviceUid(chosen));
    forgetOldest(this.#stuck);
    return chosen;
  }

  #takeTurn({ env, name }: ServiceInfo, rehearsal: boolean): number {
    const key = `${env}/${name}`;
    const turn = this.#turns.get(key) ?? 0;
    if (rehearsal) return turn;
    this.#turns.delete(key);
    this.#turns.set(key, turn + 1);
    forgetOldest(this.#turns);
    return turn;
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= maxRemembered) return;
  const [oldest] = map.keys();
  map.delete(oldest!);
}
