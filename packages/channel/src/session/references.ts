import { AstraError, type Clock, type Timer } from "@astranet/transport";
import type { ChannelLimits } from "./limits.ts";
import type { Port } from "./port.ts";
import { resetCodes, turnAway } from "./reset-codes.ts";

/** A message's wait for one of its streams. */
export class Claim {
  /** Undefined: it has not come. */
  port: Port | undefined;
  /** Why it will not; undefined: it took too long. */
  error: unknown;
  settled = false;
  #onsettled: (() => void) | undefined;

  /** Calls `callback` once the stream is here, or will not come; not where that is so already. */
  onsettled(callback: () => void): void {
    this.#onsettled = callback;
  }

  /** @internal */
  settle(port: Port | undefined, error?: unknown): void {
    this.settled = true;
    this.port = port;
    this.error = error;
    this.#onsettled?.();
  }
}

interface Waiting {
  readonly until: number;
}

/** Brings messages and the streams that belong to them together, whichever comes first; what stays alone does not stay long. */
export class References {
  readonly #limits: ChannelLimits;
  readonly #clock: Clock;
  /** Both in the order in which they came, which is that of their ends. */
  readonly #unclaimed = new Map<number, Waiting & { readonly port: Port }>();
  readonly #claims = new Map<number, Waiting & { readonly claim: Claim }>();
  #lastId = 0;
  #timer: Timer | undefined;
  /** Why no stream will come any more. */
  #closed: unknown;

  constructor(limits: ChannelLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** An id for a stream that is opened here. */
  takeId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** The peer opened the stream of that id. */
  arrived(id: number, port: Port): void {
    const waiting = this.#claims.get(id);
    if (waiting !== undefined) {
      this.#claims.delete(id);
      waiting.claim.settle(port);
    } else if (this.#unclaimed.has(id)) port.stream.reset(resetCodes.malformed, `another stream is number ${id}`);
    else if (this.#unclaimed.size >= this.#limits.maxUnclaimed) port.stream.reset(resetCodes.unclaimed, `${this.#unclaimed.size} streams wait for their messages already`);
    else {
      this.#unclaimed.set(id, { port, until: this.#until() });
      this.#arm();
    }
  }

  /** A message came to which the stream of that id belongs. Throws ERR_ASTRANET_PROTOCOL where another one waits for it. */
  claim(id: number): Claim {
    if (this.#claims.has(id)) throw new AstraError("ERR_ASTRANET_PROTOCOL", `two messages want stream number ${id}`);
    const claim = new Claim();
    const here = this.#unclaimed.get(id);
    if (here !== undefined) {
      this.#unclaimed.delete(id);
      claim.settle(here.port);
    } else if (this.#closed !== undefined) claim.settle(undefined, this.#closed);
    else {
      this.#claims.set(id, { claim, until: this.#until() });
      this.#arm();
    }
    return claim;
  }

  /** No stream will come any more, because of `error`. `keep`: messages that came may still want those that are here. */
  close(error: unknown, keep: boolean): void {
    this.#closed = error;
    this.#timer?.cancel();
    if (!keep) {
      for (const { port } of this.#unclaimed.values()) turnAway(port.stream);
      this.#unclaimed.clear();
    }
    for (const { claim } of this.#claims.values()) claim.settle(undefined, error);
    this.#claims.clear();
  }

  #until(): number {
    return this.#clock.now() + this.#limits.claimTimeoutMs;
  }

  /** One timer for all. One that comes too early does nothing but arm the next. */
  #arm(): void {
    if (this.#timer !== undefined) return;
    const [unclaimed] = this.#unclaimed.values();
    const [claim] = this.#claims.values();
    const at = Math.min(unclaimed?.until ?? Infinity, claim?.until ?? Infinity);
    if (at === Infinity) return;
    this.#timer = this.#clock.setTimer(Math.max(at - this.#clock.now(), 0), () => {
      this.#timer = undefined;
      this.#expire();
      this.#arm();
    });
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [id, { port, until }] of this.#unclaimed) {
      if (until > now) break;
      this.#unclaimed.delete(id);
      port.stream.reset(resetCodes.unclaimed, "its message did not come in time");
    }
    for (const [id, { claim, until }] of this.#claims) {
      if (until > now) break;
      this.#claims.delete(id);
      claim.settle(undefined);
    }
  }
}
