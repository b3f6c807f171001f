import type { Clock, Timer } from "./clock.ts";
import { HIGH_WATER_BYTES } from "./limits.ts";

/** How an in-memory connection behaves. All optional. */
export interface MemoryOptions {
  /** How long each byte is on its way, in milliseconds. Default 0. */
  readonly latencyMs?: number;
  /** The rate of each direction. Default: no limit. */
  readonly bytesPerSecond?: number;
  /** The most bytes one `data` call hands over. Default 65,536. */
  readonly sliceBytes?: number;
  /** Default {@link systemClock}. */
  readonly clock?: Clock;
}

/** Comes after the last byte: the sender ended, or broke off. */
type Mark = "end" | "reset";
type Item = Uint8Array | Mark;

/** What a lane tells the connection that sends into it. */
export interface LaneSource {
  laneFlushed(): void;
  laneDrained(): void;
}

/** What a lane tells the connection at its far end. While it is not ready the lane keeps everything. */
export interface LaneTarget {
  readonly ready: boolean;
  readonly gone: boolean;
  laneData(chunk: Uint8Array): void;
  laneEnd(): void;
  laneReset(): void;
}

const DEFAULT_SLICE_BYTES = 65_536;

/** One direction of an in-memory connection: a link that takes bytes at a rate, delays them, and an inbox at its far end. */
export class MemoryLane {
  /** Nobody any more after a reset. */
  source: LaneSource | undefined = undefined;
  /** Set before anything is called. */
  target!: LaneTarget;

  readonly #clock: Clock;
  readonly #latencyMs: number;
  readonly #msPerByte: number;
  readonly #pieceBytes: number;
  readonly #sliceBytes: number;
  readonly #timed: boolean;

  /** Not yet on the link. Only a timed lane uses it and `#flights`. */
  #queue: Item[] = [];
  #queuedBytes = 0;
  #flights: { readonly item: Item; readonly arrivesAt: number }[] = [];
  #inbox: Item[] = [];
  #inboxOffset = 0;
  #inboxBytes = 0;
  /** When the link has sent the bytes that it has taken. */
  #freeAt = 0;
  #timer: Timer | undefined = undefined;
  #timerAt = 0;
  #deferred = false;
  #owesDrain = false;

  constructor(clock: Clock, options: MemoryOptions) {
    this.#clock = clock;
    this.#latencyMs = options.latencyMs ?? 0;
    this.#sliceBytes = options.sliceBytes ?? DEFAULT_SLICE_BYTES;
    const rate = options.bytesPerSecond ?? Number.POSITIVE_INFINITY;
    this.#msPerByte = 1_000 / rate;
    // What leaves within a millisecond, so that bytes trickle in at a low rate, but no smaller than a packet.
    this.#pieceBytes = Math.min(DEFAULT_SLICE_BYTES, Math.max(1_024, Math.ceil(rate / 1_000)));
    this.#timed = this.#latencyMs > 0 || this.#msPerByte > 0;
  }

