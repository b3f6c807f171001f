import { AstraError, type Clock, TokenBucket } from "@astranet/transport";
import type { RouterLimits } from "../router-options.ts";
import { hostOf } from "../wire-address.ts";

/** How many strangers may be at the door at once, and how many may knock in a second. */
export class AcceptGate {
  readonly #limits: RouterLimits;
  readonly #bucket: TokenBucket;
  readonly #pendingByHost = new Map<string, number>();
  #pending = 0;

  constructor(clock: Clock, limits: RouterLimits) {
    this.#limits = limits;
    this.#bucket = new TokenBucket(clock, limits.handshakeBurst, limits.handshakesPerSecond);
  }

  /** Lets a connection from `remoteAddress` in until the returned function is called; throws ERR_ASTRANET_OVERLOAD beyond a limit. */
  enter(remoteAddress: string): () => void {
    const { maxPendingHandshakes, maxPendingPerHost, handshakesPerSecond } = this.#limits;
    const host = hostOf(remoteAddress);
    const ofHost = this.#pendingByHost.get(host) ?? 0;
    if (this.#pending >= maxPendingHandshakes) throw refusal(`${maxPendingHandshakes} handshakes are under way already`);
    if (ofHost >= maxPendingPerHost) throw refusal(`${maxPendingPerHost} handshakes with ${host} are under way already`);
    if (!this.#bucket.tryTake()) throw refusal(`there are more than ${handshakesPerSecond} new connections a second`);
    this.#pending += 1;
    this.#pendingByHost.set(host, ofHost + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#pending -= 1;
      const left = this.#pendingByHost.get(host)! - 1;
      if (left === 0) this.#pendingByHost.delete(host);
      else this.#pendingByHost.set(host, left);
    };
  }
}

function refusal(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_OVERLOAD", `a connection was turned away: ${why}`, { retryable: true });
}
