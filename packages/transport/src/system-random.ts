import type { RandomSource } from "./random.ts";

/** Web Crypto's random bytes. */
export const systemRandom: RandomSource = (length) => {
  const bytes = new Uint8Array(length);
  // getRandomValues takes 65,536 bytes at most a call.
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, length)));
  return bytes;
};
