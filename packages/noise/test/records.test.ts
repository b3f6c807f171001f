import { MAX_RECORD_BYTES, type SecureConnection } from "@astranet/noise";
import { AstraError, memoryPair, type Connection } from "@astranet/transport";
import { describe, expect, it, vi } from "vitest";
import { CipherState } from "../src/state/cipher-state.ts";
import { defaultCrypto } from "../src/crypto/default-crypto.ts";
import { gather } from "../src/crypto/bytes.ts";
import { countingCrypto } from "./support/counting-crypto.ts";
import { fromHex, text, toHex } from "./support/hex.ts";
import { securePair } from "./support/secure-pair.ts";
import { framed, listen, tapped, type Heard, type Middle } from "./support/wire.ts";

/** A pair with somebody in between, and the number of the initiator's messages that were its handshake. */
async function attacked(options: Parameters<typeof securePair>[0] = {}): Promise<{ a: SecureConnection; b: SecureConnection; heardA: Heard; heardB: Heard; middle: Middle; first: number }> {
  const { initiator, responder, middle } = tapped();
  const [a, b] = await securePair(options, [initiator, responder]);
  return { a, b, heardA: listen(a), heardB: listen(b), middle, first: middle.fromInitiator.length };
}

/** The sizes of the records that a `send` of these chunks becomes. */
async function recordsOf(lengths: readonly number[]): Promise<number[]> {
  const { a, heardA, heardB, middle, first } = await attacked();
  const total = lengths.reduce((sum, length) => sum + length, 0);
  a.send(lengths.map((length) => new Uint8Array(length).fill(7)));
  if (total > 0) await heardB.bytes(total);
  const sizes = middle.fromInitiator.slice(first).map(({ length }) => length - 2 - 16);
  a.close();
  await heardA.closed;
  return sizes;
}

describe("a send", () => {
  it("is one record where it fits, and as few as hold it where not", async () => {
    expect(MAX_RECORD_BYTES).toBe(65_519);
    expect(await recordsOf([5, 0, 7])).toEqual([12]);
    expect(await recordsOf([65_519])).toEqual([65_519]);
    expect(await recordsOf([65_519, 1])).toEqual([65_519, 1]);
    expect(await recordsOf([1, 65_519])).toEqual([65_519, 1]);
    expect(await recordsOf([200_000])).toEqual([65_519, 65_519, 65_519, 3_443]);
    expect(await recordsOf(Array.from({ length: 1_000 }, () => 100))).toEqual([65_519, 34_481]);
  });

  it("of nothing is no record", async () => {
    expect(await recordsOf([])).toEqual([]);
    expect(await recordsOf([0, 0])).toEqual([]);
  });

  it("is handed on in few chunks: short ones are put together", async () => {
    const [here, there] = memoryPair();
    let sends: number[] = [];
    const counting = { ...forward(here), send: (chunks: readonly Uint8Array[]) => (sends.push(chunks.length), here.send(chunks)) };
    const [a, b] = await securePair({ both: { suites: ["AESGCM"] } }, [counting, there]);
    sends = [];
    a.send(Array.from({ length: 16 }, (_, i) => new Uint8Array(i % 2 === 0 ? 9 : 32_759)));
    a.send(Array.from({ length: 100 }, () => new Uint8Array(10)));
    // Four full records and a rest: the long chunks and what is around them.
    expect(sends.length).toBe(2);
    expect(sends[0]).toBeLessThan(25);
    expect(sends[1]).toBe(1);
    a.abort();
    b.abort();
  });
});

