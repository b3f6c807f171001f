import type { Hash64 } from "./sip-hash.ts";

/** How many parts a store is compared in. */
export const bucketCount = 256;

/** What two stores compare first: the XOR of their records' hashes, and how many records there are. */
export interface Digest extends Readonly<Hash64> {
  readonly count: number;
}

/** The part that an origin belongs to: its first byte. */
export function bucketOf(origin: string): number {
  return Number.parseInt(origin.slice(0, 2), 16);
}

/** The hashes of a set of records by bucket, kept up with every change: each costs two XORs. */
export class StoreDigest {
  readonly #hi = new Uint32Array(bucketCount);
  readonly #lo = new Uint32Array(bucketCount);
  #rootHi = 0;
  #rootLo = 0;
  #count = 0;

  /** Puts hashes in, or takes them out: XOR does not tell. */
  toggle(bucket: number, { hi, lo }: Readonly<Hash64>, countChange: number): void {
    this.#hi[bucket]! ^= hi;
    this.#lo[bucket]! ^= lo;
    this.#rootHi ^= hi;
    this.#rootLo ^= lo;
    this.#count += countChange;
  }

  get value(): Digest {
    return { hi: this.#rootHi >>> 0, lo: this.#rootLo >>> 0, count: this.#count };
  }

  /** The buckets' hashes as 256 × u64, big endian. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(bucketCount * 8);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < bucketCount; i += 1) {
      view.setUint32(i * 8, this.#hi[i]!);
      view.setUint32(i * 8 + 4, this.#lo[i]!);
    }
    return bytes;
  }
}
