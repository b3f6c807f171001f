/** A prime, so that no power of two of bytes too many, too few or swapped goes unnoticed. */
const PERIOD = 65_521;

const pattern = makePattern();

function makePattern(): Uint8Array {
  // Two periods and more, so that any piece of up to a period is one view.
  const bytes = new Uint8Array(3 * PERIOD);
  let state = 0x2545f491;
  for (let i = 0; i < PERIOD; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = bytes[i + PERIOD] = bytes[i + 2 * PERIOD] = state & 0xff;
  }
  return bytes;
}

/** The `length` bytes at `offset` of an endless pseudo-random sequence, in a fresh array. */
export function patternAt(offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += PERIOD) {
    const start = (offset + at) % PERIOD;
    bytes.set(pattern.subarray(start, start + Math.min(PERIOD, length - at)), at);
  }
  return bytes;
}

/** Where `bytes` differ from the sequence at `offset`; -1 where they do not. */
export function mismatchAt(offset: number, bytes: Uint8Array): number {
  let at = offset % PERIOD;
  for (let i = 0; i < bytes.length; i += 1) {
    if (bytes[i] !== pattern[at]) return i;
    at += 1;
    if (at === 2 * PERIOD) at = PERIOD;
  }
  return -1;
}
