/** A cipher suite: what seals handshake payloads and records. The rest is fixed: X25519 and SHA-256. */
export type Suite = "AESGCM" | "ChaChaPoly";

/** Bytes of a public key, a secret key, a shared secret, a hash, a cipher key and a pre-shared key. */
export const KEY_BYTES = 32;
/** Bytes that sealing adds. */
export const TAG_BYTES = 16;

/**
 * The primitives that Noise needs: X25519 (RFC 7748), SHA-256, HMAC (RFC 2104), AES-256-GCM and ChaCha20-Poly1305 (RFC 8439).
 * All synchronous, so that bytes keep their order without a queue; none of them takes randomness or time.
 */
export interface CryptoProvider {
  /** For messages and tests. */
  readonly name: string;
  /** The suites it has, the ones that run fast here first. */
  readonly suites: readonly Suite[];
  /** Makes a secret key ready for use. */
  dhKey(secretKey: Uint8Array): DhKey;
  sha256(chunks: readonly Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array;
  /** Makes a cipher key ready for use. The bytes may be changed afterwards. */
  aeadKey(suite: Suite, key: Uint8Array): AeadKey;
}

/** An X25519 secret key, made ready once. */
export interface DhKey {
  readonly publicKey: Uint8Array;
  /** The shared secret with the owner of `publicKey`; undefined where that is a point of low order, so that it would be zero. */
  dh(publicKey: Uint8Array): Uint8Array | undefined;
  /** Forgets the secret key, as far as the platform lets it. */
  destroy(): void;
}

/** A key of an AEAD cipher, made ready once and used for many messages. */
export interface AeadKey {
  /**
   * Seals `chunks` as one message and returns, in pieces that nobody else holds, `prefix` as it is, the ciphertext and the tag.
   * Nothing that is given is changed, or kept.
   */
  seal(nonce: Uint8Array, ad: Uint8Array, chunks: readonly Uint8Array[], prefix: Uint8Array): Uint8Array[];
  /** Opens the message (ciphertext and tag) that `chunks` make together, at least a tag long. Undefined where it is not authentic: then nothing of it was told. */
  open(nonce: Uint8Array, ad: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array[] | undefined;
  /** Forgets the key, as far as the platform lets it. It is of no use any more. */
  destroy(): void;
}
