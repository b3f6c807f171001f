import { generateIdentity, type Identity } from "@astranet/noise";
import { nodeIdOfKey } from "@astranet/router";
import { seededRandom } from "./network.ts";

/** Makes identities whose keys are those of nodes: an id has a letter in it. The same ones for the same seed. */
export function identities(seed: number): () => Identity {
  const random = seededRandom(seed);
  return function identity(): Identity {
    const made = generateIdentity(random);
    return nodeIdOfKey(made.publicKey) === undefined ? identity() : made;
  };
}
