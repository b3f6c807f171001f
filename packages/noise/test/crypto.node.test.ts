import { expect, it } from "vitest";
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
