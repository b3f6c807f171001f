import { expect, it } from "vitest";
import type { DhKey } from "@astranet/noise";
import { defaultCrypto } from "../src/crypto/default-crypto.ts";
import { provider } from "../src/node/node-crypto.ts";
import { testCrypto } from "./support/crypto-body.ts";
import { testVectors } from "./support/vectors-body.ts";

testCrypto(provider);
testVectors(provider);

it("is node:crypto that Node gets", () => {
  expect(defaultCrypto).toBe(provider);
  expect(defaultCrypto.suites).toEqual(["AESGCM", "ChaChaPoly"]);
});

it("gives keys that do nothing more once they are destroyed", () => {
  const none = new Uint8Array(0);
  const [dh, other] = [1, 2].map((byte) => provider.dhKey(new Uint8Array(32).fill(byte))) as [DhKey, DhKey];
  const aead = provider.aeadKey("AESGCM", new Uint8Array(32));
  const sealed = aead.seal(new Uint8Array(12), none, [none], none);
  for (const key of [dh, aead]) key.destroy();
  for (const use of [() => dh.dh(other.publicKey), () => aead.seal(new Uint8Array(12), none, [none], none), () => aead.open(new Uint8Array(12), none, sealed)]) {
    expect(use).toThrow(/ERR_ASTRANET_INVALID_STATE: the key was destroyed/);
  }
});