  /** See `Connection.send`. */
  send(chunks: readonly Uint8Array[]): boolean {
    for (const chunk of chunks) if (chunk.length > 0) this.#put(chunk);
    if (this.#queuedBytes + this.#inboxBytes <= HIGH_WATER_BYTES) return true;
    this.#owesDrain = true;
    return false;
  }

  /** Ends the lane after what was sent. */
  end(): void {
    this.#put("end");
  }

  /** Ends the lane after what the link has taken; the rest is dropped. */
  reset(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.source = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#put("reset");
  }

  /** The target is ready, or gone. */
  wake(): void {
    if (this.target.gone) this.#clear();
    else this.#deferDelivery();
  }

  #put(item: Item): void {
    if (this.target.gone) {
      if (item === "end") this.source?.laneFlushed();
      return;
    }
    if (!this.#timed) {
      this.#arrive(item);
      this.#deferDelivery();
      return;
    }
    if (this.#queue.length === 0) this.#freeAt = Math.max(this.#freeAt, this.#clock.now());
    if (typeof item === "string") this.#queue.push(item);
    else {
      this.#queuedBytes += item.length;
      for (let at = 0; at < item.length; at += this.#pieceBytes) this.#queue.push(item.subarray(at, at + this.#pieceBytes));
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const [next] = this.#queue;
    const departsAt = next === undefined ? Number.POSITIVE_INFINITY : this.#sentAt(next);
    const at = Math.min(departsAt, this.#flights[0]?.arrivesAt ?? Number.POSITIVE_INFINITY);
    // What was just put may leave long before what is on its way arrives.
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(
      Math.max(0, at - this.#clock.now()),
      () => {
        this.#timer = undefined;
        this.#advance();
      },
      { keepAlive: true },
    );
  }

  #sentAt(item: Item): number {
    return this.#freeAt + bytesIn(item) * this.#msPerByte;
  }

  /** Puts on the link what it has had time for, and takes off it what has arrived. */
  #advance(): void {
    // Sums of many small durations fall short by rounding; a timer is never wanted for that.
    const now = this.#clock.now() + 1e-6;
    let taken = 0;
    for (const item of this.#queue) {
      const sentAt = this.#sentAt(item);
      if (sentAt > now) break;
      taken += 1;
      this.#freeAt = sentAt;
      this.#queuedBytes -= bytesIn(item);
      this.#flights.push({ item, arrivesAt: sentAt + this.#latencyMs });
    }
    this.#queue.splice(0, taken);
    let arrived = 0;
    for (const flight of this.#flights) {
      if (flight.arrivesAt > now) break;
      arrived += 1;
      this.#arrive(flight.item);
    }
    this.#flights.splice(0, arrived);
    this.#setTimer();
    this.#deliver();
  }

  #arrive(item: Item): void {
    this.#inbox.push(item);
    this.#inboxBytes += bytesIn(item);
  }

  #deferDelivery(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#clock.defer(() => {
      this.#deferred = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    // What a sink sends back into this lane meanwhile waits for the next round.
    let budget = this.#inboxBytes;
    const target = this.target;
    while (target.ready && !target.gone) {
      const item = this.#inbox[0];
      if (item === undefined) break;
      if (item === "end" || item === "reset") {
        this.#inbox.shift();
        if (item === "end") {
          this.source?.laneFlushed();
          target.laneEnd();
        } else target.laneReset();
      } else {
        if (budget <= 0) {
          this.#deferDelivery();
          break;
        }
        const chunk = this.#take(Math.min(this.#sliceBytes, budget));
        budget -= chunk.length;
        target.laneData(chunk);
      }
    }
    // Only an end that waits for a target which is not ready is found here: the link has carried it all the same.
    if (this.#inbox.at(-1) === "end") this.source?.laneFlushed();
    if (this.#owesDrain && this.#queuedBytes + this.#inboxBytes === 0) {
      this.#owesDrain = false;
      this.source?.laneDrained();
    }
  }

  /** Takes the next `length` bytes, which are there: a copy, as any real link makes one: the receiver may keep and change it, whatever the sender holds. */
  #take(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const item = this.#inbox[used] as Uint8Array;
      const end = Math.min(item.length, this.#inboxOffset + length - filled);
      bytes.set(this.#inboxOffset === 0 && end === item.length ? item : item.subarray(this.#inboxOffset, end), filled);
      filled += end - this.#inboxOffset;
      if (end === item.length) {
        used += 1;
        this.#inboxOffset = 0;
      } else this.#inboxOffset = end;
    }
    this.#inbox.splice(0, used);
    this.#inboxBytes -= length;
    return bytes;
  }

  #clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#queue = [];
    this.#flights = [];
    this.#inbox = [];
    this.#inboxOffset = 0;
    this.#queuedBytes = 0;
    this.#inboxBytes = 0;
  }
}

function bytesIn(item: Item): number {
  return typeof item === "string" ? 0 : item.length;
}
