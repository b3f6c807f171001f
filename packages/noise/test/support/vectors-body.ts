import { describe, expect, it } from "vitest";
import { gather } from "../../src/crypto/bytes.ts";
import type { CryptoProvider, Suite } from "../../src/crypto/provider.ts";
import { HandshakeState, type Pattern } from "../../src/state/handshake-state.ts";
import noise from "../../vectors/noise.json" with { type: "json" };
import { fromHex, toHex } from "./hex.ts";

const none = new Uint8Array(0);
const { keys } = noise;

/** What a vector's name says. */
function parse(name: string): { pattern: Pattern; psk: Uint8Array | undefined; suite: Suite } {
  const [, pattern = "", psk, suite] = /^Noise_(XX|IK)(psk0|psk2)?_25519_(AESGCM|ChaChaPoly)_SHA256$/.exec(name) ?? [];
  return { pattern: pattern as Pattern, psk: psk === undefined ? undefined : fromHex(keys.psk), suite: suite as Suite };
}

/** Both ends of a vector. */
function ends(crypto: CryptoProvider, name: string): readonly [initiator: HandshakeState, responder: HandshakeState] {
  const end = (initiator: boolean): HandshakeState =>
    new HandshakeState({
      ...parse(name),
      crypto,
      initiator,
      random: () => fromHex(initiator ? keys.initiatorEphemeral : keys.responderEphemeral),
      prologue: fromHex(keys.prologue),
      staticKey: crypto.dhKey(fromHex(initiator ? keys.initiatorStatic : keys.responderStatic)),
      remoteStatic: initiator ? crypto.dhKey(fromHex(keys.responderStatic)).publicKey : undefined,
    });
  return [end(true), end(false)];
}

/** The published vectors of Noise, with these primitives. */
export function testVectors(crypto: CryptoProvider): void {
  describe(`the published vectors, with the primitives of ${crypto.name}`, () => {
    it("are there for each pattern and suite that we have, with payloads and without", () => {
      const names = ["XX", "XXpsk0", "IK", "IKpsk2"].flatMap((pattern) => ["AESGCM", "ChaChaPoly"].map((suite) => `Noise_${pattern}_25519_${suite}_SHA256`));
      expect([...new Set(noise.vectors.map(({ name }) => name))].sort()).toEqual([...names].sort());
      for (const name of names) expect(noise.vectors.filter((vector) => vector.name === name).map(({ messages }) => messages[0]?.payload)).toEqual(["", "746573745f6d73675f30"]);
    });

    it.each(noise.vectors)("hold for $name, written and read", ({ name, messages }) => {
      const [initiator, responder] = ends(crypto, name);
      const rest = messages.slice();
      for (let [writer, reader] = [initiator, responder]; !initiator.done; [writer, reader] = [reader, writer]) {
        const { payload, ciphertext } = rest.shift()!;
        expect(toHex(writer.writeMessage(fromHex(payload)))).toBe(ciphertext);
        expect(toHex(reader.readMessage(fromHex(ciphertext)))).toBe(payload);
      }
      expect(responder.done).toBe(true);
      expect(toHex(initiator.handshakeHash)).toBe(toHex(responder.handshakeHash));
      expect(toHex(initiator.remoteStatic ?? none)).toBe(toHex(crypto.dhKey(fromHex(keys.responderStatic)).publicKey));
      expect(toHex(responder.remoteStatic ?? none)).toBe(toHex(crypto.dhKey(fromHex(keys.initiatorStatic)).publicKey));
      const here = initiator.split();
      const there = responder.split();
      expect(rest.length).toBe(2);
      for (const [send, receive] of [[here.send, there.receive], [there.send, here.receive]] as const) {
        const { payload, ciphertext } = rest.shift()!;
        expect(toHex(gather(send.encryptWithAd(none, [fromHex(payload)])))).toBe(ciphertext);
        expect(toHex(gather(receive.decryptWithAd(none, [fromHex(ciphertext)]) ?? []))).toBe(payload);
      }
    });
  });
}
