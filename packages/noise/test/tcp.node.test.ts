import { secure, type SecureConnection } from "@astranet/noise";
import type { Connection } from "@astranet/transport";
import { conformance, debugConnection } from "@astranet/transport/testing";
import { TcpTransport } from "@astranet/transport-tcp";
import { describe, expect, it } from "vitest";
import { provider as noble } from "../src/noble/noble-crypto.ts";
import { provider as node } from "../src/node/node-crypto.ts";
import { text } from "./support/hex.ts";
import { optionsOf, securePair, type PairOptions } from "./support/secure-pair.ts";
import { listen } from "./support/wire.ts";

/** Both ends of a tcp connection over loopback. */
async function tcpPair(): Promise<[dialled: Connection, accepted: Connection]> {
  const transport = new TcpTransport();
  let accept: (connection: Connection) => void = () => undefined;
  const accepted = new Promise<Connection>((resolve) => (accept = resolve));
  const listener = await transport.listen("tcp", "127.0.0.1:0", { onconnection: (connection) => accept(connection) });
  const dialled = await transport.dial("tcp", listener.address);
  const pair: [Connection, Connection] = [dialled, await accepted];
  await listener.close();
  return pair;
}

async function secureTcp(options: PairOptions = {}, wrap = (connection: Connection): Connection => connection): Promise<[SecureConnection, SecureConnection]> {
  const [a, b] = await tcpPair();
  return await securePair(options, [wrap(a), wrap(b)]);
}

describe("noise over tcp", () => {
  conformance({ test: it, pair: () => secureTcp() });
});

describe("noise over tcp, IK with a secret, and a new key every few records", () => {
  conformance({ test: it, pair: () => secureTcp({ both: { pattern: "IK", psks: [new Uint8Array(32)], rekeyAfterRecords: 5 } }), bulkBytes: 8_388_608 });
});

describe("noise over tcp that spoils what is not its own", () => {
  conformance({ test: it, pair: () => secureTcp({}, (connection) => debugConnection(connection)), bulkBytes: 8_388_608 });
});

describe("the two providers", () => {
  it.each(["AESGCM", "ChaChaPoly"] as const)("understand each other, whichever begins, with %s", async (suite) => {
    for (const [initiator, responder] of [[node, noble], [noble, node]] as const) {
      for (const pattern of ["XX", "IK"] as const) {
        const [first, second] = optionsOf({
          both: { pattern, suites: [suite], psks: [new Uint8Array(32).fill(3)], rekeyAfterRecords: 4 },
          initiator: { crypto: initiator, payload: text("hi") },
          responder: { crypto: responder, payload: text("ho") },
        });
        const [here, there] = await tcpPair();
        const [a, b] = await Promise.all([secure(here, first), secure(there, second)]);
        const [heardA, heardB] = [listen(a), listen(b)];
        for (let i = 0; i < 10; i += 1) {
          a.send([text("a"), new Uint8Array(20_000), text("a")]);
          b.send([new Uint8Array(3_000)]);
        }
        await Promise.all([heardA.bytes(30_000), heardB.bytes(200_020)]);
        a.close();
        expect([await heardA.closed, await heardB.closed]).toEqual([undefined, undefined]);
      }
    }
  });
});
