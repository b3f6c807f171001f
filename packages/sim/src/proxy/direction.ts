import type { Socket } from "node:net";
import { checkConditions, noFaults, type FaultConditions } from "./conditions.ts";

/** All that goes one way through a proxy: its conditions, and when its wire is free again. */
export class Direction {
  /** When the wire has taken what it was given, in milliseconds of `performance.now()`. */
  freeAt = 0;
  #conditions: FaultConditions = noFaults;
  readonly #pumps = new Set<Pump>();

  get conditions(): FaultConditions {
    return this.#conditions;
  }

  /** Holds for everything from now on, also for what is under way. Throws RangeError for what means nothing. */
  change(change: Partial<FaultConditions>): void {
    const conditions = { ...this.#conditions, ...change };
    checkConditions(conditions);
    this.#conditions = conditions;
    for (const pump of this.#pumps) pump.look();
  }

  /** @internal */
  add(pump: Pump): void {
    this.#pumps.add(pump);
  }

  /** @internal */
  remove(pump: Pump): void {
    this.#pumps.delete(pump);
  }
}

interface Parcel {
  readonly bytes: Buffer;
  readonly cameAt: number;
}

/** What a pump keeps before it stops reading: a second of a fast network. */
const maxKeptBytes = 64 * 1024 * 1024;
/** At a low rate bytes trickle: what leaves within ten milliseconds, at least a packet. */
const leastPiece = 1024;

/** Moves the bytes of one direction of one connection, as late and as slowly as its Direction says; its end comes after them. */
export class Pump {
  readonly #direction: Direction;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #parcels: Parcel[] = [];
  #keptBytes = 0;
  #ended = false;
  #over = false;
  #waiting: { cancel: () => void } | undefined;
  #blocked = false;

  constructor(direction: Direction, from: Socket, to: Socket) {
    this.#direction = direction;
    this.#from = from;
    this.#to = to;
    direction.add(this);
    from.on("data", (bytes: Buffer) => {
      this.#parcels.push({ bytes, cameAt: performance.now() });
      this.#keptBytes += bytes.length;
      if (this.#keptBytes > maxKeptBytes) from.pause();
      this.#next();
    });
    from.on("end", () => {
      this.#ended = true;
      this.#next();
    });
    to.on("drain", () => {
      this.#blocked = false;
      this.#next();
    });
  }

  /** The conditions have changed. */
  look(): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
    this.#next();
  }

  /** The connection is over. */
  stop(): void {
    this.#over = true;
    this.#waiting?.cancel();
    this.#parcels.length = 0;
    this.#direction.remove(this);
  }

  #next(): void {
    while (!this.#over && this.#waiting === undefined && !this.#blocked) {
      const { latencyMs, bytesPerSecond, sliceBytes, stalled } = this.#direction.conditions;
      if (stalled) return;
      const [parcel] = this.#parcels;
      if (parcel === undefined) {
        if (this.#ended && !this.#to.writableEnded) this.#to.end();
        return;
      }
      const now = performance.now();
      const dueAt = Math.max(parcel.cameAt + latencyMs, this.#direction.freeAt);
      if (dueAt > now) {
        this.#wait(dueAt - now);
        return;
      }
      const piece = Math.min(sliceBytes, Math.max(leastPiece, bytesPerSecond / 100));
      this.#write(parcel, Math.min(piece, parcel.bytes.length));
      if (sliceBytes < Number.POSITIVE_INFINITY) this.#wait(0);
    }
  }

  #write(parcel: Parcel, length: number): void {
    const bytes = parcel.bytes.subarray(0, length);
    if (length === parcel.bytes.length) this.#parcels.shift();
    else this.#parcels[0] = { bytes: parcel.bytes.subarray(length), cameAt: parcel.cameAt };
    this.#keptBytes -= length;
    if (this.#from.isPaused() && this.#keptBytes < maxKeptBytes / 2) this.#from.resume();
    const { bytesPerSecond } = this.#direction.conditions;
    this.#direction.freeAt = Math.max(this.#direction.freeAt, performance.now() - 10) + (length * 1000) / bytesPerSecond;
    if (!this.#to.write(bytes)) this.#blocked = true;
  }

  #wait(ms: number): void {
    const go = (): void => {
      this.#waiting = undefined;
      this.#next();
    };
    if (ms < 1) {
      const turn = setImmediate(go);
      this.#waiting = { cancel: () => clearImmediate(turn) };
      return;
    }
    const timer = setTimeout(go, ms);
    this.#waiting = { cancel: () => clearTimeout(timer) };
  }
}
