import { decodeRecord, encodeRecord, recordHeaderBytes, type RecordStore, type StoredRecord } from "@astranet/discovery";
import { AstraError, type Clock, TokenBucket } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import type { ControlMessage } from "./control-codec.ts";

/** Records in one message, in bytes: the message stays well below its limit. */
const batchBytes = 49_152;

/** What a RecordExchange is made with. */
export interface RecordExchangeInit {
  readonly store: RecordStore;
  readonly peer: NodeId;
  readonly clock: Clock;
  /** Records a second that the peer may send before its control stream is read more slowly. */
  readonly recordsPerSecond: number;
  readonly send: (message: ControlMessage) => Promise<void>;
  /** A record was refused because a limit is reached. */
  readonly refused: (error: unknown) => void;
}

/**
 * What two neighbours tell each other about themselves. Each sends its own records, and what it still holds of an earlier life of the peer
 * (so that a peer whose clock went back learns of it). At most one version of a slot waits to be sent, however slow the peer reads.
 */
export class RecordExchange {
  readonly #init: RecordExchangeInit;
  readonly #due = new Set<number>();
  readonly #bucket: TokenBucket;
  readonly #unsubscribe: () => void;
  #sending = false;
  #ended = false;

  constructor(init: RecordExchangeInit) {
    this.#init = init;
    const { store, clock, recordsPerSecond } = init;
    this.#bucket = new TokenBucket(clock, recordsPerSecond, recordsPerSecond);
    for (const { slot } of store.records(store.self)) this.#due.add(slot);
    this.#unsubscribe = store.subscribe((origin, record) => {
      if (origin !== store.self || record === undefined) return;
      this.#due.add(record.slot);
      this.#schedule();
    });
    this.#remind();
    this.#schedule();
  }

  /** Takes in a message of records. Throws ERR_ASTRANET_PROTOCOL for a malformed one. What it returns is how long to wait before the next. */
  take(message: ControlMessage): Promise<void> | undefined {
    const bytes = message["r"];
    if (!(bytes instanceof Uint8Array)) throw new AstraError("ERR_ASTRANET_PROTOCOL", "a message of records has none");
    let count = 0;
    for (const record of cut(bytes)) {
      count += 1;
      this.#merge(record);
    }
    const waitMs = this.#bucket.take(count);
    return waitMs === 0 ? undefined : new Promise((resolve) => void this.#init.clock.setTimer(waitMs, resolve));
  }

  end(): void {
    this.#ended = true;
    this.#unsubscribe();
  }

  #merge(record: StoredRecord): void {
    const { store, peer, refused } = this.#init;
    // Neighbours speak for themselves; of this node they may hold what an earlier life of it said.
    if (record.origin !== peer && record.origin !== store.self) return;
    try {
      store.merge(record);
    } catch (error) {
      if (!AstraError.is(error, "ERR_ASTRANET_OVERLOAD")) throw error;
      refused(error);
    }
  }

  /** Tells the peer what we hold of it: a newer life than it thinks it is leads, would otherwise hide what it says now. */
  #remind(): void {
    const { store, peer, send } = this.#init;
    const newest = [...store.records(peer)].reduce<StoredRecord | undefined>((best, record) => (best === undefined || record.seq > best.seq ? record : best), undefined);
    if (newest !== undefined) void send({ t: "records", r: encodeRecord(newest) }).catch(() => undefined);
  }

  #schedule(): void {
    if (this.#sending || this.#ended || this.#due.size === 0) return;
    this.#sending = true;
    // The changes of one tick are one message.
    this.#init.clock.defer(() => void this.#send());
  }

  async #send(): Promise<void> {
    const { store, send } = this.#init;
    try {
      while (this.#due.size > 0 && !this.#ended) await send({ t: "records", r: this.#batch(store) });
    } catch {
      // The link is over, and says so itself.
      this.end();
    }
    this.#sending = false;
  }

  #batch(store: RecordStore): Uint8Array {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const slot of this.#due) {
      const record = store.get(store.self, slot);
      if (record !== undefined && length > 0 && length + recordHeaderBytes + record.payload.length > batchBytes) break;
      this.#due.delete(slot);
      if (record === undefined) continue;
      const part = encodeRecord(record);
      parts.push(part);
      length += part.length;
    }
    const batch = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      batch.set(part, at);
      at += part.length;
    }
    return batch;
  }
}

/** Records lie back to back; each says how long it is. */
function* cut(bytes: Uint8Array): IterableIterator<StoredRecord> {
  let at = 0;
  while (at < bytes.length) {
    const rest = bytes.subarray(at);
    const length = rest.length < recordHeaderBytes ? rest.length : recordHeaderBytes + ((rest[23]! << 8) | rest[24]!);
    yield decodeRecord(rest.subarray(0, length));
    at += length;
  }
}
