import type { Clock } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import type { AvoidList } from "./path.ts";

/** What failed is avoided for so long … */
const firstMs = 5000;
/** … twice as long when it fails again soon after that, up to this. */
const maxMs = 60_000;
/** At most so many failures are remembered; beyond it the oldest is forgotten. */
const maxEntries = 1024;

interface Failure {
  readonly link: readonly [NodeId, NodeId] | undefined;
  readonly relay: NodeId | undefined;
  readonly forMs: number;
  readonly until: number;
}

/**
 * What circuits failed at a moment ago: links that are in the records and do not work, relays that refuse. New paths avoid them until the records
 * say something new about the link, or time has passed. It sets no timer.
 */
export class NegativeCache {
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failure>();
  readonly #unsubscribe: (() => void) | undefined;

  /** `links` tells which links the records say something new about: a Topology does. */
  constructor(clock: Clock, links?: { subscribeLinks(callback: (a: NodeId, b: NodeId) => void): () => void }) {
    this.#clock = clock;
    this.#unsubscribe = links?.subscribeLinks((a, b) => this.clear(a, b));
  }

  /** The link between `a` and `b` did not work, in either direction. */
  fail(a: NodeId, b: NodeId): void {
    this.#add(keyOf(a, b), [a, b], undefined);
  }

  /** A node would not relay. It may still be the end of a path. */
  failRelay(id: NodeId): void {
    this.#add(id, undefined, id);
  }

  /** Something new is known of a link. */
  clear(a: NodeId, b: NodeId): void {
    this.#failures.delete(keyOf(a, b));
  }

  /** What paths should avoid now; undefined for nothing. */
  get avoid(): AvoidList | undefined {
    const now = this.#clock.now();
    const links: (readonly [NodeId, NodeId])[] = [];
    const relays: NodeId[] = [];
    for (const [key, { link, relay, until }] of this.#failures) {
      if (until + maxMs <= now) this.#failures.delete(key);
      if (until <= now) continue;
      if (link !== undefined) links.push(link);
      if (relay !== undefined) relays.push(relay);
    }
    return links.length + relays.length === 0 ? undefined : { links, relays };
  }

  close(): void {
    this.#unsubscribe?.();
  }

  #add(key: string, link: readonly [NodeId, NodeId] | undefined, relay: NodeId | undefined): void {
    const now = this.#clock.now();
    const before = this.#failures.get(key);
    // Several circuits that fail at one moment are one failure.
    if (before !== undefined && before.until > now) return;
    const forMs = before === undefined || before.until + maxMs <= now ? firstMs : Math.min(2 * before.forMs, maxMs);
    this.#failures.delete(key);
    this.#failures.set(key, { link, relay, forMs, until: now + forMs });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= maxEntries) break;
      this.#failures.delete(oldest);
    }
  }
}

function keyOf(a: NodeId, b: NodeId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
