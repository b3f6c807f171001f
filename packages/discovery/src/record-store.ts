import { AstraError, Subscribers, systemClock, type Clock } from "@astranet/transport";
import { sameBytes } from "./bytes.ts";
import { RecordCell } from "./record-cell.ts";
import { compareVersions, maxIncarnation, maxPayloadBytes, recordHeaderBytes, type StoredRecord } from "./record.ts";
import type { Hash64 } from "./sip-hash.ts";
import { StoreDigest, bucketOf, type Digest } from "./store-digest.ts";
import { SupersedeWatch } from "./supersede-watch.ts";

/** The limits of a store; beyond each, `merge` refuses with a typed error and keeps what it had. */
export interface RecordStoreLimits {
  /** Everything together; beyond it unknown origins are refused, known ones may still change. Default 64 MiB. */
  readonly maxBytes: number;
  /** Of one origin. Default 512 KiB. */
  readonly maxBytesPerOrigin: number;
  /** Slots of one kind of one origin. Default 256, which is all that a slot's number can say. */
  readonly maxSlotsPerKind: number;
  /** Origins. Default 65,536. */
  readonly maxOrigins: number;
}

/** What a RecordStore is made with. */
export interface RecordStoreOptions {
  /** This node: the one origin that it writes for. */
  readonly self: string;
  /** This life of the node; larger than that of every life before. */
  readonly incarnation: bigint;
  readonly limits?: Partial<RecordStoreLimits>;
  /**
   * Another process lives under the same id, and is the younger one: this one has to go. Called once; from then on the store does not
   * defend itself any more. Default: nothing.
   */
  readonly onsuperseded?: (error: AstraError) => void;
  /** Only to tell how often this node had to defend itself lately. Default: the real one. */
  readonly clock?: Clock;
}

/**
 * What became of a record: `new` (stored; hand it on), `known` (had it already), `old` (something newer is stored), or `defended`
 * (somebody spoke for this node with a newer version; the node has taken a newer incarnation and all its records have been written again).
 */
export type MergeResult = "new" | "known" | "old" | "defended";

/** Tells that slots of an origin changed: `undefined` is all of them, for a new incarnation or an origin that was dropped. */
export type StoreCallback = (origin: string, record: StoredRecord | undefined) => void;

/** One life of an origin. */
interface Origin {
  incarnation: bigint;
  bytes: number;
  readonly cells: Map<number, RecordCell>;
  readonly slotsOfKind: Map<number, number>;
  /** The XOR of its records' hashes. */
  readonly hash: Hash64;
  /** Whether it is in the digests. */
  advertised: boolean;
}

const maxSeq = 0xff_ff_ff_ff;

const defaults: RecordStoreLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxBytesPerOrigin: 512 * 1024,
  maxSlotsPerKind: 256,
  maxOrigins: 65_536,
};

/**
 * The replicated records: per origin one incarnation, per slot the newest version. It knows nothing of what they mean.
 * Merging is commutative, associative and idempotent, so the order and number of deliveries do not matter; a stored version never goes back.
 */
export class RecordStore {
  readonly self: string;
  /** With which incarnation this life of the node began. */
  readonly firstIncarnation: bigint;
  readonly #limits: RecordStoreLimits;
  readonly #origins = new Map<string, Origin>();
  readonly #callbacks = new Subscribers<Parameters<StoreCallback>>();
  readonly #digest = new StoreDigest();
  readonly #supersede: SupersedeWatch;
  #bytes = 0;
  #count = 0;

  constructor(options: RecordStoreOptions) {
    if (!/^[0-9a-f]{16}$/.test(options.self)) throw new AstraError("EINVAL", `a store's self is a node id, not ${JSON.stringify(options.self)}`);
    if (options.incarnation < 0n || options.incarnation > maxIncarnation) {
      throw new AstraError("EINVAL", `incarnation ${options.incarnation} is not between 0 and 2^63`);
    }
    this.self = options.self;
    this.firstIncarnation = options.incarnation;
    this.#limits = { ...defaults, ...options.limits };
    this.#supersede = new SupersedeWatch(options.clock ?? systemClock, options.self, options.onsuperseded);
    this.#origins.set(this.self, emptyOrigin(options.incarnation, true));
  }

  /** This node's incarnation now; self-defence raises it. */
  get incarnation(): bigint {
    return this.#own.incarnation;
  }

  /** Whether a younger process under the same id has taken this one's place. */
  get superseded(): boolean {
    return this.#supersede.superseded;
  }

  /** What the stored records take on the wire, in bytes. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** How many records are stored. */
  get size(): number {
    return this.#count;
  }

  /** All origins of which something is known, this node included. */
  origins(): IterableIterator<string> {
    return this.#origins.keys();
  }

  /** The incarnation of an origin; undefined for an unknown one. */
  incarnationOf(origin: string): bigint | undefined {
    return this.#origins.get(origin)?.incarnation;
  }

