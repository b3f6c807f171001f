import { describe, expect, it } from "vitest";
import { gather, lengthOf } from "../../src/crypto/bytes.ts";
import type { CryptoProvider, Suite } from "../../src/crypto/provider.ts";
import primitives from "../../vectors/primitives.json" with { type: "json" };
import { fromHex, toHex } from "./hex.ts";

const none = new Uint8Array(0);

/** Points of low order on Curve25519 and its twist, and encodings of them that are not reduced: cr.yp.to/ecdh.html#validate. */
const lowOrder = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/** What holds for every crypto provider. */
export function testCrypto(provider: CryptoProvider): void {
  describe(`the primitives of ${provider.name}`, () => {
    it.each(primitives.x25519)("agree on the shared secret of $source", ({ secretKey, publicKey, shared }) => {
      expect(toHex(provider.dhKey(fromHex(secretKey)).dh(fromHex(publicKey)) ?? none)).toBe(shared);
    });

    it.each(primitives.x25519PublicKeys)("compute the public key of $source", ({ secretKey, publicKey }) => {
      expect(toHex(provider.dhKey(fromHex(secretKey)).publicKey)).toBe(publicKey);
    });

    it("come to RFC 7748's result of 1,000 rounds of X25519", () => {
      const { start, after1, after1000 } = primitives.x25519Iterated;
      let k = fromHex(start);
      let u = fromHex(start);
      for (let round = 1; round <= 1_000; round += 1) {
        const next = provider.dhKey(k).dh(u) ?? none;
        u = k;
        k = next;
        if (round === 1) expect(toHex(k)).toBe(after1);
      }
      expect(toHex(k)).toBe(after1000);
    });

    it.each(lowOrder)("give no shared secret with the point %s, which is of low order", (point) => {
      expect(provider.dhKey(new Uint8Array(32).fill(7)).dh(fromHex(point))).toBeUndefined();
    });

    it("make a key ready without keeping or changing the bytes given", () => {
      const [vector] = primitives.x25519;
      const secretKey = fromHex(vector!.secretKey);
      const key = provider.dhKey(secretKey);
      expect(toHex(secretKey)).toBe(vector!.secretKey);
      secretKey.fill(0);
      expect(toHex(key.dh(fromHex(vector!.publicKey)) ?? none)).toBe(vector!.shared);
      const aead = primitives.aead[0]!;
      const bytes = fromHex(aead.key);
      const cipher = provider.aeadKey(aead.suite as Suite, bytes);
      expect(toHex(bytes)).toBe(aead.key);
      bytes.fill(0);
      expect(toHex(gather(cipher.seal(fromHex(aead.nonce), fromHex(aead.ad), [fromHex(aead.plaintext)], none)))).toBe(aead.sealed);
    });

    it("are of no use after destroy: a destroyed key gives no right answer", () => {
      const [vector] = primitives.x25519;
      const key = provider.dhKey(fromHex(vector!.secretKey));
      key.destroy();
      expect(orThrown(() => toHex(key.dh(fromHex(vector!.publicKey)) ?? none))).not.toBe(vector!.shared);
      const aead = primitives.aead[0]!;
      const cipher = provider.aeadKey(aead.suite as Suite, fromHex(aead.key));
      cipher.destroy();
      expect(orThrown(() => toHex(gather(cipher.seal(fromHex(aead.nonce), fromHex(aead.ad), [fromHex(aead.plaintext)], none))))).not.toBe(aead.sealed);
      expect(orThrown(() => cipher.open(fromHex(aead.nonce), fromHex(aead.ad), [fromHex(aead.sealed)]))).not.toBeInstanceOf(Array);
    });

    it.each(primitives.sha256)("hash $source, in pieces too", ({ data, hash }) => {
      expect(toHex(provider.sha256([fromHex(data)]))).toBe(hash);
      expect(toHex(provider.sha256(Array.from(fromHex(data), (byte) => Uint8Array.of(byte))))).toBe(hash);
    });

    it.each(primitives.hmacSha256)("authenticate $source, in pieces too", ({ key, data, mac }) => {
      expect(toHex(provider.hmacSha256(fromHex(key), [fromHex(data)]))).toBe(mac);
      expect(toHex(provider.hmacSha256(fromHex(key), Array.from(fromHex(data), (byte) => Uint8Array.of(byte))))).toBe(mac);
    });

    it("have both suites, and give plain arrays", () => {
      expect([...provider.suites].sort()).toEqual(["AESGCM", "ChaChaPoly"]);
      const key = provider.dhKey(new Uint8Array(32).fill(1));
      const cipher = provider.aeadKey("AESGCM", new Uint8Array(32));
      const sealed = cipher.seal(new Uint8Array(12), none, [new Uint8Array(10_000)], none);
      const opened = cipher.open(new Uint8Array(12), none, sealed) ?? [];
      for (const bytes of [key.publicKey, key.dh(provider.dhKey(new Uint8Array(32).fill(2)).publicKey) ?? none, provider.sha256([]), provider.hmacSha256(none, []), ...sealed, ...opened]) {
        expect(bytes.constructor).toBe(Uint8Array);
      }
    });
  });

  describe.each(primitives.aead)(`the cipher of ${provider.name} for $source`, ({ suite, key: keyHex, nonce: nonceHex, ad: adHex, plaintext, sealed }) => {
    const key = provider.aeadKey(suite as Suite, fromHex(keyHex));
    const nonce = fromHex(nonceHex);
    const ad = fromHex(adHex);
    const cut = (bytes: Uint8Array, at: number): Uint8Array[] => [bytes.slice(0, at), bytes.slice(at)];

    it("seals, whole and in pieces, after a prefix", () => {
      const bytes = fromHex(plaintext);
      expect(toHex(gather(key.seal(nonce, ad, [bytes], none)))).toBe(sealed);
      expect(toHex(gather(key.seal(nonce, ad, Array.from(bytes, (byte) => Uint8Array.of(byte)), Uint8Array.of(0xab, 0xcd))))).toBe(`abcd${sealed}`);
      expect(toHex(bytes)).toBe(plaintext);
    });

    it("opens, whole and in two pieces cut anywhere", () => {
      const bytes = fromHex(sealed);
      for (let at = 0; at <= bytes.length; at += 1) expect(toHex(gather(key.open(nonce, ad, cut(bytes, at)) ?? [Uint8Array.of(1)]))).toBe(plaintext);
      expect(toHex(gather(key.open(nonce, ad, [bytes]) ?? [Uint8Array.of(1)]))).toBe(plaintext);
      expect(toHex(gather(key.open(nonce, ad, Array.from(bytes, (byte) => Uint8Array.of(byte))) ?? [Uint8Array.of(1)]))).toBe(plaintext);
      expect(toHex(bytes)).toBe(sealed);
    });

    it("opens nothing of which a bit was changed, nor with another nonce or other associated data", () => {
      const bytes = fromHex(sealed);
      for (let at = 0; at < bytes.length; at += 1) {
        const changed = bytes.slice();
        changed[at]! ^= 1 << (at % 8);
        expect(key.open(nonce, ad, [changed])).toBeUndefined();
      }
      expect(key.open(new Uint8Array(12).fill(9), ad, [bytes])).toBeUndefined();
      expect(key.open(nonce, Uint8Array.of(1, 2), [bytes])).toBeUndefined();
    });
  });

  describe.each(["AESGCM", "ChaChaPoly"] as const)(`the cipher ${provider.name} %s`, (suite) => {
    it("gives the same for one message however it is cut, from nothing to the longest record", () => {
      const key = provider.aeadKey(suite, new Uint8Array(32).fill(5));
      const nonce = new Uint8Array(12).fill(3);
      for (const length of [0, 1, 15, 16, 17, 4_095, 4_096, 4_097, 9_000, 65_519]) {
        const bytes = new Uint8Array(length).map((_, i) => i * 7);
        const whole = toHex(gather(key.seal(nonce, none, [bytes], none)));
        const cuts = [[3, 9, 4_097, 4_106, 8_300], [1], [5_000], [4_096, 8_192]];
        for (const cut of cuts) {
          const at = [0, ...cut.filter((place) => place < length), length];
          const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
          const sealed = key.seal(nonce, none, pieces, Uint8Array.of(1, 2));
          expect(lengthOf(sealed)).toBe(2 + length + 16);
          expect(toHex(gather(sealed))).toBe(`0102${whole}`);
        }
        expect(toHex(gather(key.open(nonce, none, [fromHex(whole)]) ?? [Uint8Array.of(1)]))).toBe(toHex(bytes));
      }
    });

    it("gives pieces that nobody else holds: changing them changes nothing that was given", () => {
      const key = provider.aeadKey(suite, new Uint8Array(32).fill(5));
      const nonce = new Uint8Array(12);
      const given = [new Uint8Array(5_000).fill(1), Uint8Array.of(2), new Uint8Array(5_000).fill(3)];
      const sealed = key.seal(nonce, none, given, none);
      const copy = sealed.map((piece) => piece.slice());
      for (const piece of key.open(nonce, none, sealed) ?? []) piece.fill(0xff);
      expect(sealed).toEqual(copy);
      for (const piece of sealed) piece.fill(0xff);
      expect(given).toEqual([new Uint8Array(5_000).fill(1), Uint8Array.of(2), new Uint8Array(5_000).fill(3)]);
    });
  });
}

function orThrown(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
