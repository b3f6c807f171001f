import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { toConnection } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { WsTransport } from "@astranet/transport-ws";
import { bytes, collect } from "./support/collect.ts";
import { listening } from "./support/listening.ts";
import { closeCode, open } from "./support/raw.ts";

const neverEnding = { data: () => undefined, drain: () => undefined, closed: () => undefined };

describe("a connection of WsTransport", () => {
  it("closes with 1003 and ERR_ASTRANET_PROTOCOL where a text message comes", async () => {
    await listening({}, async ({ address, accepted }) => {
      const socket = await open(address);
      const collected = collect(await accepted);
      socket.send("text");
      expect(await closeCode(socket)).toBe(1_003);
      expect((await collected).reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    });
  });

  it("takes a message of maxMessageBytes, and closes with 1009 and ERR_ASTRANET_PROTOCOL where one has a byte more", async () => {
    await listening({ maxMessageBytes: 100_000 }, async ({ address, accepted }) => {
      const socket = await open(address);
      let length = 0;
      const collected = collect(await accepted, (chunk) => {
        length += chunk.length;
      });
      socket.send(new Uint8Array(100_000));
      socket.send(new Uint8Array(100_001));
      expect(await closeCode(socket)).toBe(1_009);
      expect((await collected).reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
      expect(length).toBe(100_000);
    });
  });

  it("ends both directions when the peer ends its own, and takes nothing after that", async () => {
    await listening({}, async ({ address, accepted }) => {
      const socket = await open(address);
      const collected = collect(await accepted);
      socket.send(new Uint8Array(0));
      expect((await collected).reason).toBeUndefined();
      expect(await closeCode(socket)).toBe(1_000);
    });
    await listening({}, async ({ address, accepted }) => {
      const socket = await open(address);
      // Its own end takes its time, so that it is still there when the message comes.
      const connection = await accepted;
      const collected = collect(connection);
      connection.send([new Uint8Array(20_000_000)]);
      socket.pause();
      socket.send(new Uint8Array(0));
      socket.send(new Uint8Array(1));
      expect((await collected).reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
      socket.terminate();
    });
  });

  it("sends messages of 64 KiB at most, in one piece those that fit, uncompressed, and what was sent before the end", async () => {
    await listening({}, async ({ address, accepted }) => {
      const socket = await open(address);
      expect(socket.extensions).toBe("");
      const messages: number[] = [];
      socket.on("message", (data: Buffer) => {
        messages.push(data.length);
        if (data.length === 0) socket.send(data);
      });
      const connection = await accepted;
      const collected = collect(connection);
      connection.send([bytes("head"), new Uint8Array(40_000), bytes("head"), new Uint8Array(100)]);
      connection.send([new Uint8Array(150_000)]);
      connection.send([]);
      connection.send([new Uint8Array(0)]);
      connection.close();
      expect(await closeCode(socket)).toBe(1_000);
      expect(messages).toEqual([40_108, 65_536, 65_536, 18_928, 0]);
      expect((await collected).reason).toBeUndefined();
    });
  });

  it("hears what a peer's closing code means", async () => {
    for (const [code, expected] of [
      [1_000, undefined],
      [1_001, "ECONNRESET"],
      [1_009, "ERR_ASTRANET_PROTOCOL"],
      [4_000, "ECONNRESET"],
    ] as const) {
      await listening({}, async ({ address, accepted }) => {
        const socket = await open(address);
        const collected = collect(await accepted);
        socket.send("x".repeat(10), { binary: true });
        socket.close(code, "so long");
        const { text, reason } = await collected;
        expect(text).toBe("xxxxxxxxxx");
        if (expected === undefined) expect(reason).toBeUndefined();
        else expect(reason).toMatchObject({ code: expected, message: expect.stringMatching(new RegExp(`${String(code)}.*so long`)) as string });
      });
    }
  });

  it("breaks with ECONNRESET where the socket ends or is reset without a closing handshake", async () => {
    for (const cut of ["destroy", "resetAndDestroy"] as const) {
      await listening({}, async ({ address, accepted }) => {
        const socket = await open(address);
        const collected = collect(await accepted);
        (socket as unknown as { _socket: Socket })._socket[cut]();
        expect((await collected).reason).toMatchObject({ code: "ECONNRESET" });
      });
    }
  });

  it("is terminated at once when it is aborted, whatever is queued", async () => {
    await listening({}, async ({ transport, address, accepted }) => {
      const dialled = await transport.dial("ws", address);
      const peer = collect(await accepted);
      const collected = collect(dialled);
      const reason = new Error("enough");
      dialled.send([new Uint8Array(10_000_000)]);
      dialled.abort(reason);
      expect((await collected).reason).toBe(reason);
      expect((await peer).reason).toMatchObject({ code: "ECONNRESET" });
    });
  });

  it("interoperates with toConnection over a WebSocket that names no subprotocol", async () => {
    await listening({}, async ({ address, accepted }) => {
      const mine = toConnection(new WebSocket(`ws://${address}`));
      const theirs = await accepted;
      const ends = [collect(mine), collect(theirs)];
      mine.send([bytes("to "), bytes("them")]);
      theirs.send([bytes("to me")]);
      theirs.close();
      expect(await Promise.all(ends)).toEqual([
        { text: "to me", reason: undefined },
        { text: "to them", reason: undefined },
      ]);
    });
  });

  it("answers pings of the WebSocket", async () => {
    await listening({}, async ({ address, accepted }) => {
      const socket = await open(address);
      (await accepted).start(neverEnding);
      socket.ping("are you there");
      expect(String((await once(socket, "pong"))[0])).toBe("are you there");
      socket.terminate();
    });
  });

  it("delivers a frame that came in many pieces as one, and the frames of a message one by one", async () => {
    await listening({}, async ({ address, accepted }) => {
      const socket = await open(address);
      const sizes: number[] = [];
      const collected = collect(await accepted, ({ length }) => sizes.push(length));
      socket.send(new Uint8Array(10), { fin: false });
      socket.send(new Uint8Array(0), { fin: false });
      socket.send(new Uint8Array(1_000_000));
      socket.close(1_000);
      expect((await collected).reason).toBeUndefined();
      expect(sizes).toEqual([10, 1_000_000]);
    });
  });

  it("gives up, with ETIMEDOUT, on a peer that does not end within five seconds", async () => {
    const timers: { delayMs: number; callback: () => void; cancelled: boolean }[] = [];
    const clock = {
      now: () => 0,
      setTimer: (delayMs: number, callback: () => void) => {
        const timer = { delayMs, callback, cancelled: false };
        timers.push(timer);
        return { cancel: () => void (timer.cancelled = true) };
      },
      defer: (callback: () => void) => void setImmediate(callback),
    };
    await listening({ clock }, async ({ address, accepted }) => {
      const socket = await open(address);
      const connection = await accepted;
      const collected = collect(connection);
      connection.close();
      const [timer] = timers.filter(({ cancelled }) => !cancelled);
      expect(timer?.delayMs).toBe(5_000);
      timer?.callback();
      expect((await collected).reason).toMatchObject({ code: "ETIMEDOUT" });
      expect(await closeCode(socket)).toBe(1_006);
    });
  });

  it("knows both ends' addresses", async () => {
    await listening(
      {},
      async ({ transport, address, accepted }) => {
        const a = await transport.dial("ws", address);
        const b = await accepted;
        expect(address).toMatch(/^127\.0\.0\.1:[1-9]\d*\/mesh$/);
        expect([a.remoteAddress, b.localAddress, b.remoteAddress]).toEqual([address, address, a.localAddress]);
        a.abort();
      },
      "ws",
      "ws://127.0.0.1:0/mesh",
    );
  });

  it("refuses frames that break the protocol, with 1002 and ERR_ASTRANET_PROTOCOL", async () => {
    await listening({}, async ({ address, accepted }) => {
      const socket = await open(address);
      const collected = collect(await accepted);
      // Not masked, as every frame of a client must be.
      (socket as unknown as { _socket: Socket })._socket.write(Uint8Array.of(0x82, 1, 7));
      expect(await closeCode(socket)).toBe(1_002);
      expect((await collected).reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
    });
  });

  it("tells of a server that refuses its messages", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: 10, handleProtocols: () => "astranet" });
    await once(server, "listening");
    server.on("connection", (socket) => socket.on("error", () => undefined));
    const { port } = server.address() as AddressInfo;
    const connection = await new WsTransport().dial("ws", `127.0.0.1:${String(port)}`);
    const collected = collect(connection);
    connection.send([new Uint8Array(11)]);
    expect((await collected).reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining("1009") as string });
    server.close();
  });
});
