import { AstraError, systemRandom, type RandomSource } from "@astranet/transport";
import { defaultCrypto } from "./crypto/default-crypto.ts";
import { KEY_BYTES, type CryptoProvider, type DhKey } from "./crypto/provider.ts";

/** A static X25519 key pair: who somebody is. Whoever has the secret key is that somebody. */
export interface Identity {
  /** 32 bytes; may be shown to anybody. */
  readonly publicKey: Uint8Array;
  /** 32 bytes; never leaves the process, and is not to be changed while in use. */
  readonly secretKey: Uint8Array;
}

/** A fresh identity. `random` defaults to the system's. */
export function generateIdentity(random: RandomSource = systemRandom): Identity {
  return identityFrom(random(KEY_BYTES));
}

/** The identity of a secret key that was kept: 32 random bytes, which are copied. Throws EINVAL for anything else. */
export function identityFrom(secretKey: Uint8Array): Identity {
  if (!isKey(secretKey)) throw new AstraError("EINVAL", `a secret key is a Uint8Array of ${KEY_BYTES} bytes, not ${nameOf(secretKey)}`);
  const own = secretKey.slice();
  return { publicKey: defaultCrypto.dhKey(own).publicKey, secretKey: own };
}

/** SHA-256 of a public key, 32 bytes: a name for its owner that nobody else can take. Throws EINVAL for what is no public key. */
export function fingerprint(publicKey: Uint8Array): Uint8Array {
  if (!isKey(publicKey)) throw new AstraError("EINVAL", `a public key is a Uint8Array of ${KEY_BYTES} bytes, not ${nameOf(publicKey)}`);
  return defaultCrypto.sha256([publicKey]);
}

const ready = new WeakMap<Identity, { readonly crypto: CryptoProvider; readonly key: DhKey }>();

/** @internal The identity's key, made ready once and not for each handshake. */
export function staticKeyOf(identity: Identity, crypto: CryptoProvider): DhKey {
  const known = ready.get(identity);
  if (known?.crypto === crypto) return known.key;
  const key = crypto.dhKey(identity.secretKey);
  ready.set(identity, { crypto, key });
  return key;
}

/** @internal */
export function isKey(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === KEY_BYTES;
}

/** @internal For messages; never shows what may be secret. */
export function nameOf(value: unknown): string {
  return value instanceof Uint8Array ? `${value.length} bytes` : value === null ? "null" : typeof value;
}
