import { generateIdentity, pskFrom, secure, type Remote, type SecureOptions } from "@astranet/noise";
import { AstraError, memoryPair, type Connection } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { defaultCrypto } from "../src/crypto/default-crypto.ts";
import { toHex, text } from "./support/hex.ts";
import { alice, bob, optionsOf, securePair } from "./support/secure-pair.ts";
import { VirtualClock } from "./support/virtual-clock.ts";
import { listen, rejection, tapped } from "./support/wire.ts";

const psks = [pskFrom("a secret")];

describe.each([
  ["XX", []],
  ["XX", psks],
  ["IK", []],
  ["IK", psks],
] as const)("a handshake %s", (pattern, secrets) => {
  it(`tells both ends the other's key, what it said, and the same hash (${secrets.length} secrets)`, async () => {
    const [a, b] = await securePair({ both: { pattern, psks: secrets }, initiator: { payload: text("from a") }, responder: { payload: text("from b") } });
    expect(toHex(a.remoteStatic)).toBe(toHex(bob.publicKey));
    expect(toHex(b.remoteStatic)).toBe(toHex(alice.publicKey));
    expect(new TextDecoder().decode(a.remotePayload)).toBe("from b");
    expect(new TextDecoder().decode(b.remotePayload)).toBe("from a");
    expect(toHex(a.handshakeHash)).toBe(toHex(b.handshakeHash));
    expect(a.handshakeHash.length).toBe(32);
    expect([a.role, b.role, a.pattern, b.pattern]).toEqual(["initiator", "responder", pattern, pattern]);
    expect(a.suite).toBe(b.suite);
    const heard = [listen(a), listen(b)] as const;
    a.send([text("hello "), text("there")]);
    b.send([text("hi")]);
    a.close();
    expect(await Promise.all(heard.map(({ closed }) => closed))).toEqual([undefined, undefined]);
    expect(heard.map((one) => one.text())).toEqual(["hi", "hello there"]);
  });

  it(`has empty payloads by default, and another hash each time (${secrets.length} secrets)`, async () => {
    const [first, second] = [await securePair({ both: { pattern, psks: secrets } }), await securePair({ both: { pattern, psks: secrets } })];
    expect(first[0].remotePayload.length + first[1].remotePayload.length).toBe(0);
    expect(toHex(first[0].handshakeHash)).not.toBe(toHex(second[0].handshakeHash));
    for (const connection of [...first, ...second]) connection.abort();
  });

  it(`shows no payload, no key and no data on the wire (${secrets.length} secrets)`, async () => {
    const { initiator, responder, middle } = tapped();
    const [a, b] = await securePair({ both: { pattern, psks: secrets }, initiator: { payload: text("payload of a") }, responder: { payload: text("payload of b") } }, [initiator, responder]);
    const heard = [listen(a), listen(b)] as const;
    a.send([text("data of a")]);
    b.send([text("data of b")]);
    await Promise.all([heard[0].bytes(9), heard[1].bytes(9)]);
    const wire = [...middle.fromInitiator, ...middle.fromResponder].map(toHex).join("|");
    for (const hidden of [text("payload of"), text("data of"), alice.publicKey, bob.publicKey]) expect(wire).not.toContain(toHex(hidden));
    a.abort();
    b.abort();
  });

  it(`takes one round trip for the initiator: ${pattern === "XX" ? "three" : "two"} messages before its data (${secrets.length} secrets)`, async () => {
    const { initiator, responder, middle } = tapped();
    const [a, b] = await securePair({ both: { pattern, psks: secrets } }, [initiator, responder]);
    expect(middle.fromResponder.length).toBe(1);
    // IK's second is the empty record that confirms; both leave with the first data.
    expect(middle.fromInitiator.length).toBe(2);
    if (pattern === "IK") expect(middle.fromInitiator[1]!.length).toBe(18);
    a.abort();
    b.abort();
  });
});

describe("the initiator's first message", () => {
  it("leaves within the call, in one send", () => {
    const sent: (readonly Uint8Array[])[] = [];
    const connection = silent((chunks) => sent.push(chunks));
    for (const pattern of ["XX", "IK"] as const) {
      void secure(connection, { role: "initiator", identity: alice, pattern, remoteStatic: bob.publicKey, payload: text("hi") }).catch(() => undefined);
    }
    expect(sent.map((chunks) => chunks.length)).toEqual([1, 1]);
  });
});

