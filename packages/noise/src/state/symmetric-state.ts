import { NO_BYTES, gather } from "../crypto/bytes.ts";
import { KEY_BYTES, TAG_BYTES, type CryptoProvider, type Suite } from "../crypto/provider.ts";
import { CipherState } from "./cipher-state.ts";

/** Noise's SymmetricState (revision 34, section 5.2): the chaining key, the hash of all that was said, and a CipherState. */
export class SymmetricState {
  readonly #crypto: CryptoProvider;
  readonly #suite: Suite;
  readonly #cipher: CipherState;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;

  constructor(crypto: CryptoProvider, suite: Suite, protocolName: string) {
    this.#crypto = crypto;
    this.#suite = suite;
    this.#cipher = new CipherState(crypto, suite);
    const name = new TextEncoder().encode(protocolName);
    this.#hash = name.length <= KEY_BYTES ? gather([name, new Uint8Array(KEY_BYTES - name.length)]) : crypto.sha256([name]);
    this.#chainingKey = this.#hash.slice();
  }

  /** The hash of the handshake so far; in the end it is the same at both ends only where they said and heard the same. */
  get hash(): Uint8Array {
    return this.#hash;
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = this.#hkdf(input, 2);
    this.#chain(chainingKey);
    this.#cipher.initializeKey(key);
    key.fill(0);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#crypto.sha256([this.#hash, data]);
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hash, key] = this.#hkdf(input, 3);
    this.#chain(chainingKey);
    this.mixHash(hash);
    this.#cipher.initializeKey(key);
    key.fill(0);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = gather(this.#cipher.encryptWithAd(this.#hash, [plaintext]));
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** Undefined where it is not authentic. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#cipher.decryptWithAd(this.#hash, [ciphertext]);
    if (plaintext === undefined) return undefined;
    this.mixHash(ciphertext);
    return gather(plaintext);
  }

  /** How many bytes `encryptAndHash` adds now. */
  get tagBytes(): number {
    return this.#cipher.hasKey ? TAG_BYTES : 0;
  }

  /** The two ciphers of what follows: the initiator's sending one, then the responder's. This state is of no use afterwards. */
  split(): [initiator: CipherState, responder: CipherState] {
    const [first, second] = this.#hkdf(NO_BYTES, 2);
    const ciphers: [CipherState, CipherState] = [new CipherState(this.#crypto, this.#suite), new CipherState(this.#crypto, this.#suite)];
    ciphers[0].initializeKey(first);
    ciphers[1].initializeKey(second);
    first.fill(0);
    second.fill(0);
    this.destroy();
    return ciphers;
  }

  /** Forgets the keys. */
  destroy(): void {
    this.#chainingKey.fill(0);
    this.#cipher.destroy();
  }

  #chain(chainingKey: Uint8Array): void {
    this.#chainingKey.fill(0);
    this.#chainingKey = chainingKey;
  }

  /** HKDF of section 4.3. */
  #hkdf(input: Uint8Array, outputs: 2): [Uint8Array, Uint8Array];
  #hkdf(input: Uint8Array, outputs: 3): [Uint8Array, Uint8Array, Uint8Array];
  #hkdf(input: Uint8Array, outputs: 2 | 3): Uint8Array[] {
    const hmac = (key: Uint8Array, ...chunks: Uint8Array[]): Uint8Array => this.#crypto.hmacSha256(key, chunks);
    const temporary = hmac(this.#chainingKey, input);
    const first = hmac(temporary, Uint8Array.of(1));
    const second = hmac(temporary, first, Uint8Array.of(2));
    const all = outputs === 2 ? [first, second] : [first, second, hmac(temporary, second, Uint8Array.of(3))];
    temporary.fill(0);
    return all;
  }
}
