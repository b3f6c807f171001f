import { availableParallelism } from "node:os";
import type { Clock } from "../clock.ts";
import { AstraError } from "../errors.ts";
import { systemClock } from "../system-clock.ts";

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

/** A look takes a microsecond or two. Where the next one comes so much later although nothing came or went, somebody else had the processor. */
const PREEMPTED_MS = 0.5;
/** The first pause after that, doubled each time up to the longest; so much polling without it makes the next pause the first again. */
const PAUSE_MS = 5;
const MAX_PAUSE_MS = 320;
const CALM_MS = 50;

/**
 * Keeps the event loop of this process awake: it looks for what came instead of sleeping until something does. Where there
 * are more who want a processor than processors, it pauses, for the one that is waited for may be among them.
 */
export class LoopPoller {
  readonly #clock: Pick<Clock, "now" | "defer">;
  #until = 0;
  #polling = false;
  #lookedAt = 0;
  /** Something came or went since. */
  #used = false;
  #pausedUntil = -Infinity;
  #pauseMs = PAUSE_MS;

  constructor(clock: Pick<Clock, "now" | "defer">) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Something came or went `now`; the loop stays awake for `ms`. */
  poll(now: number, ms: number): void {
    this.#used = true;
    if (now + ms > this.#until) this.#until = now + ms;
    if (this.#polling || now < this.#pausedUntil) return;
    this.#polling = true;
    this.#lookedAt = now;
    this.#clock.defer(this.#look);
  }

  readonly #look = (): void => {
    const now = this.#clock.now();
    if (!this.#used && now - this.#lookedAt > PREEMPTED_MS) this.#pause(now);
    else this.#polling = now < this.#until;
    this.#used = false;
    this.#lookedAt = now;
    if (this.#polling) this.#clock.defer(this.#look);
  };

  #pause(now: number): void {
    this.#polling = false;
    this.#pauseMs = now - this.#pausedUntil > CALM_MS ? PAUSE_MS : Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    this.#pausedUntil = now + this.#pauseMs;
  }
}

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
