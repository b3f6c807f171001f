import { chooseSuite, decodeSuites, encodeSuites, fingerprint, generateIdentity, identityFrom, preferredSuites, type Suite } from "@astranet/noise";
import { describe, expect, it } from "vitest";
import { defaultCrypto } from "../src/crypto/default-crypto.ts";
import primitives from "../vectors/primitives.json" with { type: "json" };
import { fromHex, toHex } from "./support/hex.ts";

const node: readonly Suite[] = ["AESGCM", "ChaChaPoly"];
const browser: readonly Suite[] = ["ChaChaPoly", "AESGCM"];
const lists: readonly (readonly Suite[])[] = [node, browser, ["AESGCM"], ["ChaChaPoly"], []];

describe("the suite of two ends", () => {
  it("is AESGCM where both prefer it, and ChaChaPoly where one does not", () => {
    expect(chooseSuite(node, node)).toBe("AESGCM");
    expect(chooseSuite(node, browser)).toBe("ChaChaPoly");
    expect(chooseSuite(browser, node)).toBe("ChaChaPoly");
    expect(chooseSuite(browser, browser)).toBe("ChaChaPoly");
  });

  it("is what both have, where they have one in common only", () => {
    expect(chooseSuite(browser, ["AESGCM"])).toBe("AESGCM");
    expect(chooseSuite(["ChaChaPoly"], node)).toBe("ChaChaPoly");
    expect(chooseSuite(["ChaChaPoly"], ["AESGCM"])).toBeUndefined();
    expect(chooseSuite([], node)).toBeUndefined();
  });

  it("is the same at both ends", () => {
    for (const one of lists) for (const other of lists) expect(chooseSuite(one, other)).toBe(chooseSuite(other, one));
  });
});

describe("a list of suites as a byte", () => {
  it("is itself again", () => {
    for (const list of lists) expect(decodeSuites(encodeSuites(list))).toEqual(list);
    expect(lists.map(encodeSuites)).toEqual([7, 3, 2, 1, 0]);
  });

  it("may have bits that are not known", () => {
    expect(decodeSuites(0xf8)).toEqual([]);
    expect(decodeSuites(0xfb)).toEqual(browser);
    expect(decodeSuites(0xff)).toEqual(node);
  });
});

describe("an identity", () => {
  it("has the public key of its secret key, and a copy of that", () => {
    for (const { secretKey, publicKey } of primitives.x25519PublicKeys) {
      const given = fromHex(secretKey);
      const identity = identityFrom(given);
      expect(toHex(identity.publicKey)).toBe(publicKey);
      given.fill(0);
      expect(toHex(identity.secretKey)).toBe(secretKey);
    }
  });

  it("is fresh each time, and what the randomness makes it", () => {
    expect(toHex(generateIdentity().secretKey)).not.toBe(toHex(generateIdentity().secretKey));
    const asked: number[] = [];
    const identity = generateIdentity((length) => (asked.push(length), new Uint8Array(length).fill(5)));
    expect(asked).toEqual([32]);
    expect(toHex(identity.secretKey)).toBe("05".repeat(32));
  });

  it("is made of 32 bytes and nothing else", () => {
    expect(() => identityFrom(new Uint8Array(31))).toThrow(/EINVAL: a secret key is a Uint8Array of 32 bytes, not 31 bytes/);
    expect(() => identityFrom("secret" as unknown as Uint8Array)).toThrow(/EINVAL.*not string/);
    expect(() => identityFrom(null as unknown as Uint8Array)).toThrow(/EINVAL.*not null/);
  });
});

describe("a fingerprint", () => {
  it("is the SHA-256 of a public key", () => {
    const key = fromHex("66".repeat(32));
    expect(toHex(fingerprint(key))).toBe(toHex(defaultCrypto.sha256([key])));
    expect(fingerprint(key).length).toBe(32);
  });

  it("is of 32 bytes and nothing else", () => {
    expect(() => fingerprint(new Uint8Array(33))).toThrow(/EINVAL: a public key is a Uint8Array of 32 bytes, not 33 bytes/);
  });
});

describe("this platform", () => {
  it("has both suites, and prefers the one that is fast here", () => {
    expect(preferredSuites()).toEqual(defaultCrypto.name === "node" ? node : browser);
    expect(["node", "noble"]).toContain(defaultCrypto.name);
    expect(defaultCrypto.name === "noble").toBe("window" in globalThis);
  });
});
