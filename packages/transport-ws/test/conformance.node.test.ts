import { networkInterfaces } from "node:os";
import { conformance } from "@astranet/transport/testing";
import { WsTransport } from "@astranet/transport-ws";
import { describe, it } from "vitest";
import { fixture } from "./support/fixture.ts";

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1") === true);

describe("ws", () => {
  conformance({ test: it, transport: () => new WsTransport(), network: "ws", address: () => "127.0.0.1:0" });
});

describe("ws on all addresses, at a path", () => {
  conformance({ test: it, transport: () => new WsTransport(), network: "ws", address: () => ":0/mesh", bulkBytes: 1_048_576 });
});

describe.runIf(hasIPv6)("ws over IPv6", () => {
  conformance({ test: it, transport: () => new WsTransport(), network: "ws", address: () => "ws://[::1]:0/", bulkBytes: 1_048_576 });
});

describe("wss", () => {
  const tls = {
    server: { cert: fixture("server.pem"), key: fixture("server-key.pem") },
    client: { ca: fixture("ca.pem") },
  };
  conformance({ test: it, transport: () => new WsTransport({ tls }), network: "wss", address: () => "localhost:0" });
});
