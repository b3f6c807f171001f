import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { conformance } from "@astranet/transport/testing";
import { TcpTransport } from "@astranet/transport-tcp";
import { afterAll, describe, it } from "vitest";
import { fixture } from "./fixture.ts";

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1") === true);
const folder = mkdtempSync(join(tmpdir(), "astranet-"));
let sockets = 0;

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("tcp", () => {
  conformance({ test: it, transport: () => new TcpTransport(), network: "tcp", address: () => "127.0.0.1:0" });
});

describe("tcp on all addresses", () => {
  conformance({ test: it, transport: () => new TcpTransport(), network: "tcp", address: () => ":0", bulkBytes: 1_048_576 });
});

describe("tcp4 by name", () => {
  conformance({ test: it, transport: () => new TcpTransport(), network: "tcp4", address: () => "localhost:0" });
});

describe.runIf(hasIPv6)("tcp6", () => {
  conformance({ test: it, transport: () => new TcpTransport(), network: "tcp6", address: () => "[::1]:0" });
});

describe.runIf(process.platform !== "win32")("unix", () => {
  conformance({ test: it, transport: () => new TcpTransport(), network: "unix", address: () => join(folder, `${String(sockets++)}.sock`) });
});

describe("tls", () => {
  const tls = {
    server: { cert: fixture("server.pem"), key: fixture("server-key.pem") },
    client: { ca: fixture("ca.pem") },
  };
  conformance({ test: it, transport: () => new TcpTransport({ tls }), network: "tls", address: () => "localhost:0" });
});
