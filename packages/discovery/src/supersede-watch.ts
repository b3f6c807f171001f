import { AstraError, type Clock } from "@astranet/transport";

/** So many defences within … */
const maxDefences = 3;
/** … so many milliseconds mean that the other one is alive and defends itself too. */
const windowMs = 30_000;

/**
 * Tells a node that must outbid what an earlier life of it left behind from one of two processes that live under one id.
 * Two outbid each other in turn, and the one with the older start is always the first who has to: its third time comes before the other's.
 * So exactly that one stops, instead of defending itself the third time, and no message is needed to agree on it.
 */
export class SupersedeWatch {
  readonly #clock: Clock;
  readonly #self: string;
  readonly #callback: ((error: AstraError) => void) | undefined;
  #defences: number[] = [];
  superseded = false;

  constructor(clock: Clock, self: string, callback: ((error: AstraError) => void) | undefined) {
    this.#clock = clock;
    this.#self = self;
    this.#callback = callback;
  }

  /** Somebody speaks for this node: whether it may outbid them. */
  mayDefend(): boolean {
    if (this.superseded) return false;
    const now = this.#clock.now();
    this.#defences = [...this.#defences.filter((at) => at > now - windowMs), now];
    if (this.#defences.length < maxDefences) return true;
    this.superseded = true;
    this.#callback?.(new AstraError("ERR_ASTRANET_SUPERSEDED", `a process that started later lives under the id ${this.#self} too`));
    return false;
  }
}
