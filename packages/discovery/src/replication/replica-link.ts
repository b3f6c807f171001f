import { AstraError, TokenBucket, type Clock, type RandomSource, type Timer } from "@astranet/transport";
import { concat } from "../bytes.ts";
import { readRecords, type StoredRecord } from "../record.ts";
import type { RecordCell } from "../record-cell.ts";
import type { MergeResult, RecordStore } from "../record-store.ts";
import { drawUnit } from "../select.ts";
import { StoreDigest, bucketOf, type Digest } from "../store-digest.ts";
import { DigestWatch } from "./digest-watch.ts";
import { DueCells } from "./due-cells.ts";
import {
  differingBuckets,
  digestMessage,
  encodeList,
  encodeWantEntry,
  maxListEntries,
  maxPackedBytes,
  packedOf,
  parseDigest,
  readList,
  readWants,
  type ListEntry,
  type ReplicaMessage,
} from "./replica-message.ts";

/** The neighbour at the other end of a ReplicaLink. */
export interface ReplicaPeer {
  readonly id: string;
  /** Whether it may tell of others than itself. Default: it may. */
  readonly forwards?: () => boolean;
  /** There is something to send: call `next` until it gives nothing. Never called from within `next` or `receive`. */
  readonly wake: () => void;
  /** One of its records was refused, because a limit of the store is reached. */
  readonly refused?: (error: AstraError) => void;
}

/** What a ReplicaLink needs of its node. */
export interface ReplicaHost {
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly recordsPerSecond: number;
  /** Whether this node tells its neighbours of others than itself. */
  forwards(): boolean;
  /** Merges a record that this link brought. */
  merge(record: StoredRecord, link: ReplicaLink): MergeResult;
  /** A record came that a flood had missed. */
  repaired(): void;
  closed(link: ReplicaLink): void;
}

/** Between two digests, without a fifth of it more or less. */
const digestEveryMs = 30_000;
const digestJitter = 0.2;
/** After a digest that differs, before it is asked for again. */
const askAgainAfterMs = 1000;
/** What answering a request costs, as if it had been so many new records: each may set off work that grows with the store. */
const requestCost = 20;
/** Origins that wait to be asked for, or were asked for to repair; what is beyond is found again at the next digest, or is not counted. */
const maxWants = 65_536;

/** Replication with one neighbour. Pure: messages go in by `receive` and come out of `next`. */
export class ReplicaLink {
  readonly peer: ReplicaPeer;
  readonly sinceMs: number;
  readonly #host: ReplicaHost;
  readonly #due = new DueCells();
  readonly #watch = new DigestWatch();
  readonly #bucket: TokenBucket;
  readonly #wants = new Set<string>();
  /** Asked for because digests differed, on a link that was up. */
  readonly #asked = new Set<string>();
  #listing: { readonly buckets: Set<number>; readonly origins: Iterator<string> } | undefined;
  #digestDue = true;
  #askDue = false;
  /** What the peer's digest was about, while our buckets are due. */
  #bucketsDue: { readonly full: boolean } | undefined;
  #repairing = false;
  #digestTimer: Timer;
  #askTimer: Timer | undefined;
  #waking = false;
  #closed = false;

  constructor(host: ReplicaHost, peer: ReplicaPeer) {
    this.#host = host;
    this.peer = peer;
    const { store, clock, recordsPerSecond } = host;
    this.sinceMs = clock.now();
    this.#bucket = new TokenBucket(clock, recordsPerSecond, recordsPerSecond);
    for (const cell of store.cells(store.self)) this.#due.add(cell);
    this.#digestTimer = this.#armDigest();
    this.#wake();
  }

