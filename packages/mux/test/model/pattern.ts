/** Longer than any write, and a prime away from powers of two, so that bytes swapped or repeated do not match. */
const LENGTH = 1_600_033;

const pattern = makePattern();

function makePattern(): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  let state = 0x2545_f491;
  for (let i = 0; i < LENGTH; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

/** Bytes to write: views of one buffer that is never copied, so that whoever changes what was written is found out. */
export function patternView(start: number, length: number): Uint8Array {
  return pattern.subarray(start, start + length);
}

/** Where a view of `length` may begin, from any number. */
export function patternStart(number: number, length: number): number {
  return number % (LENGTH - length);
}

/** Whether `bytes[from..to]` are the pattern's from `start` on. */
export function isPattern(bytes: Uint8Array, from: number, to: number, start: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== pattern[start + i - from]) return false;
  return true;
}
