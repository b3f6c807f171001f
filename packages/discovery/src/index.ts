export type { Reachability } from "./reachability.ts";
export { RecordStore, type MergeResult, type RecordStoreLimits, type RecordStoreOptions, type StoreCallback } from "./record-store.ts";
export { decodeRecord, encodeRecord, maxIncarnation, maxPayloadBytes, recordKinds, type StoredRecord } from "./record.ts";
