import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { gather, lengthOf } from "../crypto/bytes.ts";
import { TAG_BYTES, type AeadKey, type CryptoProvider, type DhKey, type Suite } from "../crypto/provider.ts";

/** Primitives in JavaScript, for browsers and whatever else has no `node:crypto`. ChaChaPoly first: without the processor's help it is the faster one. */
export const provider: CryptoProvider = {
  name: "noble",
  suites: ["ChaChaPoly", "AESGCM"],
  dhKey: (secretKey) => new NobleDhKey(secretKey),
  sha256: (chunks) => {
    const hash = sha256.create();
    for (const chunk of chunks) hash.update(chunk);
    return hash.digest();
  },
  hmacSha256: (key, chunks) => {
    const mac = hmac.create(sha256, key);
    for (const chunk of chunks) mac.update(chunk);
    return mac.digest();
  },
  aeadKey: (suite, key) => new NobleAeadKey(suite, key),
};

class NobleDhKey implements DhKey {
  readonly publicKey: Uint8Array;
  readonly #secretKey: Uint8Array;

  constructor(secretKey: Uint8Array) {
    this.#secretKey = secretKey.slice();
    this.publicKey = x25519.getPublicKey(secretKey);
  }

  dh(publicKey: Uint8Array): Uint8Array | undefined {
    try {
      return x25519.getSharedSecret(this.#secretKey, publicKey);
    } catch {
      // It throws for one thing only, once the lengths are right: the secret would be zero.
      return undefined;
    }
  }

  destroy(): void {
    this.#secretKey.fill(0);
  }
}

class NobleAeadKey implements AeadKey {
  readonly #cipher: typeof chacha20poly1305 | typeof gcm;
  readonly #key: Uint8Array;

  constructor(suite: Suite, key: Uint8Array) {
    this.#cipher = suite === "AESGCM" ? gcm : chacha20poly1305;
    this.#key = key.slice();
  }

  seal(nonce: Uint8Array, ad: Uint8Array, chunks: readonly Uint8Array[], prefix: Uint8Array): Uint8Array[] {
    const message = new Uint8Array(prefix.length + lengthOf(chunks) + TAG_BYTES);
    message.set(prefix);
    const plaintext = chunks.length === 1 ? chunks[0]! : gather(chunks);
    const sealed = message.subarray(prefix.length);
    sealed.set(this.#cipher(this.#key, nonce, ad).encrypt(plaintext));
    return [message];
  }

  open(nonce: Uint8Array, ad: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array[] | undefined {
    const sealed = chunks.length === 1 ? chunks[0]! : gather(chunks);
    try {
      return [this.#cipher(this.#key, nonce, ad).decrypt(sealed)];
    } catch {
      return undefined;
    }
  }

  destroy(): void {
    this.#key.fill(0);
  }
}