describe("the suite", () => {
  it("is the initiator's first, where the responder takes it", async () => {
    for (const suite of ["AESGCM", "ChaChaPoly"] as const) {
      const [a, b] = await securePair({ initiator: { suites: [suite] } });
      expect([a.suite, b.suite]).toEqual([suite, suite]);
      a.abort();
      b.abort();
    }
  });

  it("that the responder does not take ends the handshake on both sides, with words", async () => {
    const [a, b] = await failing({ initiator: { suites: ["AESGCM", "ChaChaPoly"] }, responder: { suites: ["ChaChaPoly"] } });
    expect(a).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("cipher suite") as string });
    expect(b).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("wants the cipher suite AESGCM, we take ChaChaPoly") as string });
  });
});

describe("two ends that want different things", () => {
  it("fail on both sides where the patterns differ", async () => {
    const [a, b] = await failing({ initiator: { pattern: "IK" }, responder: { pattern: "XX" } });
    expect(a).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
    expect(b).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("wants the pattern IK, we want XX") as string });
  });

  it.each([
    ["prologues", { prologue: text("one") }, { prologue: text("other") }],
    ["counts of records before a new key", { rekeyAfterRecords: 5 }, { rekeyAfterRecords: 6 }],
    ["counts of bytes before a new key", { rekeyAfterBytes: 5 }, { rekeyAfterBytes: 6 }],
  ])("fail on both sides where their %s differ, in both patterns", async (_what, initiator, responder) => {
    for (const pattern of ["XX", "IK"] as const) {
      const [a, b] = await failing({ both: { pattern }, initiator, responder });
      expect(a).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
      expect(b).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
    }
  });

  it("agree where the prologue is the same", async () => {
    const [a, b] = await securePair({ both: { prologue: text("the same") } });
    a.abort();
    b.abort();
  });

  it("are told apart where both are initiators, or both responders", async () => {
    const pair = memoryPair();
    const both = pair.map((connection) => rejection(secure(connection, { role: "initiator", identity: alice })));
    for (const error of await Promise.all(both)) expect(error).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
    const clock = new VirtualClock();
    const silence = memoryPair().map((connection) => rejection(secure(connection, { role: "responder", identity: bob, clock })));
    clock.advance(5_000);
    for (const error of await Promise.all(silence)) expect(error).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: true });
  });
});

describe("the other end's key", () => {
  it("is checked against the one asked for, before ours is shown: another is EACCES", async () => {
    const stranger = generateIdentity();
    const { initiator, responder, middle } = tapped();
    const ends = [
      rejection(secure(initiator, { role: "initiator", identity: alice, remoteStatic: stranger.publicKey })),
      rejection(secure(responder, { role: "responder", identity: bob })),
    ];
    const [a, b] = await Promise.all(ends);
    expect(a).toMatchObject({ code: "EACCES", message: expect.stringContaining("another key") as string });
    expect(b).toMatchObject({ code: "EACCES", message: expect.stringContaining("refused") as string });
    // A word of one byte instead of the message with our key.
    expect(middle.fromInitiator.map(({ length }) => length)).toEqual([2 + 4 + 32, 3]);
  });

  it("is checked by a responder too", async () => {
    const [a, b] = await failing({ responder: { remoteStatic: generateIdentity().publicKey } }, true);
    expect(b).toMatchObject({ code: "EACCES", message: expect.stringContaining("another key") as string });
    expect(a).toMatchObject({ code: "EACCES", message: expect.stringContaining("refused") as string });
  });

  it("is accepted where it is the one asked for", async () => {
    const [a, b] = await securePair({ initiator: { remoteStatic: bob.publicKey }, responder: { remoteStatic: alice.publicKey } });
    a.abort();
    b.abort();
  });

  it("that is not the one IK was begun with cannot read the first message", async () => {
    const [a, b] = await failing({ both: { pattern: "IK" }, initiator: { remoteStatic: generateIdentity().publicKey } });
    expect(a).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("could not read our handshake message") as string });
    expect(b).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("not authentic") as string });
  });
});

