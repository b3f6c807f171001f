import { breath, drained } from "./drained.ts";
import { EventQueue, type SimEvent } from "./event-queue.ts";
import type { Process } from "./process.ts";

/** Events at one moment of virtual time; more is a loop without an end. */
const maxEventsAtOnce = 1_000_000;

/** So many events before the real event loop gets a turn. */
const eventsBetweenBreaths = 20_000;

/** What a Timeline tells about each event, after it and all its microtasks. */
export type EventObserver = (event: SimEvent) => void;

/** Virtual time: what was set to happen, in order. It moves only in `run`. */
export class Timeline {
  #now = 0;
  #order = 0;
  readonly #queue = new EventQueue();
  #deferred: SimEvent[] = [];
  #deferredAt = 0;
  #events = 0;
  readonly #before: EventObserver;
  readonly #after: EventObserver;

  constructor(observers: { before?: EventObserver; after?: EventObserver } = {}) {
    this.#before = observers.before ?? (() => undefined);
    this.#after = observers.after ?? (() => undefined);
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Events that happened. */
  get events(): number {
    return this.#events;
  }

  /** Events that are to happen. */
  get pending(): number {
    return this.#queue.size + this.#deferred.length - this.#deferredAt;
  }

  /** Whether nothing more happens at once: what was deferred is through. */
  get isSettled(): boolean {
    return this.#deferredAt === this.#deferred.length;
  }

  at(at: number, owner: Process | undefined, kind: string, run: () => void): SimEvent {
    const event: SimEvent = { at: Math.max(at, this.#now), order: this.#order++, owner, kind, run };
    this.#queue.push(event);
    return event;
  }

  /** At this moment, before everything else that is set for it. */
  defer(owner: Process | undefined, run: () => void): void {
    this.#deferred.push({ at: this.#now, order: this.#order++, owner, kind: "defer", run });
  }

  cancel(event: SimEvent): void {
    this.#queue.cancel(event);
  }

  /** Lets `ms` pass. Each event is followed by every microtask that it set off, then by the observer; what that throws ends the run. */
  async run(ms: number): Promise<void> {
    await this.runUntil(() => false, ms);
  }

  /** Lets time pass until `done()`, which is asked after each event; false where that did not happen within `ms`. */
  async runUntil(done: () => boolean, ms: number): Promise<boolean> {
    const end = this.#now + ms;
    let atOnce = 0;
    // What was done since the last run has microtasks and deferred calls of its own.
    await drained();
    if (done()) return true;
    for (;;) {
      const event = this.#next(end);
      if (event === undefined) break;
      atOnce = event.at > this.#now ? 0 : atOnce + 1;
      if (atOnce > maxEventsAtOnce) throw new Error(`more than ${maxEventsAtOnce} events at ${this.#now} ms: something sets itself off again and again`);
      if (event.at > this.#now) this.#now = event.at;
      if (!this.#happen(event)) continue;
      await drained();
      this.#after(event);
      if (this.#events % eventsBetweenBreaths === 0) await breath();
      if (done()) return true;
    }
    this.#now = end;
    return false;
  }

  #next(end: number): SimEvent | undefined {
    if (this.#deferredAt < this.#deferred.length) {
      const event = this.#deferred[this.#deferredAt++];
      if (this.#deferredAt === this.#deferred.length) {
        this.#deferred = [];
        this.#deferredAt = 0;
      }
      return event;
    }
    const next = this.#queue.peek();
    return next === undefined || next.at > end ? undefined : this.#queue.pop();
  }

  #happen(event: SimEvent): boolean {
    const { owner, run } = event;
    if (run === undefined) return false;
    event.run = undefined;
    if (owner !== undefined) {
      if (!owner.alive) return false;
      if (owner.paused) {
        owner.run(run);
        return false;
      }
    }
    this.#events += 1;
    this.#before(event);
    run();
    return true;
  }
}
