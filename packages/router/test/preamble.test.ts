import { describe, expect, it } from "vitest";
import { agree, decodePreamble, encodePreamble, makePreamble, type Preamble } from "../src/link/preamble.ts";
import { seededRandom } from "./support/network.ts";

const random = seededRandom(1);
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

function reason(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was thrown";
}

const preamble = (change: Partial<Preamble>): Preamble => ({ ...makePreamble("local", undefined, random), ...change });

describe("a preamble", () => {
  it("is 16 bytes that come back as it was", () => {
    for (const mode of ["noise", "insecure", "local"] as const) {
      for (const initiator of [undefined, true, false]) {
        const ours = makePreamble(mode, initiator, random);
        const bytes = encodePreamble(ours);
        expect(bytes).toHaveLength(16);
        expect(decodePreamble(bytes)).toEqual(ours);
        for (let length = 0; length < 16; length += 1) expect(decodePreamble(bytes.subarray(0, length))).toBeUndefined();
      }
    }
  });

  it.each([
    ["an HTTP request", text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "an HTTP request"],
    ["an HTTP answer", text("HTTP/1.1 400 Bad Request\r\n"), "answered in HTTP"],
    ["HTTP/2", text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/2"],
    ["SSH", text("SSH-2.0-OpenSSH_9.2\r\n"), "SSH"],
    ["a TLS ClientHello", Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0, 1, 0, 1, 0xfc), "TLS handshake"],
    ["a TLS alert", Uint8Array.of(0x15, 0x03, 0x03, 0, 2, 2, 40), "TLS alert"],
    ["muxado's SYN", Uint8Array.of(0, 0, 5, 0x12, 0, 0, 0, 3, 104, 101), "muxado frame (DATA with SYN)"],
    ["muxado's GOAWAY", Uint8Array.of(0, 0, 8, 0x30, 0, 0, 0, 0), "muxado frame (GOAWAY)"],
    ["muxado's RST", Uint8Array.of(0, 0, 4, 0x00, 0, 0, 0, 3), "muxado frame (RST)"],
    ["muxado's WNDINC", Uint8Array.of(0, 0, 4, 0x20, 0, 0, 0, 3), "muxado frame (WNDINC)"],
    ["a bare mux session", Uint8Array.of(0, 0, 40, 0x40, 0, 0, 0, 0), "SETTINGS frame"],
    ["something else", Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), "01 02 03 04 05 06 07 08"],
  ])("is not %s, and the error says what it is", (_what, bytes, words) => {
    expect(() => decodePreamble(bytes)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL" }));
    expect(reason(() => decodePreamble(bytes))).toContain(words);
  });

  const hex = (bytes: Uint8Array): string => [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

  /** The first bytes of a frame of a multiplexer. */
  const frame = (type: number, flags: number, id: number, length: number): Uint8Array =>
    Uint8Array.of(length >>> 16, (length >>> 8) & 0xff, length & 0xff, (type << 4) | flags, id >>> 24, (id >>> 16) & 0xff, (id >>> 8) & 0xff, id & 0xff, 1, 2);

  type Frame = Parameters<typeof frame>;
  it.each<[string, Frame[], Frame[]]>([
    ["a SETTINGS frame: a bare mux session, without a node", [[4, 0, 0, 5], [4, 0, 0, 1024]], [[4, 0, 0, 4], [4, 0, 0, 1025], [4, 1, 0, 5], [4, 0, 1, 5]]],
    [
      "a muxado frame (DATA with SYN)",
      [[1, 2, 1, 0], [1, 3, 0xff_ff, 65_536]],
      [[1, 2, 1, 65_537], [1, 2, 0, 0], [1, 2, 0x1_00_00, 0], [1, 2, 0x8000_0000, 0], [1, 1, 1, 0], [1, 0, 1, 0], [5, 2, 1, 0], [0, 2, 1, 0]],
    ],
    [
      "a muxado frame (GOAWAY)",
      [[3, 0, 0, 8], [3, 0, 0, 0x1_00_08]],
      [[3, 0, 0, 7], [3, 0, 0, 0x1_00_09], [3, 1, 0, 8], [3, 0, 1, 8], [3, 1, 1, 8], [5, 0, 0, 8], [5, 1, 0, 8], [0, 0, 0, 8]],
    ],
    ["a muxado frame (RST)", [[0, 0, 1, 4], [0, 0, 0xff_ff_ff_ff, 4]], [[0, 0, 1, 3], [0, 0, 1, 5], [0, 0, 0, 4], [0, 1, 1, 4], [8, 0, 1, 4]]],
    ["a muxado frame (WNDINC)", [[2, 0, 1, 4]], [[2, 0, 1, 3], [2, 0, 1, 5], [2, 0, 0, 4], [2, 1, 1, 4], [2, 1, 0, 5], [2, 1, 0, 4], [6, 0, 1, 4], [6, 0, 0, 4]]],
  ])("is not %s, nor is everything else", (words, those, others) => {
    const met = (fields: Frame): string => reason(() => decodePreamble(frame(...fields)));
    for (const fields of those) expect(met(fields)).toBe(`ERR_ASTRANET_PROTOCOL: the other end does not speak astranet: it sent ${words}`);
    for (const fields of others) expect(met(fields)).toBe(`ERR_ASTRANET_PROTOCOL: the other end does not speak astranet: it sent ${hex(frame(...fields))}`);
  });

  it.each([
    ["GET /a HTTP/1.1\r\nHost: x", 'an HTTP request ("GET /a HTTP/1.1…")'],
    // Nothing of it reaches a terminal but what can be printed.
    ["GET /\u001b\u001b[2Jmm", 'an HTTP request ("GET /…")'],
    ["a GET / HTTP/1.1", "61 20 47 45 54 20 2f 20"],
    ["GETTY / 1", "47 45 54 54 59 20 2f 20"],
    ["\u0016\u0004aaaaaaaa", "16 04 61 61 61 61 61 61"],
    ["\u0015\u0004aaaaaaaa", "15 04 61 61 61 61 61 61"],
    ["\u0014\u0003aaaaaaaa", "14 03 61 61 61 61 61 61"],
  ])("of somebody who says %j is not one: it sent %s", (said, words) => {
    expect(reason(() => decodePreamble(text(said)))).toBe(`ERR_ASTRANET_PROTOCOL: the other end does not speak astranet: it sent ${words}`);
  });

  it("of a stranger who says less than a frame's header is named by its bytes", () => {
    const bytes = frame(0, 0, 1 << 8, 4).subarray(0, 7);
    expect(decodePreamble(bytes)).toBeUndefined();
    expect(reason(() => decodePreamble(bytes, true))).toContain("it sent 00 00 04 00 00 00 01");
  });

  it("waits for some more bytes before it says what a stranger speaks, unless there are none", () => {
    expect(decodePreamble(text("GE"))).toBeUndefined();
    expect(decodePreamble(Uint8Array.of(0, 0, 5))).toBeUndefined();
    expect(reason(() => decodePreamble(text("GE"), true))).toContain("it sent 47 45");
    expect(decodePreamble(text("AST"), true)).toBeUndefined();
  });

  it("names the other version, as soon as the byte has come", () => {
    const bytes = encodePreamble(preamble({ version: 9 })).subarray(0, 5);
    expect(reason(() => decodePreamble(bytes))).toBe("ERR_ASTRANET_HANDSHAKE: the other end speaks version 9 of the link protocol, we speak 1");
  });

  it("is refused with a mode or a role that nobody knows", () => {
    const bytes = encodePreamble(preamble({}));
    const changed = (at: number): Uint8Array => bytes.map((byte, i) => (i === at ? 77 : byte));
    expect(reason(() => decodePreamble(changed(5)))).toContain("link mode 77");
    expect(reason(() => decodePreamble(changed(7)))).toContain("role 77");
    expect(decodePreamble(changed(6))).toMatchObject({ suites: 77 });
  });
});

describe("two preambles", () => {
  const low = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1);
  const high = Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0);

  it("make the one with the larger random value the client, where nobody said who dialled", () => {
    expect(agree(preamble({ random: high }), preamble({ random: low }))).toMatchObject({ initiator: true });
    expect(agree(preamble({ random: low }), preamble({ random: high }))).toEqual({ initiator: false, encrypted: false });
  });

  it("follow whoever says who dialled", () => {
    for (const [ours, theirs, initiator] of [
      ["initiator", "undecided", true],
      ["acceptor", "undecided", false],
      ["undecided", "initiator", false],
      ["undecided", "acceptor", true],
      ["initiator", "acceptor", true],
      ["acceptor", "initiator", false],
    ] as const) {
      expect(agree(preamble({ role: ours, random: low }), preamble({ role: theirs, random: high }))).toEqual({ initiator, encrypted: false });
    }
  });

  it("do not agree when they are equal, when both dialled, or when one wants encryption", () => {
    const fails = (ours: Partial<Preamble>, theirs: Partial<Preamble>): string => reason(() => agree(preamble(ours), preamble(theirs)));
    expect(fails({ random: low }, { random: low })).toContain("our own preamble");
    expect(fails({ role: "initiator" }, { role: "initiator" })).toContain("both ends say that they are the initiator");
    expect(fails({ role: "acceptor" }, { role: "acceptor" })).toContain("both ends say that they are the acceptor");
    expect(fails({ mode: "local" }, { mode: "noise" })).toBe(
      "ERR_ASTRANET_HANDSHAKE: the other end asks for an encrypted link (mode noise), we ask for a link in clear (mode local)",
    );
    expect(agree(preamble({ mode: "local", role: "initiator" }), preamble({ mode: "insecure" }))).toEqual({ initiator: true, encrypted: false });
  });

  it("are encrypted where one end asks for it and the other can, and know when no suite is common", () => {
    const both = { random: low, suites: 1 };
    expect(agree(preamble({ ...both, mode: "noise", role: "initiator" }), preamble({ mode: "local", suites: 3 }))).toEqual({ initiator: true, encrypted: true });
    expect(agree(preamble({ ...both, mode: "local", role: "initiator" }), preamble({ mode: "noise", suites: 3 }))).toEqual({ initiator: true, encrypted: true });
    expect(agree(preamble({ ...both, mode: "local", role: "initiator" }), preamble({ mode: "local", suites: 3 }))).toEqual({ initiator: true, encrypted: false });
    expect(reason(() => agree(preamble({ ...both, mode: "noise" }), preamble({ mode: "noise", suites: 2 })))).toContain("no cipher suite is common");
    expect(reason(() => agree(preamble({ ...both, mode: "insecure", suites: 0 }), preamble({ mode: "noise", suites: 2 })))).toContain("we ask for a link in clear");
  });
});
