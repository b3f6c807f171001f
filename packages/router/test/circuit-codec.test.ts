import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { decodeFailure, encodeFailure, failureError, failureFor, failureOf, type CircuitFailure } from "../src/circuit/circuit-failure.ts";
import { Encoder } from "@msgpack/msgpack";
import { decodeCircuitHeader, encodeCircuitHeader, type CircuitHeader } from "../src/circuit/circuit-header.ts";
import { decodeTimes } from "../src/circuit/trace.ts";
import vectors from "../vectors/circuits.json" with { type: "json" };

const fromHex = (hex: string): Uint8Array => Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
const toHex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

describe("a circuit's header", () => {
  for (const vector of vectors.headers) {
    const header = { path: vector.path, index: vector.index, id: fromHex(vector.id), kind: vector.kind } as CircuitHeader;
    it(`is read: ${vector.name}`, () => {
      expect(decodeCircuitHeader(fromHex(vector.hex))).toEqual(header);
    });
    if (!("decodeOnly" in vector)) {
      it(`is written: ${vector.name}`, () => {
        expect(toHex(encodeCircuitHeader(header))).toBe(vector.hex);
      });
    }
  }

  it.each(vectors.invalid)("is refused as ERR_ASTRANET_PROTOCOL: $name", ({ hex }) => {
    expect(() => decodeCircuitHeader(fromHex(hex))).toThrow("ERR_ASTRANET_PROTOCOL");
  });

  it.each([
    ["a path of one node", { path: ["a000000000000001"] }],
    ["what is no id", { path: ["a000000000000001", "b"] }],
    ["a loop", { path: ["a000000000000001", "a000000000000002", "a000000000000001"] }],
    ["an index beyond the path", { index: 2 }],
  ])("is not written for %s: EINVAL", (_name, wrong) => {
    const header: CircuitHeader = { path: ["a000000000000001", "a000000000000002"], index: 1, id: new Uint8Array(8), kind: "circuit", ...wrong };
    expect(() => encodeCircuitHeader(header)).toThrow("EINVAL");
  });
});

describe("a circuit's failure", () => {
  it.each(vectors.failures)("is one code of a reset: $reason", ({ code, ...failure }) => {
    expect(encodeFailure(failure as CircuitFailure).toString(16)).toBe(code);
    expect(decodeFailure(Number.parseInt(code, 16))).toEqual(failure);
  });

  it.each(vectors.laterFailures)("of a later version is a failure all the same", ({ code, ...failure }) => {
    expect(decodeFailure(Number.parseInt(code, 16))).toEqual(failure);
  });

  it.each(vectors.otherCodes)("is not what %s says", (code) => {
    expect(decodeFailure(Number.parseInt(code, 16))).toBeUndefined();
  });

  const reset = (remoteCode: number): AstraError => new AstraError("ECONNRESET", "the peer reset the stream", { remoteCode });

  it("of a neighbour is believed for its own side of the path only", () => {
    const told = (atIndex: number): AstraError => reset(encodeFailure({ reason: "denied", atIndex, retryable: false }));
    expect(failureOf(told(5), 2, 3)).toEqual({ reason: "denied", atIndex: 5, retryable: false });
    expect(failureOf(told(3), 2, 3).atIndex).toBe(3);
    expect(failureOf(told(2), 2, 3).atIndex).toBe(3);
    expect(failureOf(told(0), 2, 3).atIndex).toBe(3);
    expect(failureOf(told(0), 2, 1).atIndex).toBe(0);
    expect(failureOf(told(4), 2, 1).atIndex).toBe(1);
  });

  it.each([
    [new AstraError("ERR_ASTRANET_OVERLOAD", "", { remoteCode: 10 }), { reason: "overloaded", atIndex: 3, retryable: true }],
    [new AstraError("ECONNREFUSED", "", { remoteCode: 5, retryable: true }), { reason: "not-a-relay", atIndex: 3, retryable: true }],
    [new AstraError("ERR_ASTRANET_SESSION_CLOSED", "", { remoteCode: 0, retryable: true }), { reason: "no-link", atIndex: 2, retryable: true }],
    [new AstraError("ERR_ASTRANET_SESSION_CLOSED", ""), { reason: "link-lost", atIndex: 2, retryable: true }],
    [new AstraError("EPIPE", "", { remoteCode: 6 }), { reason: "closed", atIndex: 3, retryable: false }],
    [reset(6), { reason: "closed", atIndex: 3, retryable: false }],
    [new AstraError("ECONNRESET", ""), { reason: "link-lost", atIndex: 2, retryable: true }],
    [new AstraError("ETIMEDOUT", ""), { reason: "link-lost", atIndex: 2, retryable: true }],
    [new Error("something else"), { reason: "link-lost", atIndex: 2, retryable: true }],
  ])("is what the end of a hop's stream means: %s", (error, failure) => {
    expect(failureOf(error, 2, 3)).toEqual(failure);
  });

  it.each([
    ["EACCES", "denied", false],
    ["ERR_ASTRANET_OVERLOAD", "overloaded", true],
    ["ETIMEDOUT", "timed-out", true],
    ["ERR_ASTRANET_HANDSHAKE", "handshake", true],
    ["ERR_ASTRANET_PROTOCOL", "protocol", true],
    ["ECONNRESET", "closed", false],
  ] as const)("tells the other end why this one gave up: %s", (code, reason, retryable) => {
    expect(failureFor(new AstraError(code, ""), 4)).toEqual({ reason, atIndex: 4, retryable });
  });

  it("becomes an error with the node in via", () => {
    const path = ["a000000000000001", "a000000000000002", "a000000000000003"];
    expect(failureError({ reason: "no-link", atIndex: 1, retryable: true }, path)).toMatchObject({ code: "EHOSTUNREACH", retryable: true, via: [path[1]] });
    expect(failureError({ reason: "no-link", atIndex: 9, retryable: true }, path)).toMatchObject({ code: "EHOSTUNREACH", retryable: true });
    expect(failureError({ reason: "no-link", atIndex: 9, retryable: true }, path).via).toBeUndefined();
  });
});

