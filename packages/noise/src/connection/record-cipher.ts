import { AstraError } from "@astranet/transport";
import { NO_BYTES } from "../crypto/bytes.ts";
import { TAG_BYTES } from "../crypto/provider.ts";
import type { CipherState } from "../state/cipher-state.ts";
import { lengthPrefix, MAX_MESSAGE_BYTES, type Frame } from "./frame-reader.ts";

/** The longest plaintext of a record. */
export const MAX_RECORD_BYTES: number = MAX_MESSAGE_BYTES - TAG_BYTES;

/** The length of a record that holds nothing: a tag. */
export const EMPTY_RECORD_BYTES: number = TAG_BYTES;

/** After how many records, or bytes of plaintext, a direction changes its key. Both ends count, and must count alike. */
export interface RekeyLimits {
  readonly records: number;
  readonly bytes: number;
}

/** One direction of a connection: records in order, each under the next nonce, and a new key when the old one has done its work. */
export class RecordCipher {
  readonly #cipher: CipherState;
  readonly #limits: RekeyLimits;
  #records = 0;
  #bytes = 0;

  constructor(cipher: CipherState, limits: RekeyLimits) {
    this.#cipher = cipher;
    this.#limits = limits;
  }

  /** The record of `chunks`, which have `length` bytes together: its length, the ciphertext, the tag. */
  seal(chunks: readonly Uint8Array[], length: number): Uint8Array[] {
    const record = this.#cipher.encryptWithAd(NO_BYTES, chunks, lengthPrefix(length + TAG_BYTES));
    this.#count(length);
    return record;
  }

  /** What a record holds. Throws ERR_ASTRANET_PROTOCOL where it is not the next one that the other end made. */
  open({ pieces, length }: Frame): Uint8Array[] {
    const plaintext = this.#cipher.decryptWithAd(NO_BYTES, pieces);
    if (plaintext === undefined) {
      throw new AstraError("ERR_ASTRANET_PROTOCOL", "a record is not authentic: somebody between the two ends changed, repeated, dropped or reordered bytes");
    }
    this.#count(length - TAG_BYTES);
    return plaintext;
  }

  /** Forgets the key. */
  destroy(): void {
    this.#cipher.destroy();
  }

  #count(bytes: number): void {
    this.#records += 1;
    this.#bytes += bytes;
    if (this.#records < this.#limits.records && this.#bytes < this.#limits.bytes) return;
    this.#cipher.rekey();
    this.#records = 0;
    this.#bytes = 0;
  }
}

/** Throws ERR_ASTRANET_PROTOCOL for a record too short to hold a tag. There is none too long: the length has two bytes. */
export function checkRecordLength(length: number): void {
  if (length >= TAG_BYTES) return;
  throw new AstraError("ERR_ASTRANET_PROTOCOL", `a record of ${length} bytes is shorter than its tag of ${TAG_BYTES}`);
}
