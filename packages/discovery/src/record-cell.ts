import { encodeRecord, recordHeaderBytes, type StoredRecord } from "./record.ts";
import { sipHash, type Hash64 } from "./sip-hash.ts";

/** The place of one slot of one origin, for as long as this life of the origin is stored. What it holds changes, the cell stays: queues hold cells, so none holds two versions. */
export class RecordCell {
  /** What is stored. Its payload is a view of `wire`. */
  record: StoredRecord;
  /** The record's encoding; nobody changes it. */
  wire: Uint8Array;
  /** Of `wire`. */
  hash: Hash64;
  /** False once the origin was dropped, or began a new life. */
  live = true;

  constructor(record: StoredRecord) {
    this.wire = encodeRecord(record);
    this.hash = sipHash(this.wire);
    this.record = { ...record, payload: this.wire.subarray(recordHeaderBytes) };
  }

  set(record: StoredRecord): void {
    this.wire = encodeRecord(record);
    this.hash = sipHash(this.wire);
    this.record = { ...record, payload: this.wire.subarray(recordHeaderBytes) };
  }
}