describe("bytes that somebody in between", () => {
  const hello = (n: number): Uint8Array => text(`message ${n};`);

  /** Sends three messages, the second of which meets with something; gives what arrived and how it ended. */
  async function meet(what: (message: Uint8Array, all: readonly Uint8Array[]) => readonly Uint8Array[]): Promise<{ arrived: string; reason: unknown; ownReason: unknown }> {
    const { a, heardA, heardB, middle, first } = await attacked();
    middle.toResponder = (message, index) => (index === first + 1 ? what(message, middle.fromInitiator) : [message]);
    for (const n of [1, 2, 3]) a.send([hello(n)]);
    const reason = await heardB.closed;
    return { arrived: heardB.text(), reason, ownReason: await heardA.closed };
  }

  it("changed end the connection at once: what came before is delivered, nothing after", async () => {
    for (const at of [2, 10, -1]) {
      const { arrived, reason, ownReason } = await meet((message) => {
        const changed = message.slice();
        changed[at === -1 ? changed.length - 1 : at]! ^= 1;
        return [changed];
      });
      expect(arrived).toBe("message 1;");
      expect(reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("not authentic") as string });
      expect(AstraError.is(ownReason, "ECONNRESET")).toBe(true);
    }
  });

  it("repeated end it", async () => {
    const { arrived, reason } = await meet((message) => [message, message]);
    expect(arrived).toBe("message 1;message 2;");
    expect(reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
  });

  it("dropped end it", async () => {
    const { arrived, reason } = await meet(() => []);
    expect(arrived).toBe("message 1;");
    expect(reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
  });

  it("reordered end it", async () => {
    const { a, heardB, middle, first } = await attacked();
    let kept: Uint8Array | undefined;
    middle.toResponder = (message, index) => {
      if (index === first) {
        kept = message;
        return [];
      }
      return index === first + 1 ? [message, kept!] : [message];
    };
    for (const n of [1, 2, 3]) a.send([hello(n)]);
    expect(await heardB.closed).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    expect(heardB.text()).toBe("");
  });

  it("sent back to where they came from end it: each direction has its own key", async () => {
    const { a, b, heardA, heardB, middle } = await attacked();
    b.send([hello(1)]);
    await heardA.bytes(10);
    middle.toResponder = () => [middle.fromResponder.at(-1)!];
    a.send([hello(1)]);
    expect(await heardB.closed).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    expect(heardB.text()).toBe("");
  });

  it("made up end it: a record shorter than a tag, and one that is nothing but a tag", async () => {
    const short = await meet(() => [framed(new Uint8Array(15))]);
    expect(short.reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("15 bytes is shorter than its tag of 16") as string });
    const empty = await meet(() => [framed(new Uint8Array(0))]);
    expect(empty.reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("0 bytes is shorter") as string });
    const forged = await meet(() => [framed(new Uint8Array(16))]);
    expect(forged.reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("not authentic") as string });
    for (const { arrived } of [short, empty, forged]) expect(arrived).toBe("message 1;");
  });

  it("cut off are told apart from an end: the connection was broken, not closed", async () => {
    const { a, heardA, heardB, middle } = await attacked();
    a.send([hello(1)]);
    await heardB.bytes(10);
    middle.cut();
    for (const heard of [heardA, heardB]) {
      expect(await heard.closed).toMatchObject({ code: "ECONNRESET", message: expect.stringContaining("without the other end's word") as string });
    }
  });

  it("cut off within a record are told apart from an end too, and nothing of it is delivered", async () => {
    const { a, heardB, middle, first } = await attacked();
    middle.toResponder = (message, index) => {
      if (index < first + 1) return [message];
      middle.cut();
      return [message.subarray(0, message.length - 1)];
    };
    for (const n of [1, 2]) a.send([hello(n)]);
    expect(await heardB.closed).toMatchObject({ code: "ECONNRESET" });
    expect(heardB.text()).toBe("message 1;");
  });

  it("put after an end that was said end it with an error", async () => {
    const { a, heardB, middle, first } = await attacked();
    middle.toResponder = (message, index) => (index === first ? [message, message] : [message]);
    a.close();
    expect(await heardB.closed).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("after the end") as string });
  });

  it("said in clear after the handshake, one byte long, tell an initiator why, and only before any record", async () => {
    const refusal = await attacked();
    refusal.middle.toInitiator = () => [fromHex("000105")];
    refusal.b.send([hello(1)]);
    expect(await refusal.heardA.closed).toMatchObject({ code: "EACCES" });
    const late = await attacked();
    late.b.send([hello(1)]);
    await late.heardA.bytes(10);
    late.middle.toInitiator = () => [fromHex("000105")];
    late.b.send([hello(2)]);
    expect(await late.heardA.closed).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    const other = await attacked();
    other.middle.toResponder = () => [fromHex("000105")];
    other.a.send([hello(1)]);
    expect(await other.heardB.closed).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
  });
});

