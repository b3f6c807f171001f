import { AstraError } from "@astranet/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatEndpoint, parseEndpoint, urlOf } from "../src/address.ts";

const port = fc.integer({ min: 0, max: 65_535 });
const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?$/);
const name = fc.tuple(fc.array(label, { maxLength: 4 }), fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/)).map(([labels, last]) => [...labels, last].join("."));
const host = fc.oneof(fc.ipV4(), fc.ipV6(), name, fc.constant(""));
const path = fc.array(fc.webSegment(), { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);

function reasonOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (AstraError.is(error, "EINVAL")) return error.message;
    throw error;
  }
  return "it is taken";
}

describe("parseEndpoint", () => {
  it("reads back what formatEndpoint wrote, and the same as a URL", () => {
    fc.assert(
      fc.property(host, port, path, (h, p, at) => {
        const endpoint = { host: h, port: p, path: at };
        expect(parseEndpoint("ws", formatEndpoint(endpoint))).toEqual(endpoint);
        expect(parseEndpoint("wss", `wss://${formatEndpoint(endpoint)}`)).toEqual(endpoint);
      }),
    );
  });

  it("either reads a text as an address that a WebSocket takes, or refuses it with EINVAL that quotes it", () => {
    const pieces = fc.array(fc.oneof(host, port.map(String), path, fc.constantFrom("ws://", ":", "[", "]", "?", "#", " ", "%", "/", "@", "\\"), fc.string()), { maxLength: 6 });
    fc.assert(
      fc.property(pieces.map((parts) => parts.join("")), (text) => {
        const message = reasonOf(() => {
          const parsed = parseEndpoint("ws", text);
          expect(parseEndpoint("ws", formatEndpoint(parsed))).toEqual(parsed);
          if (parsed.port === 0) return;
          const url = new URL(urlOf("ws", parsed));
          expect([url.protocol, url.username, url.hash, url.port]).toEqual(["ws:", "", "", parsed.port === 80 ? "" : String(parsed.port)]);
        });
        expect(message === "it is taken" || message.includes(`'${text}'`)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ["", "it is empty"],
    [":", "port is missing"],
    ["/path", "neither a host nor a port"],
    ["localhost:", "port is missing"],
    ["localhost:http", "'http' is not a number"],
    ["localhost:65536", "not a number within 0…65535"],
    ["::1:80", "IPv6 address in brackets"],
    ["[::1:80", "wanted is host:port"],
    ["[]:80", "neither a host name nor an IP address"],
    ["[localhost]:80", "neither a host name nor an IP address"],
    ["1.2.3:80", "neither a host name nor an IP address"],
    ["1.2.3.256:80", "neither a host name nor an IP address"],
    ["0x7f000001:80", "neither a host name nor an IP address"],
    ["a..b:80", "neither a host name nor an IP address"],
    ["user@host:80", "a user or a password"],
    ["ws://user:secret@host:80", "a user or a password"],
    ["local host:80", "white space"],
    ["localhost:80/a\\b", "backslash"],
    ["localhost:80/path#part", "'#'"],
    ["http://localhost:80", "its scheme is 'http'"],
    ["wss://localhost:80", "its scheme is 'wss'"],
  ])("refuses '%s'", (text, reason) => {
    expect(reasonOf(() => parseEndpoint("ws", text))).toContain(reason);
  });

  it.each([
    ["ws", "localhost:8080", "localhost", 8_080, "/"],
    ["ws", ":0", "", 0, "/"],
    ["ws", ":8080/mesh", "", 8_080, "/mesh"],
    ["ws", "[::]:443/a/b?token=x:y/z", "::", 443, "/a/b?token=x:y/z"],
    ["ws", "example.com", "example.com", 80, "/"],
    ["wss", "example.com/mesh", "example.com", 443, "/mesh"],
    ["wss", "WSS://example.com?key=1", "example.com", 443, "/?key=1"],
    ["ws", "bücher.example:1", "bücher.example", 1, "/"],
  ] as const)("reads, of %s, '%s'", (network, text, wantedHost, wantedPort, wantedPath) => {
    expect(parseEndpoint(network, text)).toEqual({ host: wantedHost, port: wantedPort, path: wantedPath });
  });
});

describe("urlOf", () => {
  it("leads to this machine where an address stands for all of its addresses", () => {
    const urls = [":8080", "[::]:8080", "0.0.0.0:8080/mesh"].map((address) => urlOf("ws", parseEndpoint("ws", address)));
    expect(urls).toEqual(["ws://localhost:8080", "ws://localhost:8080", "ws://127.0.0.1:8080/mesh"]);
  });

  it("refuses port 0", () => {
    expect(reasonOf(() => urlOf("ws", parseEndpoint("ws", "localhost:0")))).toContain("port 0 cannot be dialled");
  });
});
