import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";

describe("AstraError", () => {
  it("is an Error whose message begins with the code, for consoles that show nothing else", () => {
    const error = new AstraError("ECONNREFUSED", "nobody there");
    expect(error).toBeInstanceOf(Error);
    expect(error.code).toBe("ECONNREFUSED");
    expect(error.message).toBe("ECONNREFUSED: nobody there");
    expect(error.name).toBe("AstraError");
    expect(String(error)).toBe("AstraError: ECONNREFUSED: nobody there");
  });

  it("is not retryable unless that is said", () => {
    expect(new AstraError("EPIPE", "x").retryable).toBe(false);
    expect(new AstraError("EPIPE", "x", { retryable: false }).retryable).toBe(false);
    expect(new AstraError("EPIPE", "x", { retryable: true }).retryable).toBe(true);
  });

  it("carries what it is given besides", () => {
    const cause = new Error("underneath");
    const error = new AstraError("ECONNRESET", "x", { remoteCode: 0, via: ["abc"], cause });
    expect(error).toMatchObject({ remoteCode: 0, via: ["abc"] });
    expect(error.cause).toBe(cause);
  });

  it("has no property for what it is not given, so that a console does not show it as undefined", () => {
    const error = new AstraError("ECONNRESET", "x");
    expect(["remoteCode", "via", "cause"].filter((name) => name in error)).toEqual([]);
  });

  it.each([
    ["an AstraError", new AstraError("EPIPE", "x"), true],
    ["another error", new Error("x"), false],
    ["an error with such a code", Object.assign(new Error("x"), { code: "EPIPE" }), false],
    ["null", null, false],
    ["undefined", undefined, false],
    ["text", "EPIPE", false],
    ["a function with the brand", Object.assign(() => undefined, { [Symbol.for("astranet.error")]: true }), false],
  ])("tells %s from others", (_name, value, expected) => {
    expect(AstraError.is(value)).toBe(expected);
  });

  it("tells one code from another", () => {
    const error = new AstraError("EPIPE", "x");
    expect(AstraError.is(error, "EPIPE")).toBe(true);
    expect(AstraError.is(error, "ECONNRESET")).toBe(false);
  });

  it("knows the errors of another copy of the package by their brand", () => {
    const foreign = Object.assign(new Error("x"), { [Symbol.for("astranet.error")]: true, code: "EPIPE" });
    expect(AstraError.is(foreign)).toBe(true);
    expect(AstraError.is(foreign, "EPIPE")).toBe(true);
    expect(AstraError.is(foreign, "EACCES")).toBe(false);
  });
});