describe("the end of a direction", () => {
  it("is said within the encryption, and only once, by each end", async () => {
    const sent: [number[], number[]] = [[], []];
    const [here, there] = memoryPair();
    const counting = (connection: Connection, sizes: number[]): Connection => ({ ...forward(connection), send: (chunks) => (sizes.push(gather(chunks).length), connection.send(chunks)) });
    const [a, b] = await securePair({}, [counting(here, sent[0]), counting(there, sent[1])]);
    const [heardA, heardB] = [listen(a), listen(b)];
    for (const sizes of sent) sizes.length = 0;
    a.send([text("last words")]);
    a.close();
    a.close();
    expect([await heardA.closed, await heardB.closed]).toEqual([undefined, undefined]);
    expect(sent).toEqual([[2 + 10 + 16, 2 + 16], [2 + 16]]);
  });

  it("leaves room for what the other end still says", async () => {
    const [a, b] = await securePair();
    const [heardA, heardB] = [listen(a), listen(b)];
    b.send([text("already on its way")]);
    a.close();
    expect(await heardA.closed).toBeUndefined();
    expect(await heardB.closed).toBeUndefined();
    expect(heardA.text()).toBe("already on its way");
  });

  it("that comes before start is told after start, with what came before it", async () => {
    const [a, b] = await securePair();
    const heardA = listen(a);
    a.send([text("early")]);
    a.abort(new Error("gone"));
    await heardA.closed;
    const heardB = listen(b);
    expect(AstraError.is(await heardB.closed, "ECONNRESET")).toBe(true);
  });
});

describe("a new key", () => {
  it.each([
    ["records", { rekeyAfterRecords: 2 }],
    ["bytes", { rekeyAfterBytes: 25 }],
  ] as const)("comes after so many %s in each direction, at both ends alike", async (_unit, limits) => {
    for (const suite of ["AESGCM", "ChaChaPoly"] as const) {
      const crypto = countingCrypto();
      const [a, b] = await securePair({ initiator: { crypto, suites: [suite] }, both: limits });
      const before = crypto.made;
      const [heardA, heardB] = [listen(a), listen(b)];
      for (let i = 0; i < 10; i += 1) {
        a.send([text("0123456789abc")]);
        if (i % 2 === 0) b.send([text("0123456789abc")]);
      }
      await Promise.all([heardB.bytes(130), heardA.bytes(65)]);
      // 10 records sent make 5 new keys, 5 received make 2.
      expect(crypto.made - before).toBe(7);
      a.close();
      expect([await heardA.closed, await heardB.closed]).toEqual([undefined, undefined]);
      expect(heardB.text()).toBe("0123456789abc".repeat(10));
    }
  });

  it("comes after exactly as many records as was said, and not one earlier", async () => {
    for (const [records, made] of [
      [2, 0],
      [3, 1],
      [5, 1],
      [6, 2],
    ] as const) {
      const crypto = countingCrypto();
      const [a, b] = await securePair({ initiator: { crypto }, both: { rekeyAfterRecords: 3 } });
      const before = crypto.made;
      const heardB = listen(b);
      listen(a);
      for (let i = 0; i < records; i += 1) a.send([text("x")]);
      await heardB.bytes(records);
      expect(crypto.made - before).toBe(made);
      a.abort();
      b.abort();
    }
  });

  it("comes after exactly as many bytes as was said, and not one record later", async () => {
    for (const [rekeyAfterBytes, made] of [
      [25, 1],
      [26, 1],
      [27, 0],
    ] as const) {
      const crypto = countingCrypto();
      const [a, b] = await securePair({ initiator: { crypto }, both: { rekeyAfterBytes } });
      const before = crypto.made;
      const heardB = listen(b);
      listen(a);
      for (let i = 0; i < 2; i += 1) a.send([text("0123456789abc")]);
      await heardB.bytes(26);
      expect(crypto.made - before).toBe(made);
      a.abort();
      b.abort();
    }
  });

  it("is Noise's REKEY: the first 32 bytes of 32 zeros sealed under the last nonce", () => {
    for (const suite of defaultCrypto.suites) {
      const bytes = new Uint8Array(32).fill(9);
      const state = new CipherState(defaultCrypto, suite);
      state.initializeKey(bytes);
      state.encryptWithAd(new Uint8Array(0), [text("one")]);
      state.rekey();
      const nonce = fromHex("00000000ffffffffffffffff");
      const next = gather(defaultCrypto.aeadKey(suite, bytes).seal(nonce, new Uint8Array(0), [new Uint8Array(32)], new Uint8Array(0))).subarray(0, 32);
      // The counter goes on: the second message, under the new key.
      const counted = suite === "AESGCM" ? fromHex("000000000000000000000001") : fromHex("000000000100000000000000");
      const expected = gather(defaultCrypto.aeadKey(suite, next).seal(counted, new Uint8Array(0), [text("two")], new Uint8Array(0)));
      expect(toHex(gather(state.encryptWithAd(new Uint8Array(0), [text("two")])))).toBe(toHex(expected));
    }
  });
});

