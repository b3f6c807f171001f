import { AstraError } from "@astranet/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPath, formatHostPort, parseHostPort } from "../src/address.ts";

const port = fc.integer({ min: 0, max: 65_535 });
const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?$/);
const name = fc.tuple(fc.array(label, { maxLength: 4 }), fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/)).map(([labels, last]) => [...labels, last].join("."));
const host = fc.oneof(fc.ipV4(), fc.ipV6(), name, fc.constant(""));

function reasonOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (AstraError.is(error, "EINVAL")) return error.message;
    throw error;
  }
  return "it is taken";
}

describe("parseHostPort", () => {
  it("reads back what formatHostPort wrote", () => {
    fc.assert(
      fc.property(host, port, (h, p) => {
        expect(parseHostPort(formatHostPort({ host: h, port: p }))).toEqual({ host: h, port: p });
      }),
    );
  });

  it("either reads a text or refuses it with EINVAL that quotes it", () => {
    const pieces = fc.array(fc.oneof(host, port.map(String), fc.constantFrom(":", "[", "]", ".", "-", " ", "%", "/", "@"), fc.string()), { maxLength: 6 });
    fc.assert(
      fc.property(pieces.map((parts) => parts.join("")), (text) => {
        const message = reasonOf(() => {
          const parsed = parseHostPort(text);
          expect(parsed.port).toBeGreaterThanOrEqual(0);
          expect(parsed.port).toBeLessThanOrEqual(65_535);
          expect(parseHostPort(formatHostPort(parsed))).toEqual(parsed);
        });
        expect(message === "it is taken" || message.includes(`'${text}'`)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ["", "it is empty"],
    ["localhost", "the port is missing"],
    ["localhost:", "the port is missing"],
    [":", "the port is missing"],
    ["[::1]", "the port is missing"],
    ["[::1]:", "the port is missing"],
    ["localhost:http", "'http' is not a number"],
    ["localhost:-1", "'-1' is not a number"],
    ["localhost:+1", "'+1' is not a number"],
    ["localhost:0x50", "'0x50' is not a number"],
    ["localhost:1e3", "'1e3' is not a number"],
    ["localhost:80.0", "'80.0' is not a number"],
    ["localhost:65536", "not within 0…65535"],
    ["localhost:99999999999", "not within 0…65535"],
    ["[]:80", "nothing between the brackets"],
    ["[::1:80", "']' is missing"],
    ["[localhost]:80", "not an IPv6 address"],
    ["[127.0.0.1]:80", "not an IPv6 address"],
    ["[::1]80", "after ']' comes ':port'"],
    ["::1:80", "in brackets"],
    ["::1", "in brackets"],
    ["a]:80", "a bracket is out of place"],
    ["a[b:80", "a bracket is out of place"],
    ["local host:80", "white space"],
    [" localhost:80", "white space"],
    ["localhost:80\n", "white space"],
    ["tcp://localhost:80", "'/'"],
    ["localhost:80/path", "'/'"],
    ["1.2.3:80", "neither a host name nor an IP address"],
    ["1.2.3.256:80", "neither a host name nor an IP address"],
    ["1:80", "neither a host name nor an IP address"],
    ["0x7f000001:80", "neither a host name nor an IP address"],
    ["a..b:80", "neither a host name nor an IP address"],
    [".a:80", "neither a host name nor an IP address"],
    ["-a:80", "neither a host name nor an IP address"],
    ["a-:80", "neither a host name nor an IP address"],
    ["user@host:80", "neither a host name nor an IP address"],
    [`${"a".repeat(64)}:80`, "neither a host name nor an IP address"],
    [`${"a.".repeat(130)}a:80`, "neither a host name nor an IP address"],
  ])("refuses '%s'", (text, reason) => {
    expect(reasonOf(() => parseHostPort(text))).toContain(reason);
  });

  it.each([
    ["localhost:80", "localhost", 80],
    ["localhost.:080", "localhost.", 80],
    [":0", "", 0],
    ["[::]:443", "::", 443],
    ["[fe80::1%eth0]:1", "fe80::1%eth0", 1],
    ["my_host.example:65535", "my_host.example", 65_535],
    ["bücher.example:1", "bücher.example", 1],
    ["10.0.0.1:10000", "10.0.0.1", 10_000],
  ])("reads '%s'", (text, wantedHost, wantedPort) => {
    expect(parseHostPort(text)).toEqual({ host: wantedHost, port: wantedPort });
  });
});

describe("checkPath", () => {
  it.each([
    ["", "it is empty"],
    ["a\0b", "NUL"],
    ["a".repeat(104), "has 104 bytes"],
    ["ü".repeat(52), "has 104 bytes"],
  ])("refuses '%s'", (path, reason) => {
    expect(reasonOf(() => checkPath(path))).toContain(reason);
  });

  it("takes any other", () => {
    expect(checkPath("a".repeat(103))).toBe("a".repeat(103));
    expect(checkPath("./with space:80")).toBe("./with space:80");
  });
});
