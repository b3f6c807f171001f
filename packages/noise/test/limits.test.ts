import { secure } from "@astranet/noise";
import { memoryPair, systemClock, type Connection } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { countingCrypto } from "./support/counting-crypto.ts";
import { fromHex, text } from "./support/hex.ts";
import { alice, bob, optionsOf, securePair } from "./support/secure-pair.ts";
import { VirtualClock } from "./support/virtual-clock.ts";
import { framed, listen, rejection, tapped } from "./support/wire.ts";

/** A responder, and the other end as bytes. */
function besieged(options: Partial<Parameters<typeof secure>[1]> = {}): { wire: Connection; attempt: Promise<unknown> } {
  const [wire, there] = memoryPair();
  return { wire, attempt: rejection(secure(there, { role: "responder", identity: bob, ...options })) };
}

const header = [1, 1, 1, 0];

describe("a handshake", () => {
  it("of a byte a second is cut off after five seconds, and says how far it came", async () => {
    const clock = new VirtualClock();
    const { wire, attempt } = besieged({ clock });
    const heard = listen(wire);
    const message = framed(Uint8Array.from([...header, ...alice.publicKey]));
    for (let second = 0; second < 5; second += 1) {
      wire.send([message.subarray(second, second + 1)]);
      // Each byte arrives before the next second begins.
      await turns();
      expect(clock.timers).toBe(1);
      clock.advance(1_000);
    }
    expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: true, message: expect.stringContaining("not done within 5000 ms: 5 bytes came") as string });
    expect(await heard.closed).toMatchObject({ code: "ECONNRESET" });
    expect(clock.timers).toBe(0);
  });

  it("may take as long as is said", async () => {
    const clock = new VirtualClock();
    const { wire, attempt } = besieged({ clock, handshakeTimeoutMs: 20 });
    listen(wire);
    clock.advance(19);
    await turns();
    expect(clock.timers).toBe(1);
    clock.advance(1);
    expect(await attempt).toMatchObject({ message: expect.stringContaining("within 20 ms: 0 bytes") as string });
  });

  it("that announces more bytes than are allowed ends when it does, before they come", async () => {
    const { wire, attempt } = besieged();
    listen(wire);
    wire.send([fromHex("0fff")]);
    expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("announces 4097 bytes, and 4096 are allowed") as string });
  });

  it("may announce as many as are allowed", async () => {
    const clock = new VirtualClock();
    const { wire, attempt } = besieged({ clock });
    listen(wire);
    wire.send([fromHex("0ffe"), new Uint8Array(4_093).fill(9)]);
    await turns();
    expect(clock.timers).toBe(1);
    wire.send([Uint8Array.of(9)]);
    expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("wants version 9") as string });
  });

  it("counts its messages together", async () => {
    const wire = tapped();
    const [first, second] = optionsOf({ initiator: { payload: new Uint8Array(300), maxHandshakeBytes: 600 }, responder: { maxHandshakeBytes: 256 } });
    wire.middle.toResponder = (message) => [message];
    const a = secure(wire.initiator, first).then((connection) => listen(connection).closed, (error: unknown) => error);
    const b = await rejection(secure(wire.responder, second));
    // 2 + 36 of the first message, 2 + 364 of the third.
    expect(b).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("announces 404 bytes, and 256 are allowed") as string });
    expect(await a).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
  });

  it("takes a payload that just fits, and one byte less room is too little", async () => {
    const exact = 2 + 36 + 2 + 48 + 16 + 100;
    const big = { initiator: { payload: new Uint8Array(exact), maxHandshakeBytes: 1_000 } };
    const ends = await securePair({ ...big, responder: { maxHandshakeBytes: 2 * exact - 100 } });
    for (const end of ends) end.abort();
    const [first, second] = optionsOf({ ...big, responder: { maxHandshakeBytes: 2 * exact - 101 } });
    const [here, there] = memoryPair();
    void secure(here, first).then((connection) => connection.abort(), () => undefined);
    expect(await rejection(secure(there, second))).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
  });

  it("with an empty message is none", async () => {
    const { wire, attempt } = besieged();
    listen(wire);
    wire.send([fromHex("0000")]);
    expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("announces an empty message") as string });
  });

  it("in which the other end hangs up says so, and may be tried again", async () => {
    for (const role of ["initiator", "responder"] as const) {
      const [here, there] = memoryPair();
      const attempt = rejection(secure(there, { role, identity: bob }));
      here.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
      here.close();
      expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: true, message: expect.stringContaining("closed the connection during the handshake") as string });
    }
  });

  it.each([
    ["an unknown version", [9, 1, 1, 0], /wants version 9 of the handshake, we speak 1/],
    ["an unknown pattern", [1, 7, 1, 0], /wants the pattern 7, we want XX/],
    ["an unknown suite", [1, 1, 9, 0], /wants the cipher suite 9, we take/],
    ["two bytes", [1, 1], /wants the cipher suite 0, we take \w+ or \w+$/],
    ["three bytes", [1, 1, 1], /first message is cut short at 3 bytes/],
    ["a key that is cut short", [...header, ...new Uint8Array(31)], /cut short at 31 bytes/],
    ["data in the first message", [...header, ...alice.publicKey, 1], /the first message carries data/],
    ["an alert", [4], /the other end could not read our handshake message/],
    ["an alert that nobody knows", [99], /gave the handshake up with code 99/],
  ])("that begins with %s ends with an error that says so", async (_what, bytes, message) => {
    const { wire, attempt } = besieged();
    const heard = listen(wire);
    wire.send([framed(Uint8Array.from(bytes))]);
    expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: false, message: expect.stringMatching(message) as string });
    wire.close();
    await heard.closed;
    // An alert is not answered by an alert.
    expect(heard.chunks.map(({ length }) => length)).toEqual(bytes.length === 1 ? [] : [3]);
  });

  it("whose other end has a key of low order ends with an error that says so, and agrees on nothing", async () => {
    for (const point of ["00".repeat(32), `01${"00".repeat(31)}`, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"]) {
      const { wire, attempt } = besieged();
      listen(wire);
      wire.send([framed(Uint8Array.from([...header, ...fromHex(point)]))]);
      expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("low order") as string });
    }
  });

  it("takes no provider's word that a shared secret of zeros is one", async () => {
    const crypto = countingCrypto();
    const careless = { ...crypto, dhKey: (secret: Uint8Array) => ({ ...crypto.dhKey(secret), publicKey: crypto.dhKey(secret).publicKey, dh: () => new Uint8Array(32) }) };
    const { wire, attempt } = besieged({ crypto: careless });
    listen(wire);
    wire.send([framed(Uint8Array.from([...header, ...alice.publicKey]))]);
    expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("low order") as string });
  });

  it.each(["XX", "IK"] as const)("of which any bit was changed on the way fails, and neither end takes data from it, in %s", async (pattern) => {
    const sizes = await messageSizes(pattern);
    for (const direction of ["toResponder", "toInitiator"] as const) {
      for (const [index, size] of sizes[direction].entries()) {
        for (let at = 2; at < size; at += 7) {
          const wire = tapped();
          wire.middle[direction] = (message, i) => {
            if (i !== index) return [message];
            const changed = message.slice();
            changed[at]! ^= 0x10;
            return [changed];
          };
          const [first, second] = optionsOf({ both: { pattern, payload: text("payload") } });
          const heard = await Promise.all(
            [secure(wire.initiator, first), secure(wire.responder, second)].map(async (attempt) => {
              try {
                const connection = await attempt;
                const ear = listen(connection);
                connection.send([text("data")]);
                return { reason: await ear.closed, data: ear.text() };
              } catch (reason) {
                return { reason, data: "" };
              }
            }),
          );
          for (const { reason, data } of heard) {
            expect(data).toBe("");
            expect(reason).toMatchObject({ code: expect.stringMatching(/^(?:ERR_ASTRANET_HANDSHAKE|ERR_ASTRANET_PROTOCOL|ECONNRESET)$/) as string });
          }
        }
      }
    }
  });

  it("of IK that was recorded and is sent again gets an answer, and nothing more: the responder has no connection without the confirmation", async () => {
    const wire = tapped();
    const ends = await securePair({ both: { pattern: "IK" }, initiator: { payload: text("hello") } }, [wire.initiator, wire.responder]);
    for (const end of ends) end.abort();
    const clock = new VirtualClock();
    const { wire: again, attempt } = besieged({ pattern: "IK", clock });
    const heard = listen(again);
    again.send([wire.middle.fromInitiator[0]!]);
    await heard.bytes(50);
    again.send([wire.middle.fromInitiator[1]!]);
    expect(await attempt).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    const late = besieged({ pattern: "IK", clock });
    const deaf = listen(late.wire);
    late.wire.send([wire.middle.fromInitiator[0]!]);
    await deaf.bytes(50);
    clock.advance(5_000);
    expect(await late.attempt).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("not done within") as string });
  });

  it("of which the second message is cut short ends with an error that says so", async () => {
    for (const length of [20, 70, 85, 95]) {
      const wire = tapped();
      wire.middle.toInitiator = (message) => [framed(message.subarray(2, 2 + length))];
      const [first, second] = optionsOf();
      const b = rejection(secure(wire.responder, second));
      const a = await rejection(secure(wire.initiator, first));
      expect(a).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining(`it is cut short at ${length} bytes`) as string });
      await b;
    }
  });

  it("of IK that goes on with data before the confirmation ends", async () => {
    const wire = tapped();
    // The confirmation is lost, so that data come first.
    wire.middle.toResponder = (message, index) => (index === 1 ? [] : [message]);
    const [first, second] = optionsOf({ both: { pattern: "IK" } });
    const b = rejection(secure(wire.responder, second));
    const a = await secure(wire.initiator, first);
    const heard = listen(a);
    a.send([text("data")]);
    expect(await b).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", message: expect.stringContaining("did not confirm") as string });
    await heard.closed;
  });
});

/** How long the messages of a handshake are. */
async function messageSizes(pattern: "XX" | "IK"): Promise<{ toResponder: number[]; toInitiator: number[] }> {
  const { initiator, responder, middle } = tapped();
  const ends = await securePair({ both: { pattern, payload: text("payload") } }, [initiator, responder]);
  for (const end of ends) end.abort();
  return { toResponder: middle.fromInitiator.map(({ length }) => length), toInitiator: middle.fromResponder.map(({ length }) => length) };
}

/** Lets what is on its way in memory arrive. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise<void>((resolve) => systemClock.defer(resolve));
}
