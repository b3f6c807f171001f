import { AstraError, type Clock, type Timer, TokenBucket } from "@astranet/transport";
import { Deferred, rejected, unlessAborted } from "../deferred.ts";

/** A round trip is measured at most this often unless somebody asks: the peer answers ten pings a second. */
const SAMPLE_EVERY_MS = 200;
/** So many pings at once, and a second: a little less than the peer allows. Those beyond wait. */
const PINGS = 8;
/** A timer this much late, or a tenth of the idle timeout, means that this process slept, not that the peer is silent. */
const LATE_MS = 500;

interface KeepAliveEvents {
  /** A PING should leave with the next flush. */
  ping(): void;
  /** Nothing came for the idle timeout. */
  dead(error: AstraError): void;
}

/** Round trips, and the death of a silent peer. Any byte counts as life. One ping is under way at a time. */
export class KeepAlive {
  /** The last round trip, ms. */
  rttMs: number | undefined;
  minRttMs: number = Infinity;
  /** How many round trips were measured. */
  samples = 0;
  /** The ping that should be sent: its number. */
  pingDue = false;
  number = 0;
  readonly #clock: Clock;
  readonly #events: KeepAliveEvents;
  #timer: Timer | undefined;
  #timerAt = 0;
  #idleTimeoutMs = 0;
  #lastReceived: number;
  #sentAt = 0;
  #outstanding: Deferred<number> | undefined;
  readonly #allowance: TokenBucket;
  /** Until the ping that was asked for may leave. */
  #later: Timer | undefined;

  constructor(clock: Clock, events: KeepAliveEvents) {
    this.#clock = clock;
    this.#events = events;
    this.#lastReceived = clock.now();
    this.#allowance = new TokenBucket(clock, PINGS, PINGS);
  }

  /** Starts, or changes, the watch. 0: none. */
  watch(idleTimeoutMs: number): void {
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (idleTimeoutMs > 0) this.#arm();
  }

  received(): void {
    this.#lastReceived = this.#clock.now();
  }

  /** Asks for a round trip; callers share the ping that is under way. */
  ping(signal: AbortSignal | undefined): Promise<number> {
    if (signal?.aborted === true) return rejected(signal.reason);
    return unlessAborted(this.#request().promise, signal);
  }

  /** Measures a round trip if the last measurement is old. */
  sample(): void {
    if (this.#clock.now() - this.#sentAt >= SAMPLE_EVERY_MS) this.#request();
  }

  /** The PING left. */
  sent(): void {
    this.pingDue = false;
    this.#sentAt = this.#clock.now();
  }

  /** A pong came. One that nobody asked for is ignored. */
  pong(number: number): void {
    const outstanding = this.#outstanding;
    if (outstanding === undefined || this.pingDue || this.#later !== undefined || number !== this.number) return;
    this.#outstanding = undefined;
    this.rttMs = this.#clock.now() - this.#sentAt;
    this.minRttMs = Math.min(this.minRttMs, this.rttMs);
    this.samples++;
    outstanding.resolve(this.rttMs);
    if (this.#timer !== undefined) {
      this.#timer.cancel();
      this.#arm();
    }
  }

  stop(makeError: () => unknown): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#later?.cancel();
    this.#later = undefined;
    this.#idleTimeoutMs = 0;
    this.#outstanding?.reject(makeError());
    this.#outstanding = undefined;
    this.pingDue = false;
  }

  #request(): Deferred<number> {
    if (this.#outstanding === undefined) {
      this.#outstanding = new Deferred<number>();
      this.number = (this.number + 1) >>> 0;
      this.#ask();
    }
    return this.#outstanding;
  }

  #ask(): void {
    if (this.#allowance.tryTake()) {
      this.pingDue = true;
      this.#events.ping();
      return;
    }
    this.#later = this.#clock.setTimer(1_000 / PINGS, () => {
      this.#later = undefined;
      this.#ask();
    });
  }

  #arm(): void {
    const asked = this.#outstanding !== undefined;
    this.#timerAt = this.#lastReceived + (asked ? this.#idleTimeoutMs : this.#idleTimeoutMs / 3);
    this.#timer = this.#clock.setTimer(Math.max(1, this.#timerAt - this.#clock.now()), () => {
      this.#check();
    });
  }

  #check(): void {
    const now = this.#clock.now();
    const late = now - this.#timerAt;
    // We slept: what came meanwhile waits in the kernel, unread. The peer gets that time back, unless it was read before this timer's turn came.
    if (late > Math.min(LATE_MS, this.#idleTimeoutMs / 10)) this.#lastReceived = Math.min(this.#lastReceived + late, now);
    const silent = now - this.#lastReceived;
    if (silent >= this.#idleTimeoutMs) {
      const timer = this.#timer;
      // What has come to the kernel meanwhile is read before the verdict.
      this.#clock.defer(() => {
        if (this.#timer === timer) this.#judge();
      });
      return;
    }
    // Where something always comes, too: otherwise the round trip would stay what it was at the beginning, and whoever chooses ways by it never learn.
    this.#request();
    this.#arm();
  }

  #judge(): void {
    const silent = this.#clock.now() - this.#lastReceived;
    if (silent < this.#idleTimeoutMs) this.#arm();
    else this.#events.dead(new AstraError("ETIMEDOUT", `nothing came from the peer for ${Math.round(silent)} ms`));
  }
}
