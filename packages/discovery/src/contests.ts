import type { ServiceInfo } from "./service-info.ts";

interface Candidate {
  readonly info: ServiceInfo;
  readonly since: number;
}

interface Contest {
  readonly candidates: Map<string, Candidate>;
  winner: string | undefined;
}

/** What Contests tell. */
export interface ContestEvents {
  /** This one is offered now, or changed; it is the winner. */
  show(uid: string, info: ServiceInfo): void;
  /** It is offered no more. */
  hide(uid: string, info: ServiceInfo): void;
  /** Who goes before this candidate: undefined when nobody does. */
  settled(uid: string, winner: ServiceInfo | undefined): void;
}

/** Of each name's exclusive providers, the one that is offered: the oldest, among equals the one with the smallest id. All nodes that reach the same ones agree, without a word. */
export class Contests {
  readonly #events: ContestEvents;
  readonly #contests = new Map<string, Contest>();

  constructor(events: ContestEvents) {
    this.#events = events;
  }

  /** A candidate that can be reached, or a change of one. */
  set(uid: string, info: ServiceInfo, since: number): void {
    const key = keyOf(info);
    const contest: Contest = this.#contests.get(key) ?? { candidates: new Map<string, Candidate>(), winner: undefined };
    this.#contests.set(key, contest);
    contest.candidates.set(uid, { info, since });
    if (contest.winner === uid) this.#events.show(uid, info);
    this.#settle(contest, uid);
  }

  /** A candidate that was set is none any more. */
  delete(uid: string, info: ServiceInfo): void {
    const key = keyOf(info);
    const contest = this.#contests.get(key)!;
    contest.candidates.delete(uid);
    if (contest.winner === uid) {
      contest.winner = undefined;
      this.#events.hide(uid, info);
    }
    if (contest.candidates.size === 0) this.#contests.delete(key);
    else this.#settle(contest, undefined);
  }

  /** Who goes before a candidate; undefined when nobody does. */
  winnerBefore(uid: string, info: ServiceInfo): ServiceInfo | undefined {
    const { winner, candidates } = this.#contests.get(keyOf(info))!;
    return winner === uid ? undefined : candidates.get(winner!)!.info;
  }

  #settle(contest: Contest, fresh: string | undefined): void {
    let best: string | undefined;
    for (const [uid, candidate] of contest.candidates) if (best === undefined || goesBefore(candidate, contest.candidates.get(best)!)) best = uid;
    const winner = contest.candidates.get(best!)!;
    if (best === contest.winner) {
      if (fresh !== undefined) this.#events.settled(fresh, fresh === best ? undefined : winner.info);
      return;
    }
    const loser = contest.winner;
    if (loser !== undefined) this.#events.hide(loser, contest.candidates.get(loser)!.info);
    contest.winner = best;
    this.#events.show(best!, winner.info);
    for (const uid of contest.candidates.keys()) this.#events.settled(uid, uid === best ? undefined : winner.info);
  }
}

function keyOf({ env, name }: ServiceInfo): string {
  return `${env}/${name}`;
}

function goesBefore(a: Candidate, b: Candidate): boolean {
  if (a.since !== b.since) return a.since < b.since;
  if (a.info.id !== b.info.id) return a.info.id < b.info.id;
  return a.info.port < b.info.port;
}