describe("what a trace's acceptance carries", () => {
  it.each(vectors.traceAnswers)("is the time that each hop measured: $name", ({ hex, ms }) => {
    expect(decodeTimes(fromHex(hex), ms.length)).toEqual(ms);
    expect(decodeTimes(fromHex(hex), ms.length + 1)).toBeUndefined();
    expect(decodeTimes(fromHex(`${hex}00`), ms.length)).toBeUndefined();
  });
});

describe("a circuit's header that is malformed", () => {
  const encoder = new Encoder();
  const ids = (...last: number[]): Uint8Array => Uint8Array.from(last.flatMap((n) => [0xa0, 0, 0, 0, 0, 0, 0, n]));
  const many = (count: number): Uint8Array => ids(...Array.from({ length: count }, (_, i) => i + 1));
  const c = new Uint8Array(8);
  const honest = { p: ids(1, 2, 3), i: 1, c };

  it("has a path of 2 to 16 nodes otherwise", () => {
    expect(decodeCircuitHeader(encoder.encode({ ...honest, p: many(2) })).path.length).toBe(2);
    expect(decodeCircuitHeader(encoder.encode({ ...honest, p: many(16), i: 15 })).path.length).toBe(16);
  });

  it.each([
    ["is no msgpack", Uint8Array.of(0xc1), /header is malformed: ./],
    ["is null", encoder.encode(null), /: it is no map$/],
    ["is a number", encoder.encode(7), /: it is no map$/],
    ["is a list", encoder.encode([1]), /: it is no map$/],
    ["is longer than 1,024 bytes", encoder.encode({ ...honest, x: new Uint8Array(1100) }), /it has 11\d\d bytes, 1024 are allowed$/],
    ["has no path", encoder.encode({ i: 1, c }), /: its path$/],
    ["has half a node", encoder.encode({ ...honest, p: ids(1, 2).subarray(0, 12) }), /: its path$/],
    ["has 17 nodes", encoder.encode({ ...honest, p: many(17) }), /: its path has 17 nodes, 16 are allowed$/],
    ["has one node", encoder.encode({ ...honest, p: many(1) }), /: its path has 1 nodes, not 2 to 16$/],
    ["has what is no id", encoder.encode({ ...honest, p: new Uint8Array(16) }), /: its path holds what is no node id$/],
    ["visits a node twice", encoder.encode({ ...honest, p: ids(1, 2, 1) }), /: its path visits a node twice$/],
    ["has no index", encoder.encode({ p: honest.p, c }), /: its index undefined is not within its path$/],
    ["is for its opener", encoder.encode({ ...honest, i: 0 }), /: its index 0 is not/],
    ["is for nobody", encoder.encode({ ...honest, i: 3 }), /: its index 3 is not/],
    ["has half an index", encoder.encode({ ...honest, i: 1.5 }), /: its index 1.5 is not/],
    ["has an index as text", encoder.encode({ ...honest, i: "1" }), /: its index 1 is not/],
    ["has no id", encoder.encode({ p: honest.p, i: 1 }), /: its id$/],
    ["has a short id", encoder.encode({ ...honest, c: c.subarray(1) }), /: its id$/],
    ["is of another kind", encoder.encode({ ...honest, k: 2 }), /: its kind is not known$/],
  ])("says so where it %s", (_what, bytes, words) => {
    expect(() => decodeCircuitHeader(bytes)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringMatching(words) as string }));
  });

  it("is not sent either, and that is EINVAL", () => {
    const id = (n: number): string => `a00000000000000${n}`;
    expect(() => encodeCircuitHeader({ path: [id(1)], index: 1, id: c, kind: "circuit" })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("its path has 1 nodes") as string }));
    expect(() => encodeCircuitHeader({ path: [id(1), id(2)], index: 2, id: c, kind: "circuit" })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("its index 2") as string }));
  });
});
