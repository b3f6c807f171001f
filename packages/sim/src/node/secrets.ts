import { generateIdentity, pskFrom, type Identity as Keys } from "@astranet/noise";
import { nodeIdOfKey, type SecurityOptions } from "@astranet/router";
import type { SeededRandom } from "../time/seeded-random.ts";

/** Keys whose id is one: a few of ten thousand are not. */
export function drawKeys(random: SeededRandom): { readonly keys: Keys; readonly id: string } {
  for (;;) {
    const keys = generateIdentity(random.bytes);
    const id = nodeIdOfKey(keys.publicKey);
    if (id !== undefined) return { keys, id };
  }
}

/** What a node encrypts with that knows these secrets, the newest first. */
export function securityOf(keys: Keys, secrets: readonly string[]): SecurityOptions {
  return { identity: keys, psks: secrets.map((secret) => pskFrom(secret)) };
}
