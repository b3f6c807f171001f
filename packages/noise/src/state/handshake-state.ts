import { AstraError, type RandomSource } from "@astranet/transport";
import { gather } from "../crypto/bytes.ts";
import { KEY_BYTES, type CryptoProvider, type DhKey, type Suite } from "../crypto/provider.ts";
import type { CipherState } from "./cipher-state.ts";
import { SymmetricState } from "./symmetric-state.ts";

/** Who tells whom its static key: XX, both in the handshake; IK, the initiator knows the responder's, and tells its own in the first message. */
export type Pattern = "XX" | "IK";

type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

/** Messages of each pattern (section 7.5), without a pre-shared key and with one: XX and XXpsk0, IK and IKpsk2 (section 9). */
const messages: Readonly<Record<Pattern, Readonly<Record<"plain" | "psk", readonly (readonly Token[])[]>>>> = {
  XX: {
    plain: [["e"], ["e", "ee", "s", "es"], ["s", "se"]],
    psk: [["psk", "e"], ["e", "ee", "s", "es"], ["s", "se"]],
  },
  IK: {
    plain: [["e", "es", "s", "ss"], ["e", "ee", "se"]],
    psk: [["e", "es", "s", "ss"], ["e", "ee", "se", "psk"]],
  },
};
const pskModifier: Readonly<Record<Pattern, string>> = { XX: "psk0", IK: "psk2" };

/** What a HandshakeState is made with. */
export interface HandshakeInit {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly pattern: Pattern;
  readonly suite: Suite;
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  readonly staticKey: DhKey;
  /** IK's initiator has it. */
  readonly remoteStatic: Uint8Array | undefined;
  readonly psk: Uint8Array | undefined;
}

/**
 * Noise's HandshakeState (revision 34, section 5.3): `writeMessage` and `readMessage` by turns, until `done`; then `split`.
 * Whatever throws has ended it: `destroy` it then.
 */
export class HandshakeState {
  readonly #init: HandshakeInit;
  readonly #symmetric: SymmetricState;
  readonly #messages: readonly (readonly Token[])[];
  #at = 0;
  #ephemeral: DhKey | undefined = undefined;
  #remoteEphemeral: Uint8Array | undefined = undefined;
  #remoteStatic: Uint8Array | undefined;

  constructor(init: HandshakeInit) {
    const { pattern, psk, suite, initiator, staticKey } = init;
    this.#init = init;
    this.#messages = messages[pattern][psk === undefined ? "plain" : "psk"];
    const name = `Noise_${pattern}${psk === undefined ? "" : pskModifier[pattern]}_25519_${suite}_SHA256`;
    this.#symmetric = new SymmetricState(init.crypto, suite, name);
    this.#symmetric.mixHash(init.prologue);
    this.#remoteStatic = pattern === "IK" && initiator ? init.remoteStatic : undefined;
    if (pattern === "IK") this.#symmetric.mixHash(initiator ? this.#remoteStatic! : staticKey.publicKey);
  }

  /** Whether all messages were said. */
  get done(): boolean {
    return this.#at === this.#messages.length;
  }

  /** The other end's static key, once it is known. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic;
  }

  /** Identifies this handshake: the same at both ends, and in no other one. */
  get handshakeHash(): Uint8Array {
    return this.#symmetric.hash;
  }

  /** The next message, with `payload` in it. Throws ERR_ASTRANET_HANDSHAKE where the other end's keys are of no use. */
  writeMessage(payload: Uint8Array): Uint8Array {
    const { crypto, random, staticKey } = this.#init;
    const parts: Uint8Array[] = [];
    for (const token of this.#nextMessage()) {
      if (token === "e") {
        const secretKey = random(KEY_BYTES);
        this.#ephemeral = crypto.dhKey(secretKey);
        secretKey.fill(0);
        parts.push(this.#ephemeral.publicKey);
        this.#mixEphemeral(this.#ephemeral.publicKey);
      } else if (token === "s") parts.push(this.#symmetric.encryptAndHash(staticKey.publicKey));
      else this.#mix(token);
    }
    parts.push(this.#symmetric.encryptAndHash(payload));
    return gather(parts);
  }

  /** The payload of the next message. Throws ERR_ASTRANET_HANDSHAKE where it is malformed, not authentic, or its keys are of no use. */
  readMessage(message: Uint8Array): Uint8Array {
    let at = 0;
    const take = (length: number): Uint8Array => {
      if (message.length - at < length) throw failed(`it is cut short at ${message.length} bytes`);
      at += length;
      return message.slice(at - length, at);
    };
    for (const token of this.#nextMessage()) {
      if (token === "e") {
        this.#remoteEphemeral = take(KEY_BYTES);
        this.#mixEphemeral(this.#remoteEphemeral);
      } else if (token === "s") this.#remoteStatic = this.#open(take(KEY_BYTES + this.#symmetric.tagBytes));
      else this.#mix(token);
    }
    if (message.length - at < this.#symmetric.tagBytes) throw failed(`it is cut short at ${message.length} bytes`);
    return this.#open(message.subarray(at));
  }

  /** The ciphers for what we send and what we receive. This state is of no use afterwards. */
  split(): { readonly send: CipherState; readonly receive: CipherState } {
    const [initiator, responder] = this.#symmetric.split();
    this.#ephemeral!.destroy();
    return this.#init.initiator ? { send: initiator, receive: responder } : { send: responder, receive: initiator };
  }

  /** Forgets the keys. */
  destroy(): void {
    this.#symmetric.destroy();
    this.#ephemeral?.destroy();
  }

  #nextMessage(): readonly Token[] {
    const tokens = this.#messages[this.#at];
    if (tokens === undefined) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the handshake has no further message");
    this.#at += 1;
    return tokens;
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    // So that keys differ where only the pre-shared key is mixed in (section 9.2).
    if (this.#init.psk !== undefined) this.#symmetric.mixKey(publicKey);
  }

  #mix(token: "ee" | "es" | "se" | "ss" | "psk"): void {
    if (token === "psk") {
      this.#symmetric.mixKeyAndHash(this.#init.psk!);
      return;
    }
    // The first letter is the initiator's key, the second the responder's.
    const [ours, theirs] = this.#init.initiator ? [token[0], token[1]] : [token[1], token[0]];
    const own = ours === "e" ? this.#ephemeral! : this.#init.staticKey;
    const shared = own.dh(theirs === "e" ? this.#remoteEphemeral! : this.#remoteStatic!);
    // A key of low order makes the secret zero whatever ours is: somebody wants to know it, or to have the same handshake hash twice.
    if (shared === undefined || shared.every((byte) => byte === 0)) throw failed("its public key is of low order, so that the shared secret would be zero");
    this.#symmetric.mixKey(shared);
    shared.fill(0);
  }

  #open(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#symmetric.decryptAndHash(ciphertext);
    if (plaintext === undefined) throw failed("it is not authentic: somebody changed it, or it was made for another key, another secret or another connection");
    return plaintext;
  }
}

function failed(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end's handshake message is of no use: ${why}`);
}
