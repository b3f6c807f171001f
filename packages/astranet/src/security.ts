import { generateIdentity, type Identity, pskFrom } from "@astranet/noise";
import { nodeIdOfKey, type SecurityOptions } from "@astranet/router";
import { AstraError, type RandomSource } from "@astranet/transport";
import type { AstraNetOptions } from "./options.ts";

/** A secret that every node of a network knows: see `AstraNetOptions.secret`. */
export type Secret = string | Uint8Array;

/** Shorter ones could be guessed by who records a handshake. */
const leastSecretBytes = 16;

/** … and more than a rotation needs. */
const mostSecrets = 8;

/** What a node encrypts with; undefined under `insecure`. Throws EINVAL for what is wrong, or contradicts itself. */
export function securityOf(options: AstraNetOptions, random: RandomSource): SecurityOptions | undefined {
  const { secret, identity, insecure = false } = options;
  if (insecure) {
    const pointless = secret !== undefined ? "secret" : identity === undefined ? undefined : "identity";
    if (pointless === undefined) return undefined;
    throw new AstraError("EINVAL", `${pointless} is of use only with encryption, and insecure: true says that links are in clear: leave out one of them`);
  }
  return { identity: identity === undefined ? drawIdentity(random) : checkIdentity(identity), psks: secretsOf(secret).map(pskFrom) };
}

/** An identity whose id holds a letter, as an id must: 9,994 of 10,000 do at once. */
function drawIdentity(random: RandomSource): Identity {
  for (;;) {
    const identity = generateIdentity(random);
    if (nodeIdOfKey(identity.publicKey) !== undefined) return identity;
  }
}

function checkIdentity(identity: Partial<Identity> | null): Identity {
  const { publicKey, secretKey } = identity ?? {};
  const isKey = (key: unknown): key is Uint8Array => key instanceof Uint8Array && key.length === 32;
  if (!isKey(publicKey) || !isKey(secretKey)) throw new AstraError("EINVAL", "identity is what generateIdentity or identityFrom give");
  if (nodeIdOfKey(publicKey) === undefined) throw new AstraError("EINVAL", "this identity's id would hold no letter, so it could not be the host of a URL: generate another one");
  return { publicKey, secretKey };
}

function secretsOf(secret: AstraNetOptions["secret"]): readonly Secret[] {
  if (secret === undefined) return [];
  const secrets: readonly unknown[] = Array.isArray(secret) ? (secret as readonly unknown[]) : [secret];
  if (secrets.length === 0 || secrets.length > mostSecrets) throw new AstraError("EINVAL", `secret is one secret, or a list of 1 to ${mostSecrets}, not of ${secrets.length}`);
  return secrets.map((each, i) => {
    const which = secrets.length === 1 ? "secret" : `secret ${i + 1} of the list`;
    if (typeof each !== "string" && !(each instanceof Uint8Array)) throw new AstraError("EINVAL", `${which} is a text or a Uint8Array, not ${each === null ? "null" : typeof each}`);
    const bytes = typeof each === "string" ? new TextEncoder().encode(each).length : each.length;
    if (bytes < leastSecretBytes) {
      throw new AstraError("EINVAL", `${which} has ${bytes} bytes; with fewer than ${leastSecretBytes} it could be guessed. Draw one at random: openssl rand -base64 32`);
    }
    return each;
  });
}
