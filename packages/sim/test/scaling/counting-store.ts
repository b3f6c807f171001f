import { RecordStore, type MergeResult, type StoredRecord } from "@astranet/discovery";

/** A store that counts what others bring. */
export class CountingStore extends RecordStore {
  /** Copies of records that came. */
  copies = 0;
  /** … that it had already, or newer ones of. */
  redundant = 0;

  override merge(record: StoredRecord): MergeResult {
    const result = super.merge(record);
    this.copies += 1;
    if (result === "known" || result === "old") this.redundant += 1;
    return result;
  }
}
