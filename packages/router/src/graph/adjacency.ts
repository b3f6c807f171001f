import type { RecordStore } from "@astranet/discovery";
import { Subscribers, TokenBucket, type Clock, type Timer } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import { adjacencySlot, encodeAdjacency, fragmentCounts, fragmentOf, maxFragmentEntries, type Neighbour } from "./adjacency-record.ts";
import { FlapDamper } from "./flap-damper.ts";
import { LinkCost } from "./link-cost.ts";
import type { Neighbours } from "./neighbours.ts";

/** What an Adjacency is made with. */
export interface AdjacencyInit {
  /** Where the records of this node are written. */
  readonly store: RecordStore;
  readonly clock: Clock;
  /** A record could not be written, because the store's limit for this node is reached. It is tried again with the next change. Default: nothing. */
  readonly refused?: (error: unknown) => void;
}

/** A link as it comes up. */
export interface LinkUp {
  /** Its first round trip. */
  readonly rttMs: number;
  /** What its cost is multiplied by, as the node's owner says. Default 1. */
  readonly factor?: number;
  /** Default 0, an ordinary link. */
  readonly kind?: number;
}

interface OwnLink {
  readonly cost: LinkCost;
  readonly kind: number;
  readonly damper: FlapDamper;
  timer: Timer | undefined;
  /** What was told last. */
  toldCost: number;
  isSteady: boolean;
}

/** So many times the records may be written at once, and then once a second: what everybody in the network has to take in is limited here. */
const writeBurst = 5;
const writesPerSecond = 1;
/**
 * Good news that comes so soon after a writing waits until this is over, for what else comes meanwhile: a node that starts gets its links within milliseconds of each
 * other, and each would be one of the few writings. A flood would wait for the one before it for as long.
 */
const gatherMs = 20;

/** A fragment with more neighbours than this is spread over four: then one link that changes is a record of less than a kilobyte. */
const comfortableEntries = 64;

/**
 * This node's links, as it tells the network in its ADJ records, and as its own paths see them: both ends of a decision use the same costs.
 * A link is in the records while it is up and steady. Changes of one tick are one writing, and what is no loss waits until 20 ms after the last one.
 * The loss of the last link waits for the next one: nobody could hear of it, and where the same neighbour is back at once nobody has to.
 */