describe("a cipher state", () => {
  const none = new Uint8Array(0);

  it("counts in 64 bits, big-endian for AESGCM and little-endian for ChaChaPoly", () => {
    for (const [suite, nonce] of [
      ["AESGCM", "000000000000000500000006"],
      ["ChaChaPoly", "000000000600000005000000"],
    ] as const) {
      const bytes = new Uint8Array(32).fill(1);
      const state = new CipherState(defaultCrypto, suite);
      state.initializeKey(bytes, 5 * 2 ** 32 + 6);
      const expected = gather(defaultCrypto.aeadKey(suite, bytes).seal(fromHex(nonce), none, [text("x")], none));
      expect(toHex(gather(state.encryptWithAd(none, [text("x")])))).toBe(toHex(expected));
    }
  });

  it("refuses to count further than it can: ERR_ASTRANET_INVALID_STATE, in both directions", () => {
    const state = new CipherState(defaultCrypto, "AESGCM");
    state.initializeKey(new Uint8Array(32), Number.MAX_SAFE_INTEGER - 1);
    state.encryptWithAd(none, [text("the last")]);
    expect(() => state.encryptWithAd(none, [text("one more")])).toThrow(/ERR_ASTRANET_INVALID_STATE: all nonces/);
    expect(() => state.decryptWithAd(none, [new Uint8Array(16)])).toThrow(/ERR_ASTRANET_INVALID_STATE: all nonces/);
  });

  it("does not count a message that is not authentic", () => {
    const [here, there] = [new CipherState(defaultCrypto, "AESGCM"), new CipherState(defaultCrypto, "AESGCM")];
    for (const state of [here, there]) state.initializeKey(new Uint8Array(32));
    expect(there.decryptWithAd(none, [new Uint8Array(20)])).toBeUndefined();
    expect(toHex(gather(there.decryptWithAd(none, here.encryptWithAd(none, [text("x")])) ?? []))).toBe(toHex(text("x")));
  });

  it("without a key passes everything through", () => {
    const state = new CipherState(defaultCrypto, "AESGCM");
    expect(state.hasKey).toBe(false);
    expect(toHex(gather(state.encryptWithAd(none, [text("x")], text("p"))))).toBe(toHex(text("px")));
    expect(toHex(gather(state.decryptWithAd(none, [text("x")]) ?? []))).toBe(toHex(text("x")));
    state.rekey();
    expect(state.hasKey).toBe(false);
  });
});

describe("keys", () => {
  it.each(["XX", "IK"] as const)("are all destroyed when a connection is closed or aborted, in %s", async (pattern) => {
    for (const end of ["close", "abort"] as const) {
      const crypto = countingCrypto();
      const [a, b] = await securePair({ both: { pattern, crypto, psks: [new Uint8Array(32)], rekeyAfterRecords: 2 } });
      const [heardA, heardB] = [listen(a), listen(b)];
      for (let i = 0; i < 5; i += 1) a.send([text("x")]);
      await heardB.bytes(5);
      a[end]();
      await Promise.all([heardA.closed, heardB.closed]);
      expect(crypto.made).toBeGreaterThan(10);
      expect(crypto.destroyed).toBe(crypto.made);
    }
  });
});

describe("the keys of a handshake that fails", () => {
  it.each(["XX", "IK"] as const)("are all destroyed, at both ends, in %s", async (pattern) => {
    const cryptos = [countingCrypto(), countingCrypto()] as const;
    const failing = securePair({
      both: { pattern, psks: [new Uint8Array(32)] },
      initiator: { crypto: cryptos[0] },
      responder: {
        crypto: cryptos[1],
        payload: () => {
          throw new Error("no payload");
        },
      },
    });
    await expect(failing).rejects.toThrow();
    await vi.waitFor(() => {
      for (const { made, destroyed } of cryptos) expect([made > 0, destroyed]).toEqual([true, made]);
    });
  });
});

describe("what comes between the handshake and start", () => {
  it("is kept up to a limit; beyond it the connection ends with ERR_ASTRANET_OVERLOAD", async () => {
    const [a, b] = await securePair({ responder: { maxUnstartedBytes: 65_536 } });
    const heardA = listen(a);
    for (let i = 0; i < 20; i += 1) a.send([new Uint8Array(10_000)]);
    await heardA.closed;
    expect(await listen(b).closed).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD", message: expect.stringContaining("more than 65536 bytes came before the connection was started") as string });
  });
});

/** The methods of a connection, to be replaced one by one. */
function forward(connection: Connection): Connection {
  return {
    localAddress: connection.localAddress,
    remoteAddress: connection.remoteAddress,
    start: (sink) => connection.start(sink),
    send: (chunks) => connection.send(chunks),
    close: () => connection.close(),
    abort: (reason) => connection.abort(reason),
  };
}
