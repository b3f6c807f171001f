import type { Reachability } from "@astranet/discovery";
import { Subscribers, type Clock, type Timer } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import { admit, redundantOf } from "./admission.ts";
import { sameBytes, type Hello } from "./hello.ts";
import type { NodeLink } from "./node-link.ts";

/** Streams that were opened at the same moment from both sides get so much time before one of the links drains. */
const redundantAfterMs = 1000;

interface Peer {
  /** Those that are up, oldest first. */
  links: NodeLink[];
  drainTimer: Timer | undefined;
}

/** The neighbours: whom this node has a link with that is up, and which link serves. Reachability is an UP link, at the cost of its round trip. */
export class PeerTable implements Reachability {
  readonly #self: NodeId;
  readonly #clock: Clock;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #callbacks = new Subscribers<[id: NodeId]>();
  /** Called whenever a link is up no more. */
  readonly #departures = new Set<() => void>();

  constructor(self: NodeId, clock: Clock) {
    this.#self = self;
    this.#clock = clock;
  }

  /** Throws ERR_ASTRANET_ID_CONFLICT when the link's peer is not who has that id. */
  check(link: NodeLink): void {
    admit(link, this.#peers.get(link.hello.id)?.links ?? []);
  }

  /** Takes a link in, and gives back those that it replaces: end them then, so that the peer is reachable all the while. Throws as `check` does. */
  up(link: NodeLink): readonly NodeLink[] {
    const { id } = link.hello;
    const peer = this.#peers.get(id) ?? { links: [], drainTimer: undefined };
    const { supersede, redundant } = admit(link, peer.links);
    const wasReachable = this.#peers.has(id);
    peer.links = [...peer.links, link];
    this.#peers.set(id, peer);
    if (redundant.length > 0) this.#drainSoon(peer);
    if (!wasReachable) this.#tell(id);
    return supersede;
  }

  /** A link that `up` has taken in is up no more. */
  leaving(link: NodeLink): void {
    const { id } = link.hello;
    const peer = this.#peers.get(id)!;
    peer.links = peer.links.filter((other) => other !== link);
    if (peer.links.length === 0) {
      peer.drainTimer?.cancel();
      this.#peers.delete(id);
      this.#tell(id);
    }
    for (const departed of [...this.#departures]) departed();
  }

  /** The link that new streams to `id` take. */
  best(id: NodeId): NodeLink | undefined {
    const links = this.#peers.get(id)?.links ?? [];
    const redundant = redundantOf(links);
    // The newest is the one whose far end was last known to live.
    return links.filter((link) => !redundant.includes(link)).at(-1);
  }

  /** The nodes with a link. */
  ids(): NodeId[] {
    return [...this.#peers.keys()];
  }

  cost(id: NodeId): number | undefined {
    return id === this.#self ? 0 : this.best(id)?.rttMs;
  }

  subscribe(callback: (id: NodeId) => void): () => void {
    return this.#callbacks.add(callback);
  }

  /** Resolves when no link to the process that `hello` is of is up. Rejects with `signal.reason` after an abort. */
  gone({ id, instance }: Hello, signal: AbortSignal): Promise<void> {
    const isGone = (): boolean => !(this.#peers.get(id)?.links ?? []).some(({ hello }) => sameBytes(hello.instance, instance));
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      if (isGone()) {
        resolve();
        return;
      }
      const finish = (): void => {
        this.#departures.delete(departed);
        signal.removeEventListener("abort", aborted);
      };
      const departed = (): void => {
        if (!isGone()) return;
        finish();
        resolve();
      };
      const aborted = (): void => {
        finish();
        reject(signal.reason);
      };
      this.#departures.add(departed);
      signal.addEventListener("abort", aborted, { once: true });
    });
  }

  #drainSoon(peer: Peer): void {
    peer.drainTimer?.cancel();
    peer.drainTimer = this.#clock.setTimer(redundantAfterMs, () => {
      for (const link of redundantOf(peer.links)) void link.close();
    });
  }

  #tell(id: NodeId): void {
    this.#callbacks.tell(id);
  }
}
