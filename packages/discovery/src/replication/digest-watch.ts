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
  #lastPull: string | undefined;
  #pause = 0;
  #pausesLeft = 0;

  /** Whether no digest has come yet. */
  get isFirst(): boolean {
    return !this.#met;
  }

  /**
   * `mine`: what theirs would be, if we lacked nothing. `ask`: it came because the neighbour wants ours, and it will look for itself;
   * two that ask each other would otherwise never stop. `comes`: the neighbour is likely to be about to send everything anyway. It knows better, so
   * it is asked in a moment whether that was so.
   */
  judge(theirs: Digest, mine: readonly Digest[], { ask, comes }: { readonly ask: boolean; readonly comes: boolean }): DigestVerdict {
    const first = !this.#met;
    this.#met = true;
    if (mine.some((each) => sameDigest(each, theirs))) {
      this.#suspicious = false;
      this.#lastPull = undefined;
      return "same";
    }
    if (first) return comes ? "ask-again" : this.#pull(theirs, mine);
    if (this.#suspicious) return this.#pull(theirs, mine);
    if (ask || this.#isPaused(theirs, mine)) return "wait";
    this.#suspicious = true;
    return "ask-again";
  }

  #pull(theirs: Digest, mine: readonly Digest[]): DigestVerdict {
    const pair = pairOf(theirs, mine);
    this.#suspicious = false;
    this.#pause = pair === this.#lastPull ? Math.min(this.#pause * 2, longestPause) : 1;
    this.#pausesLeft = this.#pause;
    this.#lastPull = pair;
    return "pull";
  }

  /**
   * Where neither store changed since the last pull, another one would find as little: a limit is reached, or the two sides see different
   * nodes as reachable. Then pulls become rarer and rarer, but they never end: the last one may have been lost.
   */
  #isPaused(theirs: Digest, mine: readonly Digest[]): boolean {
    if (pairOf(theirs, mine) !== this.#lastPull || this.#pausesLeft === 0) return false;
    this.#pausesLeft -= 1;
    return true;
  }
}

function pairOf(theirs: Digest, mine: readonly Digest[]): string {
  return `${textOf(theirs)} ${textOf(mine[0]!)}`;
}

function sameDigest(a: Digest, b: Digest): boolean {
  return a.hi === b.hi && a.lo === b.lo && a.count === b.count;
}

function textOf({ hi, lo, count }: Digest): string {
  return `${hi}.${lo}.${count}`;
}