describe("verify", () => {
  const refuse = (): never => {
    throw new AstraError("ERR_ASTRANET_ID_CONFLICT", "not you");
  };

  it.each(["XX", "IK"] as const)("refuses in %s: this end gets what it threw, the other EACCES", async (pattern) => {
    for (const role of ["initiator", "responder"] as const) {
      const [a, b] = await failing({ both: { pattern }, [role]: { verify: refuse } }, true);
      const [own, other] = role === "initiator" ? [a, b] : [b, a];
      expect(own).toMatchObject({ code: "ERR_ASTRANET_ID_CONFLICT" });
      expect(other).toMatchObject({ code: "EACCES", message: expect.stringContaining("refused us") as string });
    }
  });

  it.each(["XX", "IK"] as const)("gets the other end's key and payload once, in %s", async (pattern) => {
    const seen: Remote[] = [];
    const verify = (remote: Remote): void => void seen.push(remote);
    const [a, b] = await securePair({ both: { pattern, verify }, initiator: { payload: text("a") }, responder: { payload: text("b") } });
    expect(seen.map(({ remoteStatic, remotePayload }) => [toHex(remoteStatic), new TextDecoder().decode(remotePayload)]).sort()).toEqual(
      [
        [toHex(alice.publicKey), "a"],
        [toHex(bob.publicKey), "b"],
      ].sort(),
    );
    a.abort();
    b.abort();
  });
});

describe("a payload that is made when it is due", () => {
  it.each([
    ["XX", "b, not knowing anybody", "a, knowing b, not knowing anybody"],
    ["IK", "b, knowing a, not knowing anybody", "a, not knowing anybody"],
  ] as const)("gets what the other end said before, in %s", async (pattern, fromB, fromA) => {
    const payload = (name: string) => (remote: Remote | undefined) => text(`${name}, ${remote === undefined ? "not knowing anybody" : `knowing ${new TextDecoder().decode(remote.remotePayload)}`}`);
    const [a, b] = await securePair({ both: { pattern }, initiator: { payload: payload("a") }, responder: { payload: payload("b") } });
    expect(new TextDecoder().decode(a.remotePayload)).toBe(fromB);
    expect(new TextDecoder().decode(b.remotePayload)).toBe(fromA);
    a.abort();
    b.abort();
  });

  it("that throws ends the handshake with what it threw", async () => {
    const broken = new Error("no payload");
    const [a, b] = await failing({
      responder: {
        payload: () => {
          throw broken;
        },
      },
    });
    expect(b).toBe(broken);
    expect(a).toMatchObject({ code: "EACCES" });
  });

  it("that is too long for the other end is EINVAL, and says how long it may be", async () => {
    const fits = await securePair({ both: { payload: new Uint8Array(4_096 - 200) } });
    for (const connection of fits) connection.abort();
    const [, b] = await failing({ responder: { payload: new Uint8Array(4_096 - 199) } });
    expect(b).toMatchObject({ code: "EINVAL", message: expect.stringContaining("at most 3896") as string });
  });
});

describe("an abort", () => {
  it("rejects with the reason itself, aborts the connection, and leaves no timer and no listener", async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const reason = new Error("enough");
    const [here, there] = memoryPair();
    const other = listen(there);
    const attempt = rejection(secure(here, { role: "initiator", identity: alice, signal: controller.signal, clock }));
    expect(clock.timers).toBe(1);
    controller.abort(reason);
    expect(await attempt).toBe(reason);
    expect(clock.timers).toBe(0);
    expect(AstraError.is(await other.closed, "ECONNRESET")).toBe(true);
  });

  it("before the call does the same, and nothing is sent", async () => {
    const reason = new Error("never");
    const [here, there] = memoryPair();
    const other = listen(there);
    expect(await rejection(secure(here, { role: "initiator", identity: alice, signal: AbortSignal.abort(reason) }))).toBe(reason);
    await other.closed;
    expect(other.chunks).toEqual([]);
  });

  it("from within verify wins", async () => {
    for (const role of ["initiator", "responder"] as const) {
      const controller = new AbortController();
      const reason = new Error("from within");
      const verify = (): void => controller.abort(reason);
      const [a, b] = await failing({ both: { pattern: "IK" }, [role]: { verify, signal: controller.signal } }, true);
      expect(role === "initiator" ? a : b).toBe(reason);
    }
  });

  it("after the handshake does nothing, and no timer is left", async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const [a, b] = await securePair({ both: { signal: controller.signal, clock } });
    expect(clock.timers).toBe(0);
    controller.abort();
    const heard = listen(b);
    listen(a);
    a.send([text("still here")]);
    await heard.bytes(10);
    a.abort();
    b.abort();
  });
});

