/** Losses of so long ago still count. */
const memoryMs = 10_000;
/** A link may be lost so often within that before it has to prove itself. */
const freeLosses = 3;
/** Then it must stay up for so long, doubled with each further loss … */
const firstHoldMs = 1000;
/** … up to this. */
const maxHoldMs = 5000;

/**
 * Whether a link stays up. One that is lost again and again is advertised, and carries paths to others, only when it has been up for a while: bad
 * news is told at once and good news waits, so a link that flaps at any rate costs the network a handful of records. Pure: time comes with each call.
 */
export class FlapDamper {
  #losses: number[] = [];
  #steadyAt = -Infinity;

  /** The link came up. */
  up(nowMs: number): void {
    const count = this.#recent(nowMs).length;
    this.#steadyAt = count < freeLosses ? nowMs : nowMs + Math.min(firstHoldMs * 2 ** (count - freeLosses), maxHoldMs);
  }

  /** The link went down. */
  down(nowMs: number): void {
    // More than these change nothing.
    this.#losses = [...this.#recent(nowMs), nowMs].slice(-8);
  }

  /** From when on a link that is up counts as steady. */
  get steadyAt(): number {
    return this.#steadyAt;
  }

  /** Whether there is nothing to remember. */
  isForgotten(nowMs: number): boolean {
    return this.#recent(nowMs).length === 0;
  }

  #recent(nowMs: number): number[] {
    return this.#losses.filter((at) => at > nowMs - memoryMs);
  }
}
