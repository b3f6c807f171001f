import { pskFrom, secure, type SecureOptions } from "@astranet/noise";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { countingCrypto, type CountingCrypto } from "./support/counting-crypto.ts";
import { text, toHex } from "./support/hex.ts";
import { alice, bob, optionsOf, securePair } from "./support/secure-pair.ts";
import { framed, listen, rejection, tapped } from "./support/wire.ts";

const [one, two, three] = [pskFrom("one"), pskFrom("two"), pskFrom("three")];

/** What both ends end with, and what the responder had to compute. */
async function refused(
  initiator: Partial<SecureOptions>,
  responder: Partial<SecureOptions>,
  pattern: "XX" | "IK" = "XX",
): Promise<{ a: unknown; b: unknown; crypto: CountingCrypto; messages: [number, number] }> {
  const crypto = countingCrypto();
  const wire = tapped();
  const [first, second] = optionsOf({ both: { pattern }, initiator, responder: { ...responder, crypto } });
  const [a, b] = await Promise.all([rejection(secure(wire.initiator, first)), rejection(secure(wire.responder, second))]);
  return { a, b, crypto, messages: [wire.middle.fromInitiator.length, wire.middle.fromResponder.length] };
}

describe.each(["XX", "IK"] as const)("a secret, in %s", (pattern) => {
  it("that is wrong is EACCES at both ends within one round trip, and the responder computes no shared secret", async () => {
    const { a, b, crypto, messages } = await refused({ psks: [one] }, { psks: [two] }, pattern);
    expect(a).toMatchObject({ code: "EACCES", retryable: false, message: expect.stringContaining("wrong secret: the other end does not know ours") as string });
    expect(b).toMatchObject({ code: "EACCES", message: expect.stringContaining("wrong secret: the other end's is none of ours") as string });
    expect(crypto.agreed).toBe(0);
    expect(messages).toEqual([1, 1]);
  });

  it("that is missing is EACCES at both ends, with words for it, and the responder computes no shared secret", async () => {
    const { a, b, crypto } = await refused({}, { psks: [two] }, pattern);
    expect(a).toMatchObject({ code: "EACCES", message: expect.stringContaining("no secret: the other end asks for one") as string });
    expect(b).toMatchObject({ code: "EACCES", message: expect.stringContaining("no secret: we ask for one") as string });
    expect(crypto.agreed).toBe(0);
  });

  it("that the responder does not have is EACCES at both ends, with words for it", async () => {
    const { a, b, crypto } = await refused({ psks: [one] }, {}, pattern);
    expect(a).toMatchObject({ code: "EACCES", message: expect.stringContaining("we use a secret, and the other end has none") as string });
    expect(b).toMatchObject({ code: "EACCES", message: expect.stringContaining("the other end uses a secret, and we have none") as string });
    expect(crypto.agreed).toBe(0);
  });

  it("is one of the responder's: any of them will do", async () => {
    for (const psk of [one, two, three]) {
      const [a, b] = await securePair({ both: { pattern }, initiator: { psks: [psk] }, responder: { psks: [one, two, three] } });
      a.abort();
      b.abort();
    }
  });

  it("is changed in a running network: old to [new, old] to new, in any order of restarts, and each meets each", async () => {
    const [old, fresh] = [one, two];
    const states = [[old], [fresh, old], [fresh]];
    for (const [i, first] of states.entries()) {
      for (const [j, second] of states.entries()) {
        if (Math.abs(i - j) > 1) continue;
        const [a, b] = await securePair({ both: { pattern }, initiator: { psks: first, payload: text("hi") }, responder: { psks: second } });
        const heard = listen(b);
        a.send([text("through")]);
        await heard.bytes(7);
        expect(new TextDecoder().decode(b.remotePayload)).toBe("hi");
        a.abort();
        b.abort();
      }
    }
  });

  it("of which none fits ends after a round trip for each, EACCES at both ends", async () => {
    const { a, b, crypto, messages } = await refused({ psks: [one, two] }, { psks: [three] }, pattern);
    expect(a).toMatchObject({ code: "EACCES", message: expect.stringContaining("knows none of our 2") as string });
    expect(b).toMatchObject({ code: "EACCES" });
    expect(crypto.agreed).toBe(0);
    expect(messages).toEqual([2, 2]);
  });

  it("may be tried 8 times on a connection, and each time with a payload as long as ever", async () => {
    const wrong = Array.from({ length: 7 }, (_, i) => pskFrom(`wrong ${i}`));
    const [a, b] = await securePair({ both: { pattern }, initiator: { psks: [...wrong, one], payload: new Uint8Array(3_000) }, responder: { psks: [one] } });
    expect(b.remotePayload.length).toBe(3_000);
    a.abort();
    b.abort();
  });

  it("shows in nothing that is the same twice: no observer can tell networks apart by a hint", async () => {
    const seen: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      const wire = tapped();
      const [a, b] = await securePair({ both: { pattern, psks: [one] } }, [wire.initiator, wire.responder]);
      seen.push(toHex(wire.middle.fromInitiator[0]!.subarray(6, 14)));
      a.abort();
      b.abort();
    }
    expect(new Set(seen).size).toBe(20);
  });

  it("guards against a first message that was recorded: with another prologue it is turned away before anything is computed", async () => {
    const wire = tapped();
    const ends = await securePair({ both: { pattern, psks: [one], prologue: text("then") } }, [wire.initiator, wire.responder]);
    for (const end of ends) end.abort();
    const crypto = countingCrypto();
    const [here, there] = memoryPair();
    const attempt = rejection(secure(there, { role: "responder", pattern, identity: bob, psks: [one], prologue: text("now"), crypto }));
    listen(here);
    here.send([wire.middle.fromInitiator[0]!]);
    expect(await attempt).toMatchObject({ code: "EACCES" });
    expect(crypto.agreed).toBe(0);
  });

  it("guards each byte of the first message: one that was changed is turned away before anything is computed", async () => {
    const wire = tapped();
    const ends = await securePair({ both: { pattern, psks: [one] } }, [wire.initiator, wire.responder]);
    for (const end of ends) end.abort();
    const original = wire.middle.fromInitiator[0]!;
    for (let at = 6; at < original.length; at += 1) {
      const changed = original.slice();
      changed[at]! ^= 0x40;
      const crypto = countingCrypto();
      const [here, there] = memoryPair();
      const attempt = rejection(secure(there, { role: "responder", pattern, identity: bob, psks: [one], crypto }));
      listen(here);
      here.send([changed]);
      expect(await attempt).toMatchObject({ code: "EACCES" });
      expect(crypto.agreed).toBe(0);
      here.abort();
    }
  });
});

