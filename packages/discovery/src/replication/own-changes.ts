import { TokenBucket, type Clock, type Timer } from "@astranet/transport";

/** Changes of one kind of records that a node tells at once … */
const burst = 100;
/** … and a second, in the long run. Those beyond are told once a second, the newest of each slot. */
const perSecond = 10;
const coalesceMs = 1000;

interface Kind {
  readonly bucket: TokenBucket;
  readonly held: Set<number>;
  timer: Timer | undefined;
}

/**
 * Keeps a node whose own records change all the time from keeping the whole network busy. The node itself always sees the newest; only telling it
 * to others waits. Each kind of records counts by itself, so that services that come and go do not delay word of a broken link.
 */
export class OwnChanges {
  readonly #clock: Clock;
  readonly #tell: (slots: readonly number[]) => void;
  readonly #kinds = new Map<number, Kind>();
  readonly #changed = new Set<number>();

  constructor(clock: Clock, tell: (slots: readonly number[]) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** One of this node's slots says something else now. Changes of one tick are one. */
  changed(slot: number): void {
    if (this.#changed.size === 0) this.#clock.defer(() => this.#flush());
    this.#changed.add(slot);
  }

  close(): void {
    for (const { timer } of this.#kinds.values()) timer?.cancel();
    this.#kinds.clear();
    this.#changed.clear();
  }

  #flush(): void {
    const now: number[] = [];
    for (const slot of this.#changed) {
      const kind = this.#kindOf(slot);
      if (kind.timer === undefined && kind.bucket.tryTake()) now.push(slot);
      else this.#hold(kind, slot);
    }
    this.#changed.clear();
    if (now.length > 0) this.#tell(now);
  }

  #hold(kind: Kind, slot: number): void {
    kind.held.add(slot);
    kind.timer ??= this.#clock.setTimer(coalesceMs, () => {
      kind.timer = undefined;
      const slots = [...kind.held];
      kind.held.clear();
      this.#tell(slots);
    });
  }

  #kindOf(slot: number): Kind {
    let kind = this.#kinds.get(slot >> 8);
    if (kind === undefined) {
      kind = { bucket: new TokenBucket(this.#clock, burst, perSecond), held: new Set(), timer: undefined };
      this.#kinds.set(slot >> 8, kind);
    }
    return kind;
  }
}
