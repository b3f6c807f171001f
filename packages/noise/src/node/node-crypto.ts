import { createCipheriv, createDecipheriv, createHash, createHmac, createPrivateKey, createPublicKey, createSecretKey, diffieHellman, getCiphers, type KeyObject } from "node:crypto";
import { AstraError } from "@astranet/transport";
import { gather, joinShort, lengthOf, splitTag } from "../crypto/bytes.ts";
import { KEY_BYTES, TAG_BYTES, type AeadKey, type CryptoProvider, type DhKey, type Suite } from "../crypto/provider.ts";

const ciphers = { AESGCM: "aes-256-gcm", ChaChaPoly: "chacha20-poly1305" } as const;
const options = { authTagLength: TAG_BYTES };
/** A call of the cipher for each of many small chunks would cost more than to copy them together. */
const SMALL_BYTES = 4_096;

/** Primitives of Node's OpenSSL. AESGCM first: processors that run Node have it in hardware. Some builds, on BoringSSL, have no ChaChaPoly. */
export const provider: CryptoProvider = {
  name: "node",
  suites: (["AESGCM", "ChaChaPoly"] as const).filter((suite) => getCiphers().includes(ciphers[suite])),
  dhKey: (secretKey) => new NodeDhKey(secretKey),
  sha256: (chunks) => {
    const hash = createHash("sha256");
    for (const chunk of chunks) hash.update(chunk);
    return plain(hash.digest());
  },
  hmacSha256: (key, chunks) => {
    const mac = createHmac("sha256", key);
    for (const chunk of chunks) mac.update(chunk);
    return plain(mac.digest());
  },
  aeadKey: (suite, key) => new NodeAeadKey(suite, key),
};

/** As JWK, because OpenSSL 3 takes ten times as long to read a key as DER. */
class NodeDhKey implements DhKey {
  readonly publicKey: Uint8Array;
  #key: KeyObject | undefined;

  constructor(secretKey: Uint8Array) {
    // What stands in `x` is not looked at: the public key is computed.
    const key = createPrivateKey({ key: { kty: "OKP", crv: "X25519", d: base64(secretKey), x: unknown }, format: "jwk" });
    this.publicKey = plain(Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url"));
    this.#key = key;
  }

  dh(publicKey: Uint8Array): Uint8Array | undefined {
    const key = alive(this.#key);
    const other = createPublicKey({ key: { kty: "OKP", crv: "X25519", x: base64(publicKey) }, format: "jwk" });
    try {
      return plain(diffieHellman({ privateKey: key, publicKey: other }));
    } catch {
      // OpenSSL fails for one thing only: the secret would be zero.
      return undefined;
    }
  }

  destroy(): void {
    this.#key = undefined;
  }
}

class NodeAeadKey implements AeadKey {
  readonly #cipher: (typeof ciphers)[Suite];
  #key: KeyObject | undefined;

  constructor(suite: Suite, key: Uint8Array) {
    this.#cipher = ciphers[suite];
    this.#key = createSecretKey(key);
  }

  seal(nonce: Uint8Array, ad: Uint8Array, chunks: readonly Uint8Array[], prefix: Uint8Array): Uint8Array[] {
    // The types know one name or the other, and both give the same methods.
    const cipher = createCipheriv(this.#cipher as "aes-256-gcm", alive(this.#key), nonce, options);
    if (ad.length > 0) cipher.setAAD(ad);
    const length = lengthOf(chunks);
    if (length <= SMALL_BYTES) {
      const ciphertext = cipher.update(chunks.length === 1 ? chunks[0]! : gather(chunks, length));
      cipher.final();
      return [gather([prefix, ciphertext, cipher.getAuthTag()], prefix.length + length + TAG_BYTES)];
    }
    const sealed = prefix.length === 0 ? [] : [prefix];
    for (const chunk of joinShort(chunks, SMALL_BYTES)) sealed.push(plain(cipher.update(chunk)));
    cipher.final();
    sealed.push(plain(cipher.getAuthTag()));
    return sealed;
  }

  open(nonce: Uint8Array, ad: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array[] | undefined {
    const { ciphertext, tag } = splitTag(chunks);
    const cipher = createDecipheriv(this.#cipher as "aes-256-gcm", alive(this.#key), nonce, options);
    cipher.setAuthTag(tag);
    if (ad.length > 0) cipher.setAAD(ad);
    const opened = ciphertext.map((chunk) => plain(cipher.update(chunk)));
    try {
      cipher.final();
    } catch {
      for (const chunk of opened) chunk.fill(0);
      return undefined;
    }
    return opened;
  }

  destroy(): void {
    // OpenSSL wipes its copy once nothing holds the key object.
    this.#key = undefined;
  }
}

function alive(key: KeyObject | undefined): KeyObject {
  if (key === undefined) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the key was destroyed");
  return key;
}

const unknown = base64(new Uint8Array(KEY_BYTES));

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
}

/** A plain view: a Buffer's slice() would not copy as a Uint8Array's does. */
function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