  /** The next message to send; undefined when there is none now. */
  next(): ReplicaMessage | undefined {
    if (this.#closed) return undefined;
    const { store } = this.#host;
    const changes = this.#due.takeChanges();
    if (changes !== undefined) return { t: "records", r: changes };
    if (this.#wants.size > 0) return { t: "want", w: this.#takeWants() };
    if (this.#bucketsDue !== undefined) return { t: "buckets", b: this.#takeBuckets(this.#bucketsDue.full) };
    const list = this.#takeList();
    if (list !== undefined) return { t: "list", l: list };
    const records = this.#due.takeOfEverything(store);
    if (records !== undefined) return { t: "records", r: records };
    // Last, so that it tells of nothing that is only under way.
    if (this.#digestDue) return this.#takeDigest();
    return undefined;
  }

  /**
   * Takes in a message, and says for how many milliseconds to read nothing more of the peer. Throws ERR_ASTRANET_PROTOCOL for a
   * malformed one, before anything of it has had an effect.
   */
  receive(message: ReplicaMessage): number {
    if (this.#closed) return 0;
    switch (message.t) {
      case "records":
        return this.#bucket.take(this.#takeRecords(packedOf(message, "r")));
      case "digest":
        this.#compare(message);
        break;
      case "buckets":
        this.#listWhatDiffers(packedOf(message, "b"));
        break;
      case "list":
        this.#wantWhatIsMissing(packedOf(message, "l"));
        break;
      case "want":
        this.#answer(packedOf(message, "w"));
        break;
    }
    return this.#bucket.take(requestCost);
  }

  /** The link is over. */
  close(): void {
    this.#closed = true;
    this.#digestTimer.cancel();
    this.#askTimer?.cancel();
    this.#host.closed(this);
  }

  /** A place to send; it leaves with the next flush. */
  add(cell: RecordCell): void {
    this.#due.add(cell);
  }

  /** An origin was dropped, or began a new life: what was to be sent of it is void. */
  forget(origin: string): void {
    this.#due.forget(origin);
  }

  /** What waits to be flooded to the peer, of one origin or of all. @internal */
  waiting(origin?: string): IterableIterator<StoredRecord> {
    return this.#due.waiting(origin);
  }

  /** What was added leaves now. */
  flush(): void {
    if (!this.#due.isEmpty) this.#wake();
  }

  /** The peer should compare, sooner than it would. */
  announce(): void {
    this.#digestDue = true;
    this.#wake();
  }

  get #isFull(): boolean {
    return this.#host.forwards();
  }

  /** What two nodes tell each other that do not forward: of this node and of the peer. What it holds of the peer may be from an earlier life. */
  get #ends(): readonly string[] {
    return [this.#host.store.self, this.peer.id];
  }

  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    this.#host.clock.defer(() => {
      this.#waking = false;
      if (!this.#closed) this.peer.wake();
    });
  }

  #armDigest(): Timer {
    const { clock, random } = this.#host;
    const delayMs = digestEveryMs * (1 - digestJitter + 2 * digestJitter * drawUnit(random));
    return clock.setTimer(delayMs, () => {
      this.announce();
      this.#digestTimer = this.#armDigest();
    });
  }

  #takeRecords(bytes: Uint8Array): number {
    const { store } = this.#host;
    let cost = 0;
    for (const record of readRecords(bytes)) {
      if (record.origin !== this.peer.id && record.origin !== store.self && this.peer.forwards?.() === false) continue;
      try {
        const result = this.#host.merge(record, this);
        if (result === "known" || result === "new") {
          // The peer has what is stored now, also where an older version waited for it.
          const cell = store.cell(record.origin, record.slot);
          if (cell !== undefined) this.#due.delete(cell);
        }
        if (result === "new" || result === "defended") {
          cost += 1;
          if (this.#asked.has(record.origin)) this.#host.repaired();
        }
      } catch (error) {
        if (!AstraError.is(error, "ERR_ASTRANET_OVERLOAD")) throw error;
        cost += 1;
        this.peer.refused?.(error);
      }
    }
    return cost;
  }

  #compare(message: ReplicaMessage): void {
    const { store } = this.#host;
    const { digest, full, held, ask } = parseDigest(message);
    if (ask) this.announce();
    const first = this.#watch.isFirst;
    if (first && this.#isFull && held * 2 < store.digest.count) {
      // It lacks more than half: sending everything takes at most twice the bytes, and saves a round trip and the comparing.
      this.#due.addEverything(store);
      this.announce();
    }
    const comes = full && store.size * 2 < digest.count;
    const verdict = this.#watch.judge(digest, this.#expected(full), { ask, comes });
    // Asking again was to find out just this.
    if (verdict === "same" || verdict === "pull") this.#askTimer?.cancel();
    if (verdict === "same") this.#asked.clear();
    else if (verdict === "ask-again") this.#askAgainSoon();
    else if (verdict === "pull") {
      this.#repairing = !first;
      this.#asked.clear();
      this.#bucketsDue = { full };
      this.#wake();
    }
  }

  /** The digests of a peer of which we lack nothing: it has what we have, or not yet what is ours. */
  #expected(full: boolean): Digest[] {
    const { store } = this.#host;
    const own = store.digestOf(store.self)!;
    const peer = store.digestOf(this.peer.id) ?? none;
    const ends = sum(own, peer);
    const all = store.digest;
    return full ? [all, { hi: (all.hi ^ own.hi) >>> 0, lo: (all.lo ^ own.lo) >>> 0, count: all.count - own.count }, ends, peer] : [ends, peer];
  }

