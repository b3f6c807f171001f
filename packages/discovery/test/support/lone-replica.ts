import type { AstraError, RandomSource } from "@astranet/transport";
import { RecordStore, Replication, encodeRecord, type RecordStoreLimits, type ReplicaLink, type ReplicaMessage, type StoredRecord } from "@astranet/discovery";
import { readRecords } from "../../src/record.ts";
import { DecreedReachability, HandClock, idOf, seededRandom } from "./world.ts";

/** What a {@link LoneReplica} is made with. */
export interface LoneReplicaInit {
  readonly forwards?: boolean;
  readonly limits?: Partial<RecordStoreLimits>;
  readonly recordsPerSecond?: number;
  readonly forgetAfterMs?: number;
  readonly random?: RandomSource;
}

/** Node 1, whose neighbours are the test: what they say is said by hand, and what they are sent lies there until it is looked at. */
export class LoneReplica {
  readonly clock = new HandClock();
  readonly store: RecordStore;
  readonly replication: Replication;
  readonly reachability = new DecreedReachability();

  constructor({ forwards = true, limits, random = seededRandom(1), ...rest }: LoneReplicaInit = {}) {
    const { clock, reachability } = this;
    this.store = new RecordStore({ self: idOf(1), incarnation: 1n, clock, ...(limits === undefined ? {} : { limits }) });
    this.replication = new Replication({ store: this.store, clock, random, reachability, forwards: () => forwards, ...rest });
  }

  /** A link to node `n`, with nothing left to say. */
  link(n: number, peer: { readonly forwards?: () => boolean; readonly refused?: (error: AstraError) => void } = {}): HandLink {
    const link = new HandLink(this, n, peer);
    this.clock.advance(0);
    link.sent();
    link.wokenAt.length = 0;
    return link;
  }

  /** Knows, and can reach, what these nodes said. */
  know(...records: readonly StoredRecord[]): void {
    for (const record of records) {
      this.reachability.setQuietly(record.origin, 1);
      this.store.merge(record);
    }
    this.clock.advance(0);
  }
}

/** One end of a link. */
export class HandLink {
  readonly link: ReplicaLink;
  /** When it said that there is something to send. */
  readonly wokenAt: number[] = [];

  constructor({ replication, clock }: LoneReplica, n: number, peer: { readonly forwards?: () => boolean; readonly refused?: (error: AstraError) => void } = {}) {
    this.link = replication.connect({ id: idOf(n), wake: () => this.wokenAt.push(clock.now()), ...peer });
  }

  /** All that it has to send by now. */
  sent(): ReplicaMessage[] {
    const messages: ReplicaMessage[] = [];
    for (let message = this.link.next(); message !== undefined; message = this.link.next()) messages.push(message);
    return messages;
  }

  kinds(): string[] {
    return this.sent().map(({ t }) => t);
  }

  /** The records that it has to send by now, as `node/slot/seq`. */
  records(): string[] {
    return this.sent().flatMap(({ r }) => (r === undefined ? [] : readRecords(r as Uint8Array).map(nameOf)));
  }

  /** The neighbour sends records. */
  tell(...records: readonly StoredRecord[]): number {
    return this.link.receive({ t: "records", r: Uint8Array.from(records.flatMap((record) => [...encodeRecord(record)])) });
  }
}

export function record(n: number | string, slot = 0, seq = 1, payload: Uint8Array = Uint8Array.of(seq), incarnation = 1n): StoredRecord {
  return { origin: typeof n === "string" ? n : idOf(n), incarnation, slot, seq, flags: 0, payload };
}

function nameOf({ origin, slot, seq }: StoredRecord): string {
  return `${Number.parseInt(origin.slice(1), 16)}/${slot}/${seq}`;
}
