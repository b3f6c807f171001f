/** The size of bulk writes, the same for every peer. */
export const CHUNK = 64 * 1024;

/** Pseudo-random bytes that repeat every 64 KiB: the byte at position p of a stream is known to both ends. */
export const pattern: Uint8Array = (() => {
  const bytes = new Uint8Array(CHUNK);
  let state = 0x9e3779b9;
  for (let i = 0; i < CHUNK; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
})();

/** The pattern cut in pieces of `size` bytes, which divides 64 KiB. */
export function pieces(size: number): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let at = 0; at < CHUNK; at += size) all.push(pattern.subarray(at, at + size));
  return all;
}

/** Counts what comes and compares the first and last byte of each chunk with the pattern: cheap enough for the timed part. */
export class PatternCounter {
  received = 0;

  add(chunk: Uint8Array): void {
    const first = this.received % CHUNK;
    const last = (first + chunk.byteLength - 1) % CHUNK;
    if (chunk[0] !== pattern[first] || chunk[chunk.byteLength - 1] !== pattern[last]) {
      throw new Error(`wrong byte between ${String(this.received)} and ${String(this.received + chunk.byteLength)}`);
    }
    this.received += chunk.byteLength;
  }
}
