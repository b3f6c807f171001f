import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { toConnection, type Connection } from "@astranet/transport";
import { conformance } from "@astranet/transport/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { collect } from "./collect.ts";
import { VirtualClock } from "./virtual-clock.ts";

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

  it("sends messages of 64 KiB at most", async () => {
    const [a, b] = await sockets();
    await once(a, "open");
    const lengths: number[] = [];
    b.on("message", (data: Buffer) => lengths.push(data.length));
    const connection = toConnection(a);
    connection.send([new Uint8Array(100_000), new Uint8Array(100_000)]);
    connection.send([new Uint8Array(65_536)]);
    b.close(1_000);
    await once(b, "close");
    expect(lengths).toEqual([65_536, 65_536, 65_536, 3_392, 65_536]);
    connection.abort();
  });

  it("looks ever less often whether a buffer has emptied that does not, and as often as at first for the next", () => {
    const clock = new VirtualClock();
    const looks: number[] = [];
    let bufferedAmount = 0;
    const socket = {
      binaryType: "arraybuffer",
      readyState: 1,
      get bufferedAmount() {
        looks.push(clock.now());
        return bufferedAmount;
      },
      send: () => undefined,
      close: () => undefined,
      addEventListener: () => undefined,
    };
    const connection = toConnection(socket, { clock });
    let drained = 0;
    connection.start({ data: () => undefined, drain: () => void (drained += 1), closed: () => undefined });
    looks.length = 0;
    bufferedAmount = 200_000;
    expect(connection.send([Uint8Array.of(1)])).toBe(false);
    clock.advance(252);
    expect(looks).toEqual([0, 4, 12, 28, 60, 124, 188, 252]);
    bufferedAmount = 65_536;
    clock.advance(64);
    expect(drained).toBe(1);
    clock.advance(1_000);
    expect(looks.splice(0).at(-1)).toBe(316);
    bufferedAmount = 200_000;
    connection.send([Uint8Array.of(1)]);
    clock.advance(4);
    expect(looks).toEqual([1_316, 1_320]);
    connection.abort();
    clock.advance(1_000);
    expect(looks).toEqual([1_316, 1_320]);
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
