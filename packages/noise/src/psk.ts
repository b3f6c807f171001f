import { AstraError } from "@astranet/transport";
import { defaultCrypto } from "./crypto/default-crypto.ts";
import type { CryptoProvider } from "./crypto/provider.ts";
import { nameOf } from "./identity.ts";

const label = (text: string): Uint8Array => new TextEncoder().encode(text);
const pskLabel = label("astranet noise 1 psk");
const hintLabel = label("astranet noise 1 hint");

/** How many bytes of a hint are sent. */
export const HINT_BYTES = 8;

/**
 * A pre-shared key of 32 bytes out of a secret of any length (a text counts as its UTF-8), the same wherever the secret is the same.
 *
 * It is one hash, not a slow one: whoever records a handshake can try guesses at billions a second. A secret is therefore
 * random, 16 bytes of it at least (`openssl rand -base64 32`), and no password that somebody made up.
 * @throws AstraError EINVAL for an empty secret, or for what is neither text nor bytes.
 */
export function pskFrom(secret: string | Uint8Array): Uint8Array {
  const bytes: unknown = typeof secret === "string" ? label(secret) : secret;
  if (!(bytes instanceof Uint8Array)) throw new AstraError("EINVAL", `a secret is a text or a Uint8Array, not ${nameOf(bytes)}`);
  if (bytes.length === 0) throw new AstraError("EINVAL", "a secret is not empty");
  return defaultCrypto.hmacSha256(pskLabel, [bytes]);
}

/**
 * Says which pre-shared key a first message was made with, to those who have that key, and nothing to anybody else: it is a MAC
 * over the prologue and the whole message, which begins with a fresh key, so that no two hints are alike. Who does not have the
 * key cannot make one either, and is turned away for the price of a hash.
 */
export function hintOf(crypto: CryptoProvider, psk: Uint8Array, prologue: Uint8Array, message: Uint8Array): Uint8Array {
  const key = crypto.hmacSha256(psk, [hintLabel]);
  const hint = crypto.hmacSha256(key, [prologue, message]).slice(0, HINT_BYTES);
  key.fill(0);
  return hint;
}
