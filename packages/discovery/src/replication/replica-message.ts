import { AstraError } from "@astranet/transport";
import { putOrigin, readOrigin } from "../record.ts";
import type { RecordCell } from "../record-cell.ts";
import { bucketCount, type Digest } from "../store-digest.ts";

/** What neighbours tell each other about records. Plain objects, for whatever codec carries them; unknown fields are ignored. */
export interface ReplicaMessage {
  readonly t: "records" | "digest" | "buckets" | "list" | "want";
  readonly [field: string]: unknown;
}

const kinds: ReadonlySet<string> = new Set<ReplicaMessage["t"]>(["records", "digest", "buckets", "list", "want"]);

/** Whether a message of this kind is for replication. */
export function isReplicaMessage(kind: string): boolean {
  return kinds.has(kind);
}

/** Bytes of packed records, origins or wishes in one message, at most: with what is around them it stays below 64 KiB, and the largest of each fits. */
export const maxPackedBytes = 49_152;

/** What the sender of a `digest` has, of what it would send us. */
export interface DigestMessage {
  readonly digest: Digest;
  /** Whether it is about everything; else about the sender's own records and ours. */
  readonly full: boolean;
  /** How many records it holds, whether it would send them or not. */
  readonly held: number;
  /** Whether it wants ours in answer. */
  readonly ask: boolean;
}

export function digestMessage({ digest, full, held, ask }: DigestMessage): ReplicaMessage {
  const hash = new Uint8Array(8);
  const view = new DataView(hash.buffer);
  view.setUint32(0, digest.hi);
  view.setUint32(4, digest.lo);
  return { t: "digest", h: hash, n: digest.count, a: held, f: full, q: ask };
}

export function parseDigest(message: ReplicaMessage): DigestMessage {
  const { h: hash, n: count, a: held, f: full, q: ask } = message;
  if (!(hash instanceof Uint8Array) || hash.length !== 8) throw malformed("a digest's hash is not 8 bytes");
  if (!isCount(count) || !isCount(held)) throw malformed("a digest's counts are none");
  const view = new DataView(hash.buffer, hash.byteOffset, 8);
  return { digest: { hi: view.getUint32(0), lo: view.getUint32(4), count }, held, full: full === true, ask: ask === true };
}

/** The bytes of a message, under the field that all but digests have. Throws ERR_ASTRANET_PROTOCOL where there are none. */
export function packedOf(message: ReplicaMessage, field: string): Uint8Array {
  const bytes = message[field];
  if (!(bytes instanceof Uint8Array)) throw malformed(`a message of ${message.t} has none`);
  return bytes;
}

/** Which of the peer's buckets are not as ours. */
export function differingBuckets(theirs: Uint8Array, ours: Uint8Array): Set<number> {
  if (theirs.length !== bucketCount * 8) throw malformed(`a message of buckets has ${theirs.length} bytes, not ${bucketCount * 8}`);
  const differing = new Set<number>();
  for (let i = 0; i < ours.length; i += 1) if (theirs[i] !== ours[i]) differing.add(i >> 3);
  return differing;
}

/** What a `list` says of an origin: origin u64 | incarnation u64 | hash u64. */
export interface ListEntry {
  readonly origin: string;
  readonly incarnation: bigint;
  readonly hi: number;
  readonly lo: number;
}

const listEntryBytes = 24;
export const maxListEntries: number = maxPackedBytes / listEntryBytes;

export function encodeList(entries: readonly ListEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * listEntryBytes);
  const view = viewOf(bytes);
  for (const [i, { origin, incarnation, hi, lo }] of entries.entries()) {
    const at = i * listEntryBytes;
    putOrigin(view, at, origin);
    view.setBigUint64(at + 8, incarnation);
    view.setUint32(at + 16, hi);
    view.setUint32(at + 20, lo);
  }
  return bytes;
}

export function readList(bytes: Uint8Array): ListEntry[] {
  if (bytes.length % listEntryBytes !== 0) throw malformed(`a list of ${bytes.length} bytes holds no whole number of entries`);
  const view = viewOf(bytes);
  return Array.from({ length: bytes.length / listEntryBytes }, (_, i) => {
    const at = i * listEntryBytes;
    return { origin: readOrigin(view, at), incarnation: view.getBigUint64(at + 8), hi: view.getUint32(at + 16), lo: view.getUint32(at + 20) };
  });
}

/** What its sender has of an origin: origin u64 | incarnation u64 | n u16 | n × (slot u16 | seq u32 | the hash's lower half u32). */
export interface WantEntry {
  readonly origin: string;
  readonly incarnation: bigint;
  /** By slot. */
  readonly versions: ReadonlyMap<number, { readonly seq: number; readonly lo: number }>;
}

const wantHeaderBytes = 18;
const versionBytes = 10;
/** An origin with more slots than an entry can hold is asked for as if nothing of it were there. */
const maxVersions = 4096;

/** One entry of a `want`. */
export function encodeWantEntry(origin: string, incarnation: bigint | undefined, cells: readonly RecordCell[]): Uint8Array {
  const tooMany = incarnation === undefined || cells.length > maxVersions;
  const told = tooMany ? [] : cells;
  const bytes = new Uint8Array(wantHeaderBytes + told.length * versionBytes);
  const view = viewOf(bytes);
  putOrigin(view, 0, origin);
  view.setBigUint64(8, tooMany ? 0n : incarnation);
  view.setUint16(16, told.length);
  let at = wantHeaderBytes;
  for (const { record, hash } of told) {
    view.setUint16(at, record.slot);
    view.setUint32(at + 2, record.seq);
    view.setUint32(at + 6, hash.lo);
    at += versionBytes;
  }
  return bytes;
}

export function readWants(bytes: Uint8Array): WantEntry[] {
  const view = viewOf(bytes);
  const wants: WantEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < wantHeaderBytes) throw malformed("a want is truncated");
    const count = view.getUint16(at + 16);
    if (bytes.length - at < wantHeaderBytes + count * versionBytes) throw malformed("a want is truncated");
    const versions = new Map<number, { seq: number; lo: number }>();
    for (let i = 0; i < count; i += 1) {
      const entry = at + wantHeaderBytes + i * versionBytes;
      versions.set(view.getUint16(entry), { seq: view.getUint32(entry + 2), lo: view.getUint32(entry + 6) });
    }
    wants.push({ origin: readOrigin(view, at), incarnation: view.getBigUint64(at + 8), versions });
    at += wantHeaderBytes + count * versionBytes;
  }
  return wants;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function malformed(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", why);
}
