import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { toConnection, type Connection } from "@astranet/transport";
import { conformance } from "@astranet/transport/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { collect } from "./collect.ts";

let server: WebSocketServer;

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
});

afterAll(() => {
  server.close();
});

async function sockets(): Promise<[WebSocket, WebSocket]> {
  const dialled = new WebSocket(`ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  const [accepted] = (await once(server, "connection")) as [WebSocket];
  return [dialled, accepted];
}

async function pair(): Promise<[Connection, Connection]> {
  const [a, b] = await sockets();
  return [toConnection(a), toConnection(b)];
}

describe("WebSocket", () => {
  conformance({ test: it, pair });
});

describe("a connection over a WebSocket", () => {
  it("takes what is sent while the WebSocket is connecting", async () => {
    const connected = once(server, "connection") as Promise<[WebSocket]>;
    const a = toConnection(new WebSocket(`ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`));
    a.send([Uint8Array.of(1, 2), Uint8Array.of(3)]);
    a.close();
    const [accepted] = await connected;
    const [{ reason }, { bytes }] = await Promise.all([collect(a), collect(toConnection(accepted))]);
    expect([...bytes]).toEqual([1, 2, 3]);
    expect(reason).toBeUndefined();
  });

  it("fails with ECONNRESET where the WebSocket never opens", async () => {
    const stranger = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(stranger, "listening");
    const { port } = stranger.address() as AddressInfo;
    stranger.close();
    await once(stranger, "close");
    const { reason } = await collect(toConnection(new WebSocket(`ws://127.0.0.1:${String(port)}`)));
    expect(reason).toMatchObject({ code: "ECONNRESET" });
  });

  it("fails with ECONNRESET over a WebSocket that is closed already", async () => {
    const [a, b] = await sockets();
    await once(a, "open");
    a.terminate();
    await once(b, "close");
    expect((await collect(toConnection(b))).reason).toMatchObject({ code: "ECONNRESET" });
  });

  it("refuses a text message", async () => {
    const [a, b] = await sockets();
    await once(a, "open");
    const collected = collect(toConnection(b));
    a.send("text");
    expect((await collected).reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
  });

  it("takes a closing handshake with code 1000 for the end of both directions, after what came before", async () => {
    const [a, b] = await sockets();
    await once(a, "open");
    const connection = toConnection(b);
    a.send(Uint8Array.of(1, 2, 3));
    a.close(1_000);
    await once(a, "close");
    const { bytes, reason } = await collect(connection);
    expect([...bytes]).toEqual([1, 2, 3]);
    expect(reason).toBeUndefined();
  });

  it("takes a closing handshake with another code for a break", async () => {
    const [a, b] = await sockets();
    await once(a, "open");
    const collected = collect(toConnection(b));
    a.close(1_011);
    expect((await collected).reason).toMatchObject({ code: "ECONNRESET" });
  });
});
