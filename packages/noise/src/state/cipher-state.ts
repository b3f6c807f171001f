import { AstraError } from "@astranet/transport";
import { NO_BYTES } from "../crypto/bytes.ts";
import { KEY_BYTES, type AeadKey, type CryptoProvider, type Suite } from "../crypto/provider.ts";

const ZEROS = new Uint8Array(KEY_BYTES);
/** 2^64 - 1, which Noise reserves for rekeying. */
const REKEY_NONCE = new Uint8Array(12).fill(0xff, 4);

/** Noise's CipherState (revision 34, section 5.1): a key and the number of messages under it. Without a key it passes everything through. */
export class CipherState {
  readonly #crypto: CryptoProvider;
  readonly #suite: Suite;
  readonly #nonce = new Uint8Array(12);
  readonly #view = new DataView(this.#nonce.buffer);
  #key: AeadKey | undefined = undefined;
  #n = 0;

  constructor(crypto: CryptoProvider, suite: Suite) {
    this.#crypto = crypto;
    this.#suite = suite;
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** Takes a new key; its bytes may be changed afterwards. `n` is for tests. */
  initializeKey(key: Uint8Array, n = 0): void {
    this.#key?.destroy();
    this.#key = this.#crypto.aeadKey(this.#suite, key);
    this.#n = n;
  }

  /** The message after `prefix`, in pieces. Throws ERR_ASTRANET_INVALID_STATE when the nonces are used up. */
  encryptWithAd(ad: Uint8Array, chunks: readonly Uint8Array[], prefix: Uint8Array = NO_BYTES): Uint8Array[] {
    if (this.#key === undefined) return [prefix, ...chunks];
    const sealed = this.#key.seal(this.#nextNonce(), ad, chunks, prefix);
    this.#n += 1;
    return sealed;
  }

  /** The plaintext, in pieces; undefined where the message is not authentic, and then nothing has changed. Throws as `encryptWithAd` does. */
  decryptWithAd(ad: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array[] | undefined {
    if (this.#key === undefined) return [...chunks];
    const opened = this.#key.open(this.#nextNonce(), ad, chunks);
    if (opened !== undefined) this.#n += 1;
    return opened;
  }

  /** A new key out of the old one, which cannot be found from it (section 4.2). The nonce goes on counting. */
  rekey(): void {
    if (this.#key === undefined) return;
    const [sealed] = this.#key.seal(REKEY_NONCE, NO_BYTES, [ZEROS], NO_BYTES);
    const key = sealed!.subarray(0, KEY_BYTES);
    this.initializeKey(key, this.#n);
    sealed!.fill(0);
  }

  /** Forgets the key. */
  destroy(): void {
    this.#key?.destroy();
  }

  /** 32 zero bits and the 64-bit counter, big-endian for AESGCM and little-endian for ChaChaPoly (section 12). */
  #nextNonce(): Uint8Array {
    // Beyond it a number no longer counts by one. At 10^9 messages a second that takes a hundred days.
    if (this.#n >= Number.MAX_SAFE_INTEGER) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "all nonces of the connection's key are used up");
    const high = Math.floor(this.#n / 0x1_0000_0000);
    const littleEndian = this.#suite === "ChaChaPoly";
    this.#view.setUint32(4, littleEndian ? this.#n >>> 0 : high, littleEndian);
    this.#view.setUint32(8, littleEndian ? high : this.#n >>> 0, littleEndian);
    return this.#nonce;
  }
}
