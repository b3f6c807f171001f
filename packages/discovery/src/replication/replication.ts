import type { Clock, RandomSource, Timer } from "@astranet/transport";
import type { Reachability } from "../reachability.ts";
import type { StoredRecord } from "../record.ts";
import type { RecordCell } from "../record-cell.ts";
import type { MergeResult, RecordStore } from "../record-store.ts";
import { OriginCollector } from "./origin-collector.ts";
import { OwnChanges } from "./own-changes.ts";
import { ReplicaLink, type ReplicaHost, type ReplicaPeer } from "./replica-link.ts";

/** What a Replication is made with. */
export interface ReplicationOptions {
  readonly store: RecordStore;
  /** Which origins can be reached: others are not told of to neighbours that ask, and forgotten in the end. */
  readonly reachability: Reachability;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Whether this node tells neighbours of others than itself, as nodes do that relay. May change; call `announce` then. */
  readonly forwards: () => boolean;
  /** New records that a neighbour may send a second before it is read more slowly. Default 1,000. */
  readonly recordsPerSecond?: number;
  /** What is known of an origin that cannot be reached is forgotten after so long. Default 90,000. */
  readonly forgetAfterMs?: number;
}

/** What a Replication has counted. */
export interface ReplicationStats {
  /** Records that came by comparing digests, because a flood had missed them. */
  readonly repairs: number;
}

/** Changes that come while … milliseconds have not passed since others left wait until then, and leave together. */
const batchMs = 20;
/** Origins that come back are many at once, when a partition heals: neighbours compare once, so long after the first. */
const announceAfterMs = 500;

/** Keeps a node's store the same as its neighbours': floods what is new, and repairs what a flood missed by comparing digests. Pure: a ReplicaLink for each link carries messages in and out. */
export class Replication {
  readonly #store: RecordStore;
  readonly #clock: Clock;
  readonly #host: ReplicaHost;
  readonly #links = new Set<ReplicaLink>();
  readonly #collector: OriginCollector;
  readonly #ownChanges: OwnChanges;
  readonly #unsubscribe: () => void;
  /** The link that the record came by which is being merged. */
  #from: ReplicaLink | undefined;
  #flushing = false;
  #flushTimer: Timer | undefined;
  #flushedAt = -Infinity;
  #announceTimer: Timer | undefined;
  #repairs = 0;
  #closed = false;

  constructor(options: ReplicationOptions) {
    const { store, reachability, clock, random, forwards, recordsPerSecond = 1000, forgetAfterMs } = options;
    this.#store = store;
    this.#clock = clock;
    this.#host = {
      store,
      clock,
      random,
      recordsPerSecond,
      forwards,
      merge: (record, link) => this.#merge(record, link),
      repaired: () => (this.#repairs += 1),
      closed: (link) => this.#links.delete(link),
    };
    this.#ownChanges = new OwnChanges(clock, (slots) => this.#tellOwn(slots));
    this.#collector = new OriginCollector({
      store,
      reachability,
      clock,
      ...(forgetAfterMs === undefined ? {} : { forgetAfterMs }),
      returned: (origin, sinceMs, before) => this.#returned(origin, sinceMs, before),
    });
    this.#unsubscribe = store.subscribe((origin, record) => {
      if (record !== undefined) this.#changed(origin, record);
      // This node's own places stay when it takes another incarnation.
      else if (origin !== store.self) for (const link of this.#links) link.forget(origin);
    });
  }

  get stats(): ReplicationStats {
    return { repairs: this.#repairs };
  }

  /** A link is up. It begins with what this node says of itself, and a digest of all that it would tell; after `close` it is over from the start. */
  connect(peer: ReplicaPeer): ReplicaLink {
    const link = new ReplicaLink(this.#host, peer);
    if (this.#closed) link.close();
    else this.#links.add(link);
    return link;
  }

  /** Lets the neighbours compare now: whether this node forwards has changed, for instance. */
  announce(): void {
    for (const link of this.#links) link.announce();
  }

  /** What waits to be flooded, link by link, of one origin or of all: one version of a slot at most. @internal */
  *waiting(origin?: string): IterableIterator<{ readonly peer: string; readonly records: Iterable<StoredRecord> }> {
    for (const link of this.#links) yield { peer: link.peer.id, records: link.waiting(origin) };
  }

  /** Ends all links. The store stays. */
  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#flushTimer?.cancel();
    this.#announceTimer?.cancel();
    this.#collector.close();
    this.#ownChanges.close();
    for (const link of this.#links) link.close();
  }

  #merge(record: StoredRecord, link: ReplicaLink): MergeResult {
    this.#from = link;
    try {
      return this.#store.merge(record);
    } finally {
      this.#from = undefined;
    }
  }

  #changed(origin: string, record: StoredRecord): void {
    if (origin === this.#store.self) {
      this.#ownChanges.changed(record.slot);
      return;
    }
    const cell = this.#store.cell(origin, record.slot);
    const from = this.#from;
    if (cell !== undefined && this.#host.forwards()) this.#spread([cell], (link) => link !== from);
  }

  #tellOwn(slots: readonly number[]): void {
    // A node's own slots are never deleted.
    const cells = slots.map((slot) => this.#store.cell(this.#store.self, slot)!);
    this.#spread(cells, () => true);
  }

  #spread(cells: readonly RecordCell[], concerns: (link: ReplicaLink) => boolean): void {
    const links = [...this.#links].filter(concerns);
    for (const link of links) for (const cell of cells) link.add(cell);
    if (links.length > 0) this.#flushSoon();
  }

  /** The changes of one tick leave together; the first at once, and what follows closely in batches. */
  #flushSoon(): void {
    if (this.#flushing || this.#links.size === 0) return;
    this.#flushing = true;
    const flush = (): void => {
      this.#flushing = false;
      this.#flushedAt = this.#clock.now();
      for (const link of this.#links) link.flush();
    };
    const waitMs = this.#flushedAt + batchMs - this.#clock.now();
    if (waitMs <= 0) this.#clock.defer(flush);
    else this.#flushTimer = this.#clock.setTimer(waitMs, flush);
  }

  #returned(origin: string, sinceMs: number, before: boolean): void {
    if (!this.#host.forwards()) return;
    // Neighbours that came while it was hushed have not heard of it.
    this.#spread([...this.#store.cells(origin)], (link) => link.sinceMs >= sinceMs);
    // Others may have forgotten it meanwhile.
    if (before) this.#announceSoon();
  }

  #announceSoon(): void {
    this.#announceTimer ??= this.#clock.setTimer(announceAfterMs, () => {
      this.#announceTimer = undefined;
      this.announce();
    });
  }
}
