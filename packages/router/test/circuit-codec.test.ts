import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { decodeFailure, encodeFailure, failureError, failureFor, failureOf, type CircuitFailure } from "../src/circuit/circuit-failure.ts";
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
