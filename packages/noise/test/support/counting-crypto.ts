import type { AeadKey, CryptoProvider, DhKey } from "@astranet/noise";
import { defaultCrypto } from "../../src/crypto/default-crypto.ts";

/** Real primitives that count what they are asked for. */
export interface CountingCrypto extends CryptoProvider {
  /** Shared secrets that were computed. */
  agreed: number;
  /** Cipher keys made and destroyed. */
  made: number;
  destroyed: number;
}

export function countingCrypto(inner: CryptoProvider = defaultCrypto): CountingCrypto {
  const crypto: CountingCrypto = {
    name: "counting",
    suites: inner.suites,
    agreed: 0,
    made: 0,
    destroyed: 0,
    dhKey: (secretKey): DhKey => {
      const key = inner.dhKey(secretKey);
      return {
        publicKey: key.publicKey,
        dh: (publicKey) => {
          crypto.agreed += 1;
          return key.dh(publicKey);
        },
        destroy: () => key.destroy(),
      };
    },
    sha256: (chunks) => inner.sha256(chunks),
    hmacSha256: (key, chunks) => inner.hmacSha256(key, chunks),
    aeadKey: (suite, bytes): AeadKey => {
      const key = inner.aeadKey(suite, bytes);
      let alive = true;
      crypto.made += 1;
      return {
        seal: (nonce, ad, chunks, prefix) => key.seal(nonce, ad, chunks, prefix),
        open: (nonce, ad, chunks) => key.open(nonce, ad, chunks),
        destroy: () => {
          if (alive) crypto.destroyed += 1;
          alive = false;
          key.destroy();
        },
      };
    },
  };
  return crypto;
}
