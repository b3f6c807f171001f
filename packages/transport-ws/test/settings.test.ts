import { WsTransport, type WsTransportOptions } from "@astranet/transport-ws";
import { describe, expect, it } from "vitest";

describe("the options of WsTransport", () => {
  it.each([
    [{ maxMessageBytes: 65_535 }, "maxMessageBytes"],
    [{ maxMessageBytes: Number.NaN }, "maxMessageBytes"],
    [{ maxMessageBytes: 2 ** 31 }, "maxMessageBytes"],
    [{ handshakeTimeoutMs: 0 }, "handshakeTimeoutMs"],
    [{ handshakeTimeoutMs: Number.POSITIVE_INFINITY }, "handshakeTimeoutMs"],
    [{ maxPendingHandshakes: 1.5 }, "maxPendingHandshakes"],
    [{ origins: "https://app.test" as unknown as string[] }, "origins"],
    [{ origins: ["app.test"] }, "wanted is 'https://example.com'"],
    [{ origins: ["https://app.test/"] }, "a browser sends 'https://app.test'"],
    [{ origins: ["https://APP.test:443"] }, "a browser sends 'https://app.test'"],
  ] satisfies [WsTransportOptions, string][])("that are bad are EINVAL that says so: %o", (options, reason) => {
    expect(() => new WsTransport(options)).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(reason) as string }) as Error);
  });

  it("that are at their limits are taken", () => {
    expect(new WsTransport({ maxMessageBytes: 65_536, handshakeTimeoutMs: 1, maxPendingHandshakes: 1, origins: ["*", "null", "http://localhost:8080", "chrome-extension://abcdef"] }).networks).toEqual(["ws", "wss"]);
  });
});
