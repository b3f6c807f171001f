import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex, Readable, Writable } from "node:stream";
import type { Connection } from "@astranet/transport";
import { toConnection } from "@astranet/transport/node";
import { afterAll, describe } from "vitest";
import { TcpTransport } from "../../transport-tcp/src/index.ts";
import { type Connect, sessionBody } from "./support/session-body.ts";

const folder = mkdtempSync(join(tmpdir(), "astranet-mux-"));
let names = 0;

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The two ends of a connection of the transport. */
function over(transport: TcpTransport, network: string, address: () => string): Connect {
  return async () => {
    let take!: (connection: Connection) => void;
    const accepted = new Promise<Connection>((resolve) => {
      take = resolve;
    });
    const listener = await transport.listen(network, address(), { onconnection: take });
    const dialled = await transport.dial(network, listener.address);
    return [dialled, await accepted, () => void listener.close()];
  };
}

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), "utf8");

sessionBody("tcp", over(new TcpTransport(), "tcp", () => "127.0.0.1:0"));

const tls = { server: { cert: pem("server.pem"), key: pem("server-key.pem") }, client: { ca: pem("ca.pem") } };
sessionBody("tls", over(new TcpTransport({ tls }), "tls", () => "localhost:0"));

describe.runIf(process.platform !== "win32")("where there are such sockets", () => {
  sessionBody("unix sockets", over(new TcpTransport(), "unix", () => join(folder, String(names++))));
});

// Joins its standard input and output to two more pipes, which are the other end of the connection.
const relay = `const { pipeline } = require("node:stream");
const { Socket } = require("node:net");
const [there, back] = [3, 4].map((fd) => new Socket({ fd, allowHalfOpen: true }));
const broken = (error) => error && process.exit(1);
pipeline(process.stdin, back, broken);
pipeline(there, process.stdout, broken);`;

sessionBody("a child's stdio", () => {
  const child = spawn(process.execPath, ["-e", relay], { stdio: ["pipe", "pipe", "inherit", "pipe", "pipe"] });
  const [stdin, stdout, , there, back] = child.stdio as [Writable, Readable, null, Duplex, Duplex];
  const ends = [toConnection({ readable: stdout, writable: stdin }), toConnection({ readable: back, writable: there })] as const;
  return [...ends, () => void child.kill()];
});