  get(origin: string, slot: number): StoredRecord | undefined {
    return this.#origins.get(origin)?.cells.get(slot)?.record;
  }

  /** The records of one origin, or all of them. */
  *records(origin?: string): IterableIterator<StoredRecord> {
    if (origin === undefined) for (const each of this.#origins.keys()) yield* this.records(each);
    else for (const { record } of this.cells(origin)) yield record;
  }

  /** Where the records of one origin lie. */
  cells(origin: string): IterableIterator<RecordCell> {
    return (this.#origins.get(origin)?.cells ?? noCells).values();
  }

  cell(origin: string, slot: number): RecordCell | undefined {
    return this.#origins.get(origin)?.cells.get(slot);
  }

  /** Of one origin's records; undefined for an unknown one. */
  digestOf(origin: string): Digest | undefined {
    const known = this.#origins.get(origin);
    return known === undefined ? undefined : { hi: known.hash.hi >>> 0, lo: known.hash.lo >>> 0, count: known.cells.size };
  }

  /** Of all advertised records. */
  get digest(): Digest {
    return this.#digest.value;
  }

  /** The same, by the origins' first bytes: 256 × u64. */
  buckets(): Uint8Array {
    return this.#digest.encode();
  }

  /** Whether an origin is told to neighbours that ask what there is. */
  advertised(origin: string): boolean {
    return this.#origins.get(origin)?.advertised ?? false;
  }

  /** Takes an origin into the digests (as every origin is at first), or leaves it out. Its records stay. */
  advertise(origin: string, advertised: boolean): void {
    const known = this.#origins.get(origin);
    if (known === undefined || known.advertised === advertised || origin === this.self) return;
    known.advertised = advertised;
    this.#digest.toggle(bucketOf(origin), known.hash, advertised ? known.cells.size : -known.cells.size);
  }

  /** Writes one of this node's own slots; does nothing when it says the same already. Throws EINVAL beyond the limits. */
  put(slot: number, payload: Uint8Array): StoredRecord {
    const own = this.#own;
    const before = own.cells.get(slot)?.record;
    if (before !== undefined && sameBytes(before.payload, payload)) return before;
    if (before?.seq === maxSeq) this.#rewrite(own.incarnation + 1n);
    const record: StoredRecord = {
      origin: this.self,
      incarnation: this.#own.incarnation,
      slot,
      seq: Math.min((this.#own.cells.get(slot)?.record.seq ?? 0) + 1, maxSeq),
      flags: 0,
      payload,
    };
    const refusal = this.#refusal(record, this.#own, before);
    if (refusal !== undefined) throw new AstraError("EINVAL", `slot ${slot} cannot be written: ${refusal}`);
    return this.#set(this.#own, record);
  }

  /**
   * Takes in a record that somebody sent, as a copy. Throws, and changes nothing: ERR_ASTRANET_PROTOCOL for an impossible record,
   * ERR_ASTRANET_OVERLOAD beyond a limit.
   */
  merge(record: StoredRecord): MergeResult {
    if (record.incarnation > maxIncarnation) throw new AstraError("ERR_ASTRANET_PROTOCOL", `a record of ${record.origin} has an incarnation beyond 2^63`);
    if (record.payload.length > maxPayloadBytes) throw new AstraError("ERR_ASTRANET_PROTOCOL", `a record of ${record.origin} has more than ${maxPayloadBytes} bytes`);
    const known = this.#origins.get(record.origin);
    if (record.origin === this.self) return this.#mergeOwn(record, this.#own);
    if (known === undefined || record.incarnation > known.incarnation) return this.#mergeNewLife(record, known);
    if (record.incarnation < known.incarnation) return "old";
    const before = known.cells.get(record.slot)?.record;
    const order = before === undefined ? 1 : compareVersions(record, before);
    if (order === 0) return "known";
    if (order < 0) return "old";
    this.#check(record, known, before);
    this.#set(known, record);
    return "new";
  }

  /** Forgets an origin, when it has been unreachable for long. One that returns tells everything anew. */
  drop(origin: string): boolean {
    const known = this.#origins.get(origin);
    if (known === undefined || origin === this.self) return false;
    this.#remove(origin, known);
    this.#origins.delete(origin);
    this.#tell(origin, undefined);
    return true;
  }

  /** Calls `callback` after each change, synchronously. Returns what ends it: from then on it is not called any more, not even for the change that is being told. */
  subscribe(callback: StoreCallback): () => void {
    return this.#callbacks.add(callback);
  }

  get #own(): Origin {
    return this.#origins.get(this.self)!;
  }

  #mergeOwn(record: StoredRecord, own: Origin): MergeResult {
    const mine = own.cells.get(record.slot)?.record;
    if (record.incarnation < own.incarnation) return "old";
    if (mine !== undefined) {
      const order = compareVersions(record, mine);
      if (order <= 0) return order === 0 ? "known" : "old";
    }
    if (!this.#supersede.mayDefend()) return "old";
    // An earlier life of this node whose clock was ahead, or a liar. Either way: outbid it.
    this.#rewrite(record.incarnation + 1n, record.seq);
    return "defended";
  }

  /** Takes a newer incarnation and writes all slots again under it; where there is none beyond, with versions above `seqBefore`. */
  #rewrite(wanted: bigint, seqBefore = 0): void {
    const own = this.#own;
    own.incarnation = wanted > maxIncarnation ? maxIncarnation : wanted;
    this.#tell(this.self, undefined);
    for (const { record } of [...own.cells.values()]) {
      const seq = (wanted > maxIncarnation ? Math.max(record.seq, seqBefore) : 0) + 1;
      this.#set(own, { ...record, incarnation: own.incarnation, seq: Math.min(seq, maxSeq) });
    }
  }

  #mergeNewLife(record: StoredRecord, known: Origin | undefined): MergeResult {
    if (known === undefined) {
      if (this.#origins.size >= this.#limits.maxOrigins) throw overload(`${this.#limits.maxOrigins} origins are known, ${record.origin} is one too many`);
      if (this.#bytes + size(record) > this.#limits.maxBytes) throw overload(`${this.#bytes} bytes are stored, there is no room for origin ${record.origin}`);
    }
    const fresh = emptyOrigin(record.incarnation, known?.advertised ?? true);
    this.#check(record, fresh, undefined);
    if (known !== undefined) this.#remove(record.origin, known);
    this.#origins.set(record.origin, fresh);
    if (known !== undefined) this.#tell(record.origin, undefined);
    this.#set(fresh, record);
    return "new";
  }

  #check(record: StoredRecord, origin: Origin, before: StoredRecord | undefined): void {
    const refusal = this.#refusal(record, origin, before);
    if (refusal !== undefined) throw overload(`a record of ${record.origin} is refused: ${refusal}`);
  }

  #refusal(record: StoredRecord, origin: Origin, before: StoredRecord | undefined): string | undefined {
    const { maxBytesPerOrigin, maxSlotsPerKind } = this.#limits;
    if (record.payload.length > maxPayloadBytes) return `${record.payload.length} bytes are more than ${maxPayloadBytes}`;
    const bytes = origin.bytes - (before === undefined ? 0 : size(before)) + size(record);
    if (bytes > maxBytesPerOrigin) return `its origin would hold ${bytes} bytes, ${maxBytesPerOrigin} are allowed`;
    if (before === undefined && (origin.slotsOfKind.get(record.slot >> 8) ?? 0) >= maxSlotsPerKind) return `its origin has ${maxSlotsPerKind} slots of that kind already`;
    return undefined;
  }

  #set(origin: Origin, record: StoredRecord): StoredRecord {
    let cell = origin.cells.get(record.slot);
    const bytesBefore = cell?.wire.length ?? 0;
    if (cell === undefined) {
      cell = new RecordCell(record);
      origin.cells.set(record.slot, cell);
      origin.slotsOfKind.set(record.slot >> 8, (origin.slotsOfKind.get(record.slot >> 8) ?? 0) + 1);
      this.#count += 1;
      this.#toggle(origin, record.origin, cell.hash, 1);
    } else {
      this.#toggle(origin, record.origin, cell.hash, 0);
      cell.set(record);
      this.#toggle(origin, record.origin, cell.hash, 0);
    }
    origin.bytes += cell.wire.length - bytesBefore;
    this.#bytes += cell.wire.length - bytesBefore;
    this.#tell(record.origin, cell.record);
    return cell.record;
  }

  #toggle(origin: Origin, id: string, hash: Hash64, countChange: number): void {
    origin.hash.hi ^= hash.hi;
    origin.hash.lo ^= hash.lo;
    if (origin.advertised) this.#digest.toggle(bucketOf(id), hash, countChange);
  }

  /** Everything that is counted of an origin is counted no more. */
  #remove(id: string, origin: Origin): void {
    for (const cell of origin.cells.values()) cell.live = false;
    this.#bytes -= origin.bytes;
    this.#count -= origin.cells.size;
    if (origin.advertised) this.#digest.toggle(bucketOf(id), origin.hash, -origin.cells.size);
  }

  #tell(origin: string, record: StoredRecord | undefined): void {
    this.#callbacks.tell(origin, record);
  }
}

const noCells: ReadonlyMap<number, RecordCell> = new Map();

function emptyOrigin(incarnation: bigint, advertised: boolean): Origin {
  return { incarnation, bytes: 0, cells: new Map(), slotsOfKind: new Map(), hash: { hi: 0, lo: 0 }, advertised };
}

function size(record: StoredRecord): number {
  return recordHeaderBytes + record.payload.length;
}

function overload(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_OVERLOAD", why);
}