export class Adjacency implements Neighbours {
  readonly #init: AdjacencyInit;
  readonly #links = new Map<NodeId, OwnLink>();
  /** Of links that are down; oldest loss first. */
  readonly #dampers = new Map<NodeId, FlapDamper>();
  readonly #callbacks = new Subscribers<[id: NodeId]>();
  readonly #bucket: TokenBucket;
  #fragments = [new Map<NodeId, Neighbour>()];
  readonly #due = new Set<number>();
  #writtenAt = -Infinity;
  #isScheduled = false;
  /** What is scheduled waits for more to come, and for nothing else. */
  #isGathering = false;
  /** The last link was lost, and nobody could be told. */
  #owesLoss = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(init: AdjacencyInit) {
    this.#init = init;
    this.#bucket = new TokenBucket(init.clock, writeBurst, writesPerSecond);
  }

  /** A link to `id` is up. Where there was one already, this is a sample of its round trip. */
  up(id: NodeId, { rttMs, factor, kind = 0 }: LinkUp): void {
    if (this.#links.has(id)) {
      this.sample(id, rttMs, factor);
      return;
    }
    const nowMs = this.#init.clock.now();
    const damper = this.#dampers.get(id) ?? new FlapDamper();
    this.#dampers.delete(id);
    damper.up(nowMs);
    const cost = new LinkCost({ rttMs, nowMs, factor });
    const link: OwnLink = { cost, kind, damper, timer: undefined, toldCost: cost.advertised(nowMs), isSteady: nowMs >= damper.steadyAt };
    this.#links.set(id, link);
    if (link.isSteady) this.#list(id, { id, cost: link.toldCost, kind });
    if (this.#owesLoss) this.#schedule(true);
    this.#arm(id, link, nowMs);
    this.#tell(id);
  }

  /** A round trip to `id` was measured. `factor`: what its cost is multiplied by from now on. */
  sample(id: NodeId, rttMs: number, factor?: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    link.cost.sample(rttMs, this.#init.clock.now(), factor);
    this.#refresh(id, link);
  }

  /** The send queue of the link to `id` is above its high-water mark, or is no more. */
  congested(id: NodeId, isLong: boolean): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    link.cost.congested(isLong, this.#init.clock.now());
    this.#refresh(id, link);
  }

  /** No link to `id` is up any more. */
  down(id: NodeId): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    const nowMs = this.#init.clock.now();
    link.timer?.cancel();
    this.#links.delete(id);
    link.damper.down(nowMs);
    this.#remember(id, link.damper, nowMs);
    this.#list(id, undefined);
    this.#tell(id);
  }

  cost(id: NodeId): number | undefined {
    return this.#links.get(id)?.toldCost;
  }

  ids(): Iterable<NodeId> {
    return this.#links.keys();
  }

  isSteady(id: NodeId): boolean {
    return this.#links.get(id)?.isSteady ?? false;
  }

  subscribe(callback: (id: NodeId) => void): () => void {
    return this.#callbacks.add(callback);
  }

  /** Writes nothing more and tells nobody. What is written stays. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const { timer } of this.#links.values()) timer?.cancel();
    this.#callbacks.clear();
  }

  #remember(id: NodeId, damper: FlapDamper, nowMs: number): void {
    this.#dampers.set(id, damper);
    for (const [oldest, each] of this.#dampers) {
      if (!each.isForgotten(nowMs)) break;
      this.#dampers.delete(oldest);
    }
  }

  #refresh(id: NodeId, link: OwnLink): void {
    const nowMs = this.#init.clock.now();
    const cost = link.cost.advertised(nowMs);
    const isSteady = nowMs >= link.damper.steadyAt;
    this.#arm(id, link, nowMs);
    if (cost === link.toldCost && isSteady === link.isSteady) return;
    link.toldCost = cost;
    link.isSteady = isSteady;
    if (isSteady) this.#list(id, { id, cost, kind: link.kind });
    this.#tell(id);
  }

  /** Comes back when something will change by itself. */
  #arm(id: NodeId, link: OwnLink, nowMs: number): void {
    const steadyAt = link.damper.steadyAt > nowMs ? link.damper.steadyAt : Infinity;
    const at = Math.min(link.cost.nextChangeAt ?? Infinity, steadyAt);
    link.timer?.cancel();
    if (this.#closed || at === Infinity) return;
    link.timer = this.#init.clock.setTimer(at - nowMs, () => this.#refresh(id, link));
  }

  #tell(id: NodeId): void {
    this.#callbacks.tell(id);
  }

  #list(id: NodeId, entry: Neighbour | undefined): void {
    const index = fragmentOf(id, this.#fragments.length);
    const fragment = this.#fragments[index]!;
    if (entry === undefined && !fragment.delete(id)) return;
    if (entry !== undefined) fragment.set(id, entry);
    this.#due.add(index);
    const next = fragmentCounts[fragmentCounts.indexOf(this.#fragments.length) + 1];
    if (fragment.size > comfortableEntries && next !== undefined) this.#spread(next);
    this.#schedule(entry === undefined);
  }

  #spread(count: number): void {
    const entries = this.#fragments.flatMap((fragment) => [...fragment]);
    this.#fragments = Array.from({ length: count }, () => new Map<NodeId, Neighbour>());
    for (const [id, entry] of entries) this.#fragments[fragmentOf(id, count)]!.set(id, entry);
    for (let index = 0; index < count; index += 1) this.#due.add(index);
  }

  #schedule(isLoss: boolean): void {
    if (this.#closed) return;
    const { clock } = this.#init;
    if (this.#isScheduled) {
      if (!isLoss || !this.#isGathering) return;
      this.#isGathering = false;
      this.#timer?.cancel();
      clock.defer(() => this.#writeScheduled());
      return;
    }
    this.#isScheduled = true;
    const limitedMs = this.#bucket.take(1);
    const gatheringMs = this.#writtenAt + gatherMs - clock.now();
    this.#isGathering = !isLoss && limitedMs === 0 && gatheringMs > 0;
    const waitMs = this.#isGathering ? gatheringMs : limitedMs;
    if (waitMs === 0) clock.defer(() => this.#writeScheduled());
    else this.#timer = clock.setTimer(waitMs, () => this.#writeScheduled());
  }

  #writeScheduled(): void {
    this.#isScheduled = false;
    this.#owesLoss = this.#links.size === 0;
    if (!this.#closed && (this.#owesLoss || !this.#write())) this.#bucket.give();
  }

  /** Whether anything was new. */
  #write(): boolean {
    const { store, refused, clock } = this.#init;
    let isNew = false;
    // The highest first: where neighbours move to other fragments, they are in two for a moment instead of in none.
    for (const index of [...this.#due].sort((a, b) => b - a)) {
      const slot = adjacencySlot(index);
      const before = store.get(store.self, slot);
      const neighbours = [...this.#fragments[index]!.values()];
      if (neighbours.length === 0 && before === undefined) {
        this.#due.delete(index);
        continue;
      }
      try {
        isNew = store.put(slot, encodeAdjacency(neighbours.slice(0, maxFragmentEntries))) !== before || isNew;
        this.#due.delete(index);
      } catch (error) {
        refused?.(error);
      }
    }
    if (isNew) this.#writtenAt = clock.now();
    return isNew;
  }
}
