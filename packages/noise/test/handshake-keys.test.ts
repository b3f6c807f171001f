import { secure, type SecureOptions } from "@astranet/noise";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { sameBytes } from "../src/crypto/bytes.ts";
import { defaultCrypto } from "../src/crypto/default-crypto.ts";
import { identityFrom, staticKeyOf } from "../src/identity.ts";
import { hintOf } from "../src/psk.ts";
import { HandshakeState, type Pattern } from "../src/state/handshake-state.ts";
import { countingCrypto } from "./support/counting-crypto.ts";
import { text, toHex } from "./support/hex.ts";
import { alice, bob, optionsOf } from "./support/secure-pair.ts";
import { VirtualClock } from "./support/virtual-clock.ts";
import { framed, listen, rejection, tapped } from "./support/wire.ts";

describe("the keys of a handshake", () => {
  it.each(["abort", "time", "end"] as const)("are all destroyed when it is given up half-way, by %s", async (how) => {
    const crypto = countingCrypto();
    const clock = new VirtualClock();
    const controller = new AbortController();
    const [here, there] = memoryPair();
    const [options] = optionsOf({ both: { pattern: "IK", psks: [new Uint8Array(32)], crypto, clock, signal: controller.signal } });
    const attempt = rejection(secure(here, options));
    listen(there);
    expect(crypto.made).toBeGreaterThan(crypto.destroyed);
    if (how === "abort") controller.abort(new Error("enough"));
    else if (how === "time") clock.advance(5_000);
    else there.close();
    await attempt;
    expect(crypto.destroyed).toBe(crypto.made);
  });

  it.each([
    ["XX", "initiator"],
    ["XX", "responder"],
    ["IK", "initiator"],
    ["IK", "responder"],
  ] as const)("are all destroyed when it is aborted from within verify, in %s by its %s", async (pattern, role) => {
    for (const throwing of [false, true]) {
      const crypto = countingCrypto();
      const controller = new AbortController();
      const reason = new Error("from within");
      const verify = (): void => {
        controller.abort(reason);
        if (throwing) throw new Error("another one");
      };
      const [first, second] = optionsOf({ both: { pattern }, [role]: { crypto, verify, signal: controller.signal } as Partial<SecureOptions> });
      const [here, there] = memoryPair();
      const ends = [secure(here, first), secure(there, second)].map((attempt) => attempt.then((connection) => listen(connection).closed, (error: unknown) => error));
      expect((await Promise.all(ends))[role === "initiator" ? 0 : 1]).toBe(reason);
      expect([crypto.made > 0, crypto.destroyed]).toEqual([true, crypto.made]);
    }
  });

  it.each([
    ["data", () => framed(new Uint8Array(30))],
    ["a forged confirmation", () => framed(new Uint8Array(16))],
  ])("are all destroyed when IK's responder gets %s instead of the confirmation", async (_what, instead) => {
    const crypto = countingCrypto();
    const wire = tapped();
    wire.middle.toResponder = (message, index) => [index === 1 ? instead() : message];
    const [first, second] = optionsOf({ both: { pattern: "IK" }, responder: { crypto } });
    const b = rejection(secure(wire.responder, second));
    const a = await secure(wire.initiator, first);
    listen(a);
    await b;
    expect([crypto.made > 0, crypto.destroyed]).toEqual([true, crypto.made]);
    a.abort();
  });
});

/** One end of a handshake without a connection. */
function stateOf(pattern: Pattern, initiator: boolean): HandshakeState {
  const [own, other] = initiator ? [alice, bob] : [bob, alice];
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(initiator ? 1 : 2);
  return new HandshakeState({
    crypto: defaultCrypto,
    random,
    pattern,
    suite: "ChaChaPoly",
    initiator,
    prologue: new Uint8Array(0),
    staticKey: defaultCrypto.dhKey(own.secretKey),
    remoteStatic: other.publicKey,
    psk: undefined,
  });
}

describe("a handshake's state", () => {
  it("takes no key for the other end's before it came, though one is asked for; IK's initiator alone has it", () => {
    expect([stateOf("XX", true), stateOf("XX", false), stateOf("IK", false)].map(({ remoteStatic }) => remoteStatic)).toEqual([undefined, undefined, undefined]);
    expect(stateOf("IK", true).remoteStatic).toEqual(bob.publicKey);
  });

  it("has no further message once all were said", () => {
    const [here, there] = [stateOf("IK", true), stateOf("IK", false)];
    there.readMessage(here.writeMessage(new Uint8Array(0)));
    here.readMessage(there.writeMessage(new Uint8Array(0)));
    expect([here.done, there.done]).toEqual([true, true]);
    expect(() => here.writeMessage(new Uint8Array(0))).toThrow(/ERR_ASTRANET_INVALID_STATE: the handshake has no further message/);
    expect(() => there.readMessage(new Uint8Array(99))).toThrow(/ERR_ASTRANET_INVALID_STATE: the handshake has no further message/);
  });
});

describe("an identity's key", () => {
  it("is made ready once for each provider, and not for each handshake", () => {
    const identity = identityFrom(new Uint8Array(32).fill(3));
    const [one, other] = [countingCrypto(), countingCrypto()];
    const key = staticKeyOf(identity, one);
    expect(staticKeyOf(identity, one)).toBe(key);
    expect(staticKeyOf(identity, other)).not.toBe(key);
    expect(toHex(staticKeyOf(identity, other).publicKey)).toBe(toHex(identity.publicKey));
  });
});

describe("a hint", () => {
  it("is the same in every version of this package", () => {
    expect(toHex(hintOf(defaultCrypto, new Uint8Array(32).fill(7), text("prologue"), text("message")))).toBe("58a599a97087cb1f");
  });
});

describe("two arrays", () => {
  it("hold the same bytes only where they have the same length", () => {
    expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(sameBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
    for (const other of [[1], [1, 2, 0], [1, 3], [0, 2], []]) expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.from(other))).toBe(false);
    expect(sameBytes(Uint8Array.of(1, 2, 0), Uint8Array.of(1, 2))).toBe(false);
  });
});
