import type { RandomSource } from "@astranet/transport";

/** A new life of a node: larger than that of every life that began before `epochMs` (milliseconds since 1970). The caller brings the time of day. */
export function makeIncarnation(epochMs: number, random: RandomSource): bigint {
  const [high = 0, low = 0] = random(2);
  return (BigInt(Math.floor(epochMs)) << 16n) | BigInt((high << 8) | low);
}