  #askAgainSoon(): void {
    this.#askTimer?.cancel();
    this.#askTimer = this.#host.clock.setTimer(askAgainAfterMs, () => {
      this.#askDue = true;
      this.announce();
    });
  }

  #takeDigest(): ReplicaMessage {
    const { store } = this.#host;
    const full = this.#isFull;
    const ask = this.#askDue;
    this.#digestDue = false;
    this.#askDue = false;
    const digest = full ? store.digest : this.#ends.reduce((all, origin) => sum(all, store.digestOf(origin) ?? none), none);
    return digestMessage({ digest, full, held: store.size, ask });
  }

  #takeBuckets(full: boolean): Uint8Array {
    this.#bucketsDue = undefined;
    return this.#bucketsOf(full);
  }

  #bucketsOf(full: boolean): Uint8Array {
    const { store } = this.#host;
    if (full) return store.buckets();
    const digest = new StoreDigest();
    for (const origin of this.#ends) {
      const known = store.digestOf(origin);
      if (known !== undefined) digest.toggle(bucketOf(origin), known, known.count);
    }
    return digest.encode();
  }

  #listWhatDiffers(theirs: Uint8Array): void {
    const full = this.#isFull;
    const buckets = differingBuckets(theirs, this.#bucketsOf(full));
    if (buckets.size === 0) return;
    for (const bucket of this.#listing?.buckets ?? []) buckets.add(bucket);
    this.#listing = { buckets, origins: full ? this.#host.store.origins() : this.#ends.values() };
    this.#wake();
  }

  #takeList(): Uint8Array | undefined {
    const { store } = this.#host;
    const entries: ListEntry[] = [];
    while (this.#listing !== undefined && entries.length < maxListEntries) {
      const { buckets, origins } = this.#listing;
      const next = origins.next();
      if (next.done === true) {
        this.#listing = undefined;
        break;
      }
      const origin = next.value;
      const incarnation = store.incarnationOf(origin);
      if (incarnation !== undefined && this.#tells(origin) && buckets.has(bucketOf(origin))) entries.push({ origin, incarnation, ...store.digestOf(origin)! });
    }
    return entries.length === 0 ? undefined : encodeList(entries);
  }

  /** Whether the peer is told of an origin when it asks. */
  #tells(origin: string): boolean {
    return this.#ends.includes(origin) || (this.#isFull && this.#host.store.advertised(origin));
  }

  #wantWhatIsMissing(bytes: Uint8Array): void {
    const { store } = this.#host;
    for (const { origin, incarnation, hi, lo } of readList(bytes)) {
      if (!this.#ends.includes(origin) && this.peer.forwards?.() === false) continue;
      const mine = this.#lifeOf(origin);
      const digest = store.digestOf(origin);
      if (mine > incarnation || (mine === incarnation && digest?.hi === hi && digest.lo === lo)) continue;
      if (this.#wants.size < maxWants) this.#wants.add(origin);
    }
    if (this.#wants.size > 0) this.#wake();
  }

  /** What we have by now of the origins that we want. */
  #takeWants(): Uint8Array {
    const { store } = this.#host;
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const origin of this.#wants) {
      const part = encodeWantEntry(origin, store.incarnationOf(origin), [...store.cells(origin)]);
      if (length + part.length > maxPackedBytes) break;
      this.#wants.delete(origin);
      if (this.#repairing && this.#asked.size < maxWants) this.#asked.add(origin);
      parts.push(part);
      length += part.length;
    }
    return concat(parts);
  }

  #answer(bytes: Uint8Array): void {
    const { store } = this.#host;
    const answered = new Set<string>();
    for (const { origin, incarnation, versions } of readWants(bytes)) {
      // Once for each: what a message costs is to grow with the store, not with how often it names the largest origin.
      if (answered.has(origin)) continue;
      answered.add(origin);
      const mine = this.#lifeOf(origin);
      if (mine < incarnation || !this.#tells(origin)) continue;
      for (const cell of store.cells(origin)) {
        const theirs = mine > incarnation ? undefined : versions.get(cell.record.slot);
        if (theirs === undefined || theirs.seq < cell.record.seq || (theirs.seq === cell.record.seq && theirs.lo !== cell.hash.lo)) this.#due.add(cell);
      }
    }
    this.flush();
  }

  /** The incarnation that is stored of an origin; less than any where nothing is. */
  #lifeOf(origin: string): bigint {
    return this.#host.store.incarnationOf(origin) ?? -1n;
  }
}

const none: Digest = { hi: 0, lo: 0, count: 0 };

function sum(a: Digest, b: Digest): Digest {
  return { hi: (a.hi ^ b.hi) >>> 0, lo: (a.lo ^ b.lo) >>> 0, count: a.count + b.count };
}
