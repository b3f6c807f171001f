import type { Clock, Timer } from "@astranet/transport";
import type { Link } from "./link/link-types.ts";
import type { NodeId } from "./node-id.ts";
import { verdictOf } from "./verdict.ts";

/** An address that a node says it can be dialled at. */
export interface FollowCandidate {
  readonly id: NodeId;
  readonly network: string;
  readonly address: string;
}

/** Whether to dial an address that another node gave: it may be anybody's, also one in our own network that the node itself cannot reach. Only `true` is a yes, a Promise is a no; what it throws is an uncaught exception, and a no. */
export type FollowFilter = (candidate: FollowCandidate) => boolean;

/** What a Follower needs of its node. */
export interface FollowerInit {
  readonly clock: Clock;
  readonly filter: FollowFilter;
  /** Links above this number are enough: no more are made. */
  readonly maxLinks: number;
  /** Where a node says it can be dialled, each as "network address". */
  readonly addresses: (id: NodeId) => readonly string[];
  readonly hasLink: (id: NodeId) => boolean;
  readonly linkCount: () => number;
  /** Dials; throws where no transport serves the network, or it would not be safe. */
  readonly dial: (network: string, address: string) => Link;
}

/** Between two looks at whom circuits lead to. */
const everyMs = 60_000;
/** Addresses of others that are dialled at once. */
const maxDials = 2;

/**
 * Makes links to the nodes that this one has a use for and reaches through relays: at most once a minute it dials the addresses that they give. New streams
 * take the link then, and those on the circuit finish there.
 */
export class Follower {
  readonly #init: FollowerInit;
  /** Whom circuits of this node lead to, and how many. */
  readonly #wanted = new Map<NodeId, number>();
  readonly #waiting = new Set<NodeId>();
  #dials = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(init: FollowerInit) {
    this.#init = init;
  }

  /** A circuit that this node opened leads to `id`. */
  circuitUp(id: NodeId): void {
    const before = this.#wanted.get(id) ?? 0;
    this.#wanted.set(id, before + 1);
    if (before > 0) return;
    this.#waiting.add(id);
    this.#next();
    this.#arm();
  }

  circuitDown(id: NodeId): void {
    const left = (this.#wanted.get(id) ?? 0) - 1;
    if (left > 0) {
      this.#wanted.set(id, left);
      return;
    }
    this.#wanted.delete(id);
    this.#waiting.delete(id);
  }

  /** Dials nobody any more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#waiting.clear();
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer ??= this.#init.clock.setTimer(everyMs, () => {
      this.#timer = undefined;
      if (this.#wanted.size === 0) return;
      for (const id of this.#wanted.keys()) this.#waiting.add(id);
      this.#next();
      this.#arm();
    });
  }

  #next(): void {
    for (const id of this.#waiting) {
      if (this.#closed || this.#dials >= maxDials) return;
      this.#waiting.delete(id);
      this.#dials += 1;
      void this.#try(id).then(() => {
        this.#dials -= 1;
        this.#next();
      });
    }
  }

  /** Dials a node's addresses, one after the other, until one leads to it. */
  async #try(id: NodeId): Promise<void> {
    const { addresses, filter, hasLink, linkCount, maxLinks, dial } = this.#init;
    for (const each of addresses(id)) {
      if (this.#closed || hasLink(id) || linkCount() >= maxLinks) return;
      const space = each.indexOf(" ");
      const candidate = { id, network: each.slice(0, Math.max(space, 0)), address: each.slice(space + 1) };
      if (space <= 0 || !verdictOf("follow", () => filter(candidate)).isAllowed) continue;
      try {
        const link = dial(candidate.network, candidate.address);
        // Somebody else may have that address here.
        if ((await link.ready) !== id) void link.close();
      } catch {
        // The next address, or the next minute: the circuit serves meanwhile.
      }
    }
  }
}
