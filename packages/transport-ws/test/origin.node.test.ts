import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { mayConnect } from "../src/node/origin.ts";
import { remoteAddressOf } from "../src/node/remote-address.ts";
import { listening } from "./support/listening.ts";
import { ask, upgrade } from "./support/raw.ts";

/** The part of a request that is looked at. */
function requestOf(headers: Record<string, string>, localAddress = "192.0.2.1", localPort = 8_080, remoteAddress = "198.51.100.7"): IncomingMessage {
  return { headers, socket: { localAddress, localPort, remoteAddress, remotePort: 5_000 } } as unknown as IncomingMessage;
}

describe("a listener", () => {
  it("answers 403 to pages of another host, and takes those of its own and clients that are no pages", async () => {
    await listening({}, async ({ address }) => {
      expect(await ask(address, { ...upgrade, Origin: "https://evil.test" })).toMatchObject({ status: 403, body: expect.stringContaining("https://evil.test") as string });
      expect(await ask(address, { ...upgrade, Origin: `http://${address}` })).toMatchObject({ status: 101 });
      expect(await ask(address, upgrade)).toMatchObject({ status: 101 });
    });
  });

  it("takes the pages that it is told, and no others", async () => {
    const statusOf = async (address: string, Origin: string): Promise<number> => (await ask(address, { ...upgrade, Origin })).status;
    await listening({ origins: ["https://app.test", "null"] }, async ({ address }) => {
      expect(await statusOf(address, "https://app.test")).toBe(101);
      expect(await statusOf(address, "null")).toBe(101);
      expect(await statusOf(address, `http://${address}`)).toBe(403);
      expect(await statusOf(address, "https://app.test.evil.test")).toBe(403);
      expect((await ask(address, upgrade)).status).toBe(101);
    });
    await listening({ origins: ["*"] }, async ({ address }) => {
      expect(await statusOf(address, "https://any.test")).toBe(101);
    });
    await listening({ origins: (origin, { url, headers }) => origin.endsWith(".app.test") && url === "/" && headers["upgrade"] === "websocket" }, async ({ address }) => {
      expect(await statusOf(address, "https://one.app.test")).toBe(101);
      expect(await statusOf(address, "https://app.test")).toBe(403);
    });
  });
});

describe("the origin of a page", () => {
  it.each([
    ["https://example.com", "example.com", true],
    ["https://example.com", "example.com:443", true],
    ["https://example.com:8443", "example.com:8443", true],
    ["http://example.com", "EXAMPLE.com:80", true],
    ["https://example.com:8443", "example.com", false],
    ["https://example.com", "other.example.com", false],
    ["https://example.com", "127.0.0.1:8080", false],
    ["null", "example.com", false],
    ["chrome-extension://abcdef", "abcdef", false],
    ["https://example.com", "", false],
    ["nonsense", "nonsense", false],
  ])("%s is that of host '%s': %s", (origin, host, expected) => {
    expect(mayConnect(requestOf({ origin, host }), undefined)).toBe(expected);
  });

  it.each([
    ["http://evil.test:8080", "evil.test:8080", false],
    ["http://localhost:8080", "localhost:8080", true],
    ["http://app.localhost:8080", "app.localhost:8080", true],
    ["http://127.0.0.1:8080", "127.0.0.1:8080", true],
    ["http://[::1]:8080", "[::1]:8080", true],
    ["https://proxied.test", "proxied.test", true],
  ])("%s with host '%s' is taken on a loopback address: %s, as no name of somebody else leads here by itself", (origin, host, expected) => {
    for (const loopback of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) expect(mayConnect(requestOf({ origin, host }, loopback), undefined)).toBe(expected);
  });
});

describe("a connection's remoteAddress", () => {
  it.each([
    [{}, "198.51.100.7", "198.51.100.7:5000"],
    [{}, "2001:db8::1", "[2001:db8::1]:5000"],
    [{ "x-forwarded-for": "203.0.113.9" }, "198.51.100.7", "198.51.100.7:5000"],
    [{ "x-forwarded-for": "1.1.1.1, 203.0.113.9" }, "127.0.0.1", "203.0.113.9"],
    [{ "x-forwarded-for": "2001:db8::9" }, "::1", "2001:db8::9"],
    [{ "x-forwarded-for": "127.0.0.1" }, "127.0.0.1", "forwarded"],
    [{ "x-forwarded-for": "[::1]:80" }, "127.0.0.1", "forwarded"],
    [{ "x-forwarded-for": "<script>" }, "127.0.0.1", "forwarded"],
    [{ forwarded: "for=203.0.113.9" }, "127.0.0.1", "forwarded"],
    [{}, undefined, "unix"],
    [{ "x-forwarded-for": "203.0.113.9" }, undefined, "203.0.113.9"],
  ])("of a request with %o from %s is %s", (headers, remoteAddress, expected) => {
    const socket = { remoteAddress, remotePort: 5_000 };
    expect(remoteAddressOf({ headers, socket } as unknown as IncomingMessage)).toBe(expected);
  });
});
