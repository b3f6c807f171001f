import { generateIdentity, secure, type Identity, type SecureConnection, type SecureOptions } from "@astranet/noise";
import { memoryPair, type Connection } from "@astranet/transport";

/** Two identities, for tests that need no others. */
export const alice: Identity = generateIdentity();
export const bob: Identity = generateIdentity();

/** What a test says besides the roles and identities. */
export interface PairOptions {
  readonly both?: Partial<SecureOptions>;
  readonly initiator?: Partial<SecureOptions>;
  readonly responder?: Partial<SecureOptions>;
}

/** The options of both ends: Alice begins, and knows Bob where the pattern asks for it. */
export function optionsOf({ both, initiator, responder }: PairOptions = {}): [initiator: SecureOptions, responder: SecureOptions] {
  const knows = (initiator?.pattern ?? both?.pattern) === "IK" ? { remoteStatic: bob.publicKey } : {};
  return [
    { role: "initiator", identity: alice, ...knows, ...both, ...initiator },
    { role: "responder", identity: bob, ...both, ...responder },
  ];
}

/** Secures both ends of a pair. */
export async function securePair(options: PairOptions = {}, pair: readonly [Connection, Connection] = memoryPair()): Promise<[a: SecureConnection, b: SecureConnection]> {
  const [initiator, responder] = optionsOf(options);
  return await Promise.all([secure(pair[0], initiator), secure(pair[1], responder)]);
}