describe("a stranger without the secret", () => {
  it("that goes on after being turned away is cut off after 8 tries", async () => {
    const [here, there] = memoryPair();
    const crypto = countingCrypto();
    const attempt = rejection(secure(there, { role: "responder", identity: bob, psks: [one], crypto }));
    const heard = listen(here);
    // version 1, XX, ChaChaPoly, and 200 secrets yet to try
    const message = framed(Uint8Array.from([1, 1, 1, 200, ...new Uint8Array(8 + 48)]));
    for (let i = 0; i < 9; i += 1) here.send([message]);
    expect(await attempt).toMatchObject({ code: "EACCES" });
    await heard.closed;
    expect(heard.chunks.map(toHex).join("")).toBe("000101".repeat(8));
    expect(crypto.agreed).toBe(0);
  });

  it("learns of a responder's secret nothing but that there is one", async () => {
    const [here, there] = memoryPair();
    const attempt = rejection(secure(there, { role: "responder", identity: bob, psks: [one, two] }));
    const heard = listen(here);
    here.send([framed(Uint8Array.from([1, 1, 1, 1, ...new Uint8Array(8 + 48)]))]);
    await attempt;
    here.close();
    await heard.closed;
    expect(heard.chunks.map(toHex).join("")).toBe("000101");
  });
});

describe("a pre-shared key", () => {
  it("is the same for the same secret, as text or as bytes, and 32 bytes long", () => {
    expect(toHex(pskFrom("secret"))).toBe(toHex(pskFrom(text("secret"))));
    expect(toHex(pskFrom("secret"))).not.toBe(toHex(pskFrom("Secret")));
    expect(pskFrom("x").length).toBe(32);
    // Fixed: two versions of this package must come to the same.
    expect(toHex(pskFrom("secret"))).toBe(PSK_OF_SECRET);
  });

  it("is not made of nothing", () => {
    expect(() => pskFrom("")).toThrow(/EINVAL: a secret is not empty/);
    expect(() => pskFrom(new Uint8Array(0))).toThrow(/EINVAL/);
    expect(() => pskFrom(7 as unknown as string)).toThrow(/EINVAL: a secret is a text or a Uint8Array, not number/);
  });

  it("belongs to no role: either end may begin", async () => {
    const [a, b] = await securePair({ both: { psks: [one] }, initiator: { identity: bob }, responder: { identity: alice } });
    a.abort();
    b.abort();
  });
});

const PSK_OF_SECRET = "d4dfbbc41c48bbf5be783c1d5fe5e84a319e950aee2aa57556b3f2dfce518d7b";