describe("wrong options", () => {
  const good: SecureOptions = { role: "initiator", identity: alice };
  it.each<[string, object, RegExp]>([
    ["a role that is none", { role: "client" }, /role is initiator or responder, not 'client'/],
    ["a role that is a number", { role: 5 }, /role is initiator or responder, not number/],
    ["a role of bytes, which may be a secret", { role: Uint8Array.of(1, 2, 3) }, /role is initiator or responder, not 3 bytes/],
    ["a time limit of bytes", { handshakeTimeoutMs: Uint8Array.of(9) }, /at least 1, not 1 bytes/],
    ["a pattern that is none", { pattern: "NN" }, /pattern is XX or IK, not 'NN'/],
    ["no identity", { identity: undefined }, /identity is what generateIdentity/],
    ["half an identity", { identity: { publicKey: alice.publicKey } }, /identity is what generateIdentity/],
    ["a key that is too short", { remoteStatic: new Uint8Array(31) }, /public key of 32 bytes, not 31 bytes/],
    ["IK without the responder's key", { pattern: "IK" }, /needs remoteStatic/],
    ["a secret where a key belongs", { psks: ["secret"] }, /a pre-shared key has 32 bytes, not string/],
    ["a pre-shared key that is too long", { psks: [new Uint8Array(33)] }, /32 bytes, not 33 bytes/],
    ["too many pre-shared keys", { psks: Array.from({ length: 9 }, () => new Uint8Array(32)) }, /at most 8/],
    ["pre-shared keys that are no list", { psks: new Uint8Array(32) }, /psks is a list/],
    ["a prologue that is text", { prologue: "text" }, /prologue is a Uint8Array, not string/],
    ["no suite", { suites: [] }, /at least one/],
    ["a suite that is none", { suites: ["DES"] }, /a suite is AESGCM or ChaChaPoly, not 'DES'/],
    ["a limit of no bytes", { maxHandshakeBytes: 255 }, /maxHandshakeBytes is a whole number of at least 256, not 255/],
    ["a time limit that is none", { handshakeTimeoutMs: 0 }, /handshakeTimeoutMs is a whole number of at least 1, not 0/],
    ["half a record", { rekeyAfterRecords: 1.5 }, /rekeyAfterRecords is a whole number of at least 1, not 1.5/],
    ["no bytes", { rekeyAfterBytes: 0 }, /rekeyAfterBytes/],
    ["a limit that is text", { maxUnstartedBytes: "all" }, /maxUnstartedBytes is a whole number of at least 65536, not string/],
  ])("are EINVAL and leave the connection alone: %s", async (_what, wrong, message) => {
    let touched = false;
    const connection = silent(() => (touched = true));
    connection.start = () => (touched = true);
    const error = await rejection(secure(connection, { ...good, ...wrong }));
    expect(error).toMatchObject({ code: "EINVAL", message: expect.stringMatching(message) as string });
    expect(touched).toBe(false);
  });

  it("name a suite that the provider does not have", async () => {
    const crypto = { ...defaultCrypto, name: "small", suites: ["AESGCM"] as const };
    const error = await rejection(secure(silent(), { ...good, crypto, suites: ["ChaChaPoly"] }));
    expect(error).toMatchObject({ code: "EINVAL", message: expect.stringContaining("'small' has no ChaChaPoly") as string });
  });

  it("are none at the edges", async () => {
    const [a, b] = await securePair({ both: { psks: Array.from({ length: 8 }, (_, i) => new Uint8Array(32).fill(i)), maxHandshakeBytes: 256, maxUnstartedBytes: 65_536 } });
    a.abort();
    b.abort();
  });
});

/** Both ends of a handshake that fails. `late`: an initiator of XX may learn of it only when it is through, by `closed`. */
async function failing(options: Parameters<typeof optionsOf>[0], late = false): Promise<[a: unknown, b: unknown]> {
  const [here, there] = memoryPair();
  const [initiator, responder] = optionsOf(options);
  const outcome = async (connection: Connection, end: SecureOptions): Promise<unknown> => {
    try {
      const secured = await secure(connection, end);
      const { closed } = listen(secured);
      if (late) return await closed;
      secured.abort();
      return new Error("it succeeded");
    } catch (error) {
      return error;
    }
  };
  return await Promise.all([outcome(here, initiator), outcome(there, responder)]);
}

/** A connection on which nothing ever comes. */
function silent(onsend: (chunks: readonly Uint8Array[]) => unknown = () => undefined): Connection {
  return { localAddress: "", remoteAddress: "", start: () => undefined, send: (chunks) => onsend(chunks) !== null, close: () => undefined, abort: () => undefined };
}
