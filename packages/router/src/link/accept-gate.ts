import { AstraError, type Clock, TokenBucket } from "@astranet/transport";
import type { RouterLimits } from "../router-options.ts";
import { hostOf } from "../wire-address.ts";

/** A stranger at the door. */
interface Pending {
  readonly host: string;
  /** Ends its handshake because of `error`. */
  turnOut(error: AstraError): void;
}

/** How many strangers may be at the door at once, and how many may knock in a second. */
export class AcceptGate {
  readonly #limits: RouterLimits;
  readonly #bucket: TokenBucket;
  /** The oldest first. */
  readonly #pending = new Set<Pending>();
  readonly #pendingByHost = new Map<string, number>();

  constructor(clock: Clock, limits: RouterLimits) {
    this.#limits = limits;
    this.#bucket = new TokenBucket(clock, limits.handshakeBurst, limits.handshakesPerSecond);
  }

  /**
   * Lets a connection from `remoteAddress` in until the returned function is called; throws ERR_ASTRANET_OVERLOAD beyond a limit. Where too many are
   * inside, the one that has taken longest is turned out: members are through in a moment, so a crowd that only stands there keeps none of them out.
   */
  enter(remoteAddress: string, turnOut: (error: AstraError) => void): () => void {
    const { maxPendingHandshakes, maxPendingPerHost, handshakesPerSecond } = this.#limits;
    const host = hostOf(remoteAddress);
    const ofHost = this.#pendingByHost.get(host) ?? 0;
    if (ofHost >= maxPendingPerHost) throw refusal(`${maxPendingPerHost} handshakes with ${host} are under way already`);
    if (!this.#bucket.tryTake()) throw refusal(`there are more than ${handshakesPerSecond} new connections a second`);
    const [oldest] = this.#pending;
    if (oldest !== undefined && this.#pending.size >= maxPendingHandshakes) {
      this.#leave(oldest);
      oldest.turnOut(refusal(`there are more than ${maxPendingHandshakes} handshakes under way, of which this one took longest`));
    }
    const pending: Pending = { host, turnOut };
    this.#pending.add(pending);
    this.#pendingByHost.set(host, (this.#pendingByHost.get(host) ?? 0) + 1);
    return () => this.#leave(pending);
  }

  #leave(pending: Pending): void {
    if (!this.#pending.delete(pending)) return;
    const { host } = pending;
    const left = this.#pendingByHost.get(host)! - 1;
    if (left === 0) this.#pendingByHost.delete(host);
    else this.#pendingByHost.set(host, left);
  }
}

function refusal(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_OVERLOAD", `a connection was turned away: ${why}`, { retryable: true });
}
