import type { Suite } from "./provider.ts";
import { defaultCrypto } from "./default-crypto.ts";

/** All suites, the one that needs no help of the processor first. */
const known: readonly Suite[] = ["ChaChaPoly", "AESGCM"];

/** The suites of this platform, the fastest first: AESGCM in Node, where processors have it in hardware, ChaChaPoly in browsers. */
export function preferredSuites(): readonly Suite[] {
  return defaultCrypto.suites;
}

/**
 * The suite for a connection between two ends, by what each prefers; undefined where they have none in common.
 * Both ends come to the same answer, whichever list is whose: the suite that stands highest in both lists together,
 * and ChaChaPoly where two stand alike. So AESGCM is chosen where both prefer it.
 */
export function chooseSuite(own: readonly Suite[], peer: readonly Suite[]): Suite | undefined {
  let chosen: Suite | undefined;
  let best = Number.POSITIVE_INFINITY;
  for (const suite of known) {
    if (!own.includes(suite) || !peer.includes(suite)) continue;
    const rank = own.indexOf(suite) + peer.indexOf(suite);
    if (rank >= best) continue;
    chosen = suite;
    best = rank;
  }
  return chosen;
}

const bitOf: Readonly<Record<Suite, number>> = { ChaChaPoly: 1, AESGCM: 2 };
const prefersAesBit = 4;

/** A list of preferences as one byte: bit 0 ChaChaPoly, bit 1 AESGCM, bit 2 AESGCM comes first. */
export function encodeSuites(suites: readonly Suite[]): number {
  const offered = suites.reduce((bits, suite) => bits | bitOf[suite], 0);
  return suites[0] === "AESGCM" && suites.length > 1 ? offered | prefersAesBit : offered;
}

/** The list in such a byte. Bits that are not known are left out. */
export function decodeSuites(byte: number): readonly Suite[] {
  const offered = known.filter((suite) => (byte & bitOf[suite]) !== 0);
  return (byte & prefersAesBit) === 0 ? offered : offered.reverse();
}
