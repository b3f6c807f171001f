import { AstraError } from "@astranet/transport";

/** A record: one slot of what its origin says about itself. Only the origin makes them; everybody else stores and hands on. */
export interface StoredRecord {
  /** The node that wrote it: 16 lower-case hexadecimal digits. */
  readonly origin: string;
  /** Which life of the origin it belongs to; a newer one voids everything of older ones. */
  readonly incarnation: bigint;
  /** What it is about, 16 bits: the kind in the upper 8, a fragment's number in the lower. */
  readonly slot: number;
  /** Its version within the incarnation, 32 bits. */
  readonly seq: number;
  /** Bits that this version of the protocol does not know are kept and handed on as they came; none of them changes the layout. */
  readonly flags: number;
  /** Empty: the slot says nothing any more. Slots are never deleted, so nothing can come back. */
  readonly payload: Uint8Array;
}

/** The kinds of records, as the upper 8 bits of a slot. */
export const recordKinds = { node: 0x00, adjacency: 0x01, service: 0x02, meta: 0x03 } as const;

/** The bytes of a record besides its payload. */
export const recordHeaderBytes = 25;

/** Payloads are at most this long. */
export const maxPayloadBytes = 16_384;

/** Incarnations beyond are nobody's: a forged one could otherwise never be outbid. */
export const maxIncarnation: bigint = 2n ** 63n;

/** origin u64 | incarnation u64 | slot u16 | seq u32 | flags u8 | length u16 | payload, big endian. */
export function encodeRecord(record: StoredRecord): Uint8Array {
  const bytes = new Uint8Array(recordHeaderBytes + record.payload.length);
  const view = new DataView(bytes.buffer);
  putOrigin(view, 0, record.origin);
  view.setBigUint64(8, record.incarnation);
  view.setUint16(16, record.slot);
  view.setUint32(18, record.seq);
  view.setUint8(22, record.flags);
  view.setUint16(23, record.payload.length);
  bytes.set(record.payload, recordHeaderBytes);
  return bytes;
}

/**
 * The record that `bytes` are. Throws ERR_ASTRANET_PROTOCOL where they are none: truncated, too long, of an origin or an incarnation that cannot be.
 * The payload is a copy, so a record that is kept pins nothing else.
 */
export function decodeRecord(bytes: Uint8Array): StoredRecord {
  const record = readRecord(bytes, 0);
  const length = recordHeaderBytes + record.payload.length;
  if (bytes.length !== length) throw malformed(`it has ${bytes.length - length} bytes more than it says`);
  return { ...record, payload: record.payload.slice() };
}

/** The records that lie back to back in `bytes`; their payloads are views of it. Throws as `decodeRecord` does, before any is given. */
export function readRecords(bytes: Uint8Array): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const record = readRecord(bytes, at);
    records.push(record);
    at += recordHeaderBytes + record.payload.length;
  }
  return records;
}

function readRecord(bytes: Uint8Array, at: number): StoredRecord {
  const left = bytes.length - at;
  if (left < recordHeaderBytes) throw malformed(`it has ${left} bytes, less than its header's ${recordHeaderBytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, left);
  const length = view.getUint16(23);
  if (length > maxPayloadBytes) throw malformed(`its payload of ${length} bytes is longer than ${maxPayloadBytes}`);
  if (left < recordHeaderBytes + length) throw malformed(`it says ${length} bytes of payload and has ${left - recordHeaderBytes}`);
  const origin = readOrigin(view, 0);
  if (origin === nobody || origin === everybody) throw malformed(`${origin} is nobody's id`);
  const incarnation = view.getBigUint64(8);
  if (incarnation > maxIncarnation) throw malformed(`its incarnation ${incarnation} is beyond 2^63`);
  return {
    origin,
    incarnation,
    slot: view.getUint16(16),
    seq: view.getUint32(18),
    flags: view.getUint8(22),
    payload: bytes.subarray(at + recordHeaderBytes, at + recordHeaderBytes + length),
  };
}

const nobody = "0000000000000000";
const everybody = "ffffffffffffffff";

/** An id as 16 hexadecimal digits, out of 8 bytes. Two halves: a detour over BigInt takes several times as long. */
export function readOrigin(view: DataView, at: number): string {
  return view.getUint32(at).toString(16).padStart(8, "0") + view.getUint32(at + 4).toString(16).padStart(8, "0");
}

/** The 8 bytes of an id. */
export function putOrigin(view: DataView, at: number, origin: string): void {
  view.setUint32(at, Number.parseInt(origin.slice(0, 8), 16));
  view.setUint32(at + 4, Number.parseInt(origin.slice(8), 16));
}

/** Which of two records of one origin and slot is newer: positive when `a` is. Total, so that every node keeps the same one of two that claim one version. */
export function compareVersions(a: StoredRecord, b: StoredRecord): number {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation ? 1 : -1;
  if (a.seq !== b.seq) return a.seq - b.seq;
  if (a.flags !== b.flags) return a.flags - b.flags;
  return compareBytes(a.payload, b.payload);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function malformed(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `not a record: ${why}`);
}
