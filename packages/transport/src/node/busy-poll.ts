import { availableParallelism } from "node:os";
import { AstraError } from "../errors.ts";
import { systemClock } from "../system-clock.ts";
import { LoopPoller } from "./loop-poller.ts";

/** On a single processor whoever polls keeps the one from running that he waits for. */
export const DEFAULT_BUSY_POLL_MS: number = availableParallelism() > 1 ? 0.2 : 0;
/** Longer than that, one would rather sleep. */
const MAX_BUSY_POLL_MS = 10;
/** An answer in time counts for one, a late one against four of them: polling pays where most are in time. */
const LATE = 4;
const ENOUGH = 16;
const MOST = 32;
/** More pieces than that one way, with none the other way between them, are bulk, which gains nothing. */
const PIECES = 2;

/** @throws AstraError EINVAL where `value` is no time to poll for. */
export function checkBusyPollMs(value: number): void {
  if (!(value >= 0 && value <= MAX_BUSY_POLL_MS)) throw new AstraError("EINVAL", `busyPollMs must be between 0 and ${String(MAX_BUSY_POLL_MS)}, not ${String(value)}`);
}

/** A process has one event loop, whose connections poll together. */
const thisLoop = new LoopPoller(systemClock);

/**
 * What a connection knows of its answers. While what it sends is answered at once, the loop polls after each send and each
 * read: to wake a sleeping process takes longer (30 to 60 µs on loopback) than many an answer. With bulk or pauses it sleeps.
 *
 * Prior art: KVM's halt polling (`halt_poll_ns`, 200 µs too), the spinning threads of Go's scheduler, SO_BUSY_POLL.
 */
export class BusyPoll {
  readonly #limitMs: number;
  readonly #loop: LoopPoller;
  /** How many sends since the last read, or reads since the last send. */
  #sends = 0;
  #reads = 0;
  #sentAt = 0;
  #score = 0;

  /** An answer is waited for awake for `limitMs`. */
  constructor(limitMs: number, loop: LoopPoller = thisLoop) {
    this.#limitMs = limitMs;
    this.#loop = loop;
  }

  sent(): void {
    this.#reads = 0;
    if (++this.#sends > PIECES) this.#score = 0;
    this.#sentAt = this.#loop.now();
    this.#pollFrom(this.#sentAt);
  }

  received(): void {
    this.#sends = 0;
    const now = this.#loop.now();
    if (++this.#reads > PIECES) this.#score = 0;
    else if (this.#reads === 1) this.#score = now - this.#sentAt <= this.#limitMs ? Math.min(MOST, this.#score + 1) : Math.max(0, this.#score - LATE);
    this.#pollFrom(now);
  }

  #pollFrom(now: number): void {
    if (this.#score >= ENOUGH) this.#loop.poll(now, this.#limitMs);
  }
}
