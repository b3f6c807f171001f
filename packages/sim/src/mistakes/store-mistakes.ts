import { RecordStore, recordKinds, type MergeResult, type RecordStoreOptions, type StoredRecord } from "@astranet/discovery";
import { AstraError, systemClock, type Clock } from "@astranet/transport";
import type { Tampering } from "../node/life.ts";
import type { Mistake } from "./mistake.ts";

class Undefended extends RecordStore {
  override merge(record: StoredRecord): MergeResult {
    return record.origin === this.self ? "old" : super.merge(record);
  }
}

class KeepsOldLives extends RecordStore {
  override merge(record: StoredRecord): MergeResult {
    const before = this.incarnationOf(record.origin);
    const left = before !== undefined && record.origin !== this.self && record.incarnation > before ? [...this.records(record.origin)] : [];
    const result = super.merge(record);
    for (const old of left) if (old.slot >> 8 === recordKinds.service && old.slot !== record.slot) super.merge({ ...old, incarnation: record.incarnation });
    return result;
  }
}

class LastComeWins extends RecordStore {
  override merge(record: StoredRecord): MergeResult {
    const result = super.merge(record);
    const known = this.get(record.origin, record.slot);
    if (result !== "old" || record.origin === this.self || known?.incarnation !== record.incarnation) return result;
    const others = [...this.records(record.origin)].filter(({ slot }) => slot !== record.slot);
    this.drop(record.origin);
    for (const each of [...others, record]) super.merge(each);
    return "new";
  }
}

class NeverCompares extends RecordStore {
  override get digest(): RecordStore["digest"] {
    return { hi: 0, lo: 0, count: 0 };
  }

  override digestOf(): RecordStore["digest"] {
    return { hi: 0, lo: 0, count: 0 };
  }
}

class CutsRecords extends RecordStore {
  override merge(record: StoredRecord): MergeResult {
    return super.merge(record.payload.length > 40 && record.origin !== this.self ? { ...record, payload: record.payload.slice(0, 40) } : record);
  }
}

class LosesWhatIsNew extends RecordStore {
  #count = 0;

  /** Refuses one in seven, and says that it knows it. */
  override merge(record: StoredRecord): MergeResult {
    this.#count += 1;
    return this.#count % 7 === 0 && record.origin !== this.self ? "known" : super.merge(record);
  }

  // And nobody finds out.
  override buckets(): Uint8Array {
    return new Uint8Array(2048);
  }
}

class GivesCopies extends RecordStore {
  override cell(origin: string, slot: number): ReturnType<RecordStore["cell"]> {
    const cell = super.cell(origin, slot);
    // As good as the one that is stored, until the next version comes.
    return cell === undefined ? undefined : Object.assign(Object.create(cell) as typeof cell, { record: cell.record, wire: cell.wire, hash: cell.hash });
  }
}

class GivesWayAtOnce extends RecordStore {
  readonly #options: RecordStoreOptions;

  constructor(options: RecordStoreOptions) {
    super(options);
    this.#options = options;
  }

  override merge(record: StoredRecord): MergeResult {
    const result = super.merge(record);
    if (result === "defended") this.#options.onsuperseded?.(new AstraError("ERR_ASTRANET_SUPERSEDED", "somebody speaks for this node"));
    return result;
  }
}

/** Each look at it is half a minute later than the last. */
function hastyClock(clock: Clock = systemClock): Clock {
  let looks = 0;
  return { now: () => clock.now() + 30_001 * (looks += 1), defer: (callback) => clock.defer(callback), setTimer: (...args) => clock.setTimer(...args) };
}

const withStore = (Store: typeof RecordStore): (() => Tampering) => () => ({ store: (options) => new Store(options) });

export const storeMistakes: readonly Mistake[] = [
  { name: "no-self-defence", says: "a node does not outbid what an earlier life of it, with its clock ahead, left behind", breaks: ["R4", "R5", "C4", "C8", "D2", "D3"], tampering: withStore(Undefended) },
  { name: "gives-way-at-once", says: "a node gives way to an earlier life of its own, whose clock was ahead", breaks: ["R5"], tampering: withStore(GivesWayAtOnce) },
  {
    name: "never-gives-way",
    says: "of two processes under one id neither gives way: they outbid each other for ever",
    breaks: ["R5"],
    tampering: () => ({ store: (options) => new RecordStore({ ...options, clock: hastyClock(options.clock) }) }),
  },
  { name: "old-life-kept", says: "services of an earlier life stay when a new one begins", breaks: ["R1"], tampering: withStore(KeepsOldLives) },
  { name: "last-come-wins", says: "an older version replaces a newer one when it comes later", breaks: ["R2", "R3"], tampering: withStore(LastComeWins) },
  { name: "no-digests", says: "neighbours never find out that their stores differ", breaks: ["C3", "C4", "R4"], tampering: withStore(NeverCompares) },
  { name: "cut-records", says: "long records are handed on shortened", breaks: ["R1"], tampering: withStore(CutsRecords) },
  { name: "lost-records", says: "a record in seven is dropped on receipt, and digests do not tell where", breaks: ["C3", "C4"], tampering: withStore(LosesWhatIsNew) },
  {
    name: "room-for-six",
    says: "the store keeps six origins, and refuses others without a word",
    breaks: ["C3", "C4"],
    tampering: () => ({ store: (options) => new RecordStore({ ...options, limits: { maxOrigins: 6 } }) }),
  },
  { name: "versions-queued", says: "each version of a record that a neighbour is to be sent waits for itself", breaks: ["C7"], tampering: withStore(GivesCopies) },
  {
    name: "third-party-death",
    says: "whoever cannot reach a node any more withdraws its services on its behalf",
    breaks: ["R1"],
    tampering: () => ({
      began: ({ router, store }) => {
        router.subscribe((event) => {
          if (event.type !== "reachability" || event.cost !== undefined) return;
          for (const record of [...store.records(event.id)]) if (record.slot >> 8 === recordKinds.service && record.payload.length > 0) store.merge({ ...record, seq: record.seq + 1, payload: new Uint8Array() });
        });
      },
    }),
  },
];
