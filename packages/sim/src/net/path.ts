/** How bytes travel from one host to another; each direction has its own. */
export interface PathConditions {
  /** How long a byte is on its way, in milliseconds. */
  readonly latencyMs: number;
  /** At most so much more, drawn for each piece. Order is kept: these are streams. */
  readonly jitterMs: number;
  /** What all connections together get. */
  readonly bytesPerSecond: number;
  /** The most bytes that arrive at once; each piece then is an event of its own. */
  readonly sliceBytes: number;
  /** Nothing gets through, silently; what was sent waits (it is sent again and again) and arrives when this is over. */
  readonly blocked: boolean;
}

export const goodPath: PathConditions = {
  latencyMs: 1,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  sliceBytes: 65_536,
  blocked: false,
};

/** One direction between two hosts: its conditions now, and who waits for them to change. */
export class Path {
  readonly from: string;
  readonly to: string;
  /** When the wire has taken all that it was given. */
  freeAt = 0;
  /** When something last changed on it, for all that use it or for one connection. */
  changedAt = 0;
  /** Connections that stand still on it. */
  stalled = 0;
  #conditions: PathConditions;
  readonly #waiting = new Set<() => void>();

  readonly #onchange: (path: Path) => void;

  constructor(from: string, to: string, conditions: PathConditions, onchange: (path: Path) => void) {
    this.from = from;
    this.to = to;
    this.#conditions = conditions;
    this.#onchange = onchange;
  }

  get conditions(): PathConditions {
    return this.#conditions;
  }

  change(change: Partial<PathConditions>): void {
    this.#onchange(this);
    const wasBlocked = this.#conditions.blocked;
    this.#conditions = { ...this.#conditions, ...change };
    if (!wasBlocked || this.#conditions.blocked) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** One more connection stands still on it, or one less. */
  stall(by: number): void {
    this.stalled += by;
    this.#onchange(this);
  }

  /** Calls `wake` once, when the path is open again. */
  whenOpen(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }
}
