import type { Digest } from "../store-digest.ts";

/** What to do about a neighbour's digest. */
export type DigestVerdict = "same" | "ask-again" | "pull" | "wait";

/** A pull that changed nothing is not repeated before so many more digests at most. */
const longestPause = 16;

/**
 * Decides when a neighbour's store is worth comparing with ours. Digests of a busy network differ all the time, because changes are under way: only
 * a difference that is still there a second later is looked into. On a link that has just come up it is looked into at once.
 */
export class DigestWatch {
  #met = false;
  #suspicious = false;
  #lastPull = "";
  #pause = 0;
  #pausesLeft = 0;

  /** Whether no digest has come yet. */
  get isFirst(): boolean {
    return !this.#met;
  }

  /** `mine`: what ours would be, if we lacked nothing. `comes`: the neighbour is about to send everything anyway. */
  judge(theirs: Digest, mine: readonly Digest[], comes: boolean): DigestVerdict {
    const first = !this.#met;
    this.#met = true;
    if (mine.some((each) => sameDigest(each, theirs))) {
      this.#suspicious = false;
      this.#pause = 0;
      this.#lastPull = "";
      return "same";
    }
    if (first && comes) return "wait";
    if (!first && !this.#suspicious) {
      this.#suspicious = true;
      return "ask-again";
    }
    this.#suspicious = false;
    return this.#mayPull(`${textOf(theirs)} ${textOf(mine[0]!)}`) ? "pull" : "wait";
  }

  /**
   * Where neither store changed since the last pull, another one would find as little: a limit is reached, or the two sides see different
   * nodes as reachable. Then pulls become rarer and rarer, but they never end: the last one may have been lost.
   */
  #mayPull(pair: string): boolean {
    if (pair !== this.#lastPull) {
      this.#lastPull = pair;
      this.#pause = 0;
      this.#pausesLeft = 0;
      return true;
    }
    if (this.#pausesLeft > 0) {
      this.#pausesLeft -= 1;
      return false;
    }
    this.#pause = Math.min(this.#pause === 0 ? 1 : this.#pause * 2, longestPause);
    this.#pausesLeft = this.#pause;
    return true;
  }
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.hi === b.hi && a.lo === b.lo && a.count === b.count;
}

function textOf({ hi, lo, count }: Digest): string {
  return `${hi}.${lo}.${count}`;
}
