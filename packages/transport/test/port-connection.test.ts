import { toConnection, type Connection, type MessagePortLike } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { collect } from "./collect.ts";
import { journal, type Journal } from "./journal.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A port whose other end is the test. */
class LoosePort implements MessagePortLike {
  readonly posted: unknown[] = [];
  readonly transferred: unknown[] = [];
  readonly listeners: Record<string, Set<(event: object) => void>> = { message: new Set(), messageerror: new Set(), close: new Set() };
  started = 0;
  closed = 0;

  postMessage(message: unknown, transfer: ArrayBuffer[]): void {
    this.posted.push(message);
    this.transferred.push(...transfer);
  }
  start(): void {
    this.started += 1;
  }
  close(): void {
    this.closed += 1;
  }
  addEventListener(type: "message" | "messageerror" | "close", listener: (event: object) => void): void {
    this.listeners[type]?.add(listener);
  }
  removeEventListener(type: "message" | "messageerror" | "close", listener: (event: object) => void): void {
    this.listeners[type]?.delete(listener);
  }
  happens(type: "message" | "messageerror" | "close", data?: unknown): void {
    for (const listener of this.listeners[type] ?? []) listener({ data });
  }
  get listening(): number {
    return Object.values(this.listeners).reduce((sum, { size }) => sum + size, 0);
  }
}

function overLoosePort(ondata?: (chunk: Uint8Array) => void): { port: LoosePort; clock: VirtualClock; connection: Connection; log: Journal } {
  const port = new LoosePort();
  const clock = new VirtualClock();
  const connection = toConnection(port, { clock });
  return { port, clock, connection, log: journal(connection, ondata) };
}

describe("a connection over a MessagePort", () => {
  it("transfers one exact buffer for each send, and leaves the sender's alone", async () => {
    const { port1, port2 } = new MessageChannel();
    const messages: unknown[] = [];
    const got = new Promise<void>((resolve) => {
      port2.onmessage = ({ data }) => {
        messages.push(data);
        if (messages.length === 2) resolve();
      };
    });
    const connection = toConnection(port1);
    const backing = new Uint8Array(100);
    connection.send([backing.subarray(10, 13), Uint8Array.of(9)]);
    connection.close();
    await got;
    expect(messages).toEqual([Uint8Array.of(0, 0, 0, 9).buffer, "end"]);
    expect(backing.length).toBe(100);
    connection.abort();
    port2.close();
  });

  it("refuses a message that is no part of it", async () => {
    const { port1, port2 } = new MessageChannel();
    const collected = collect(toConnection(port1));
    port2.postMessage({ hello: "there" });
    expect((await collected).reason).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
  });

  it("hands the port's own copy over, and drops what is sent after close", () => {
    const { port, connection } = overLoosePort();
    connection.send([Uint8Array.of(1)]);
    connection.send([new Uint8Array(0)]);
    connection.close();
    expect(connection.send([Uint8Array.of(2)])).toBe(true);
    expect(port.posted).toEqual([Uint8Array.of(1).buffer, "end"]);
    expect(port.transferred).toEqual([port.posted[0]]);
    expect(port.transferred[0]).toBe(port.posted[0]);
  });

  it("returns false from send while more than 128 KiB are unacknowledged, and drains at 64 KiB", () => {
    const { port, connection, log } = overLoosePort();
    port.happens("message", 0);
    expect(connection.send([new Uint8Array(131_072)])).toBe(true);
    port.happens("message", 131_072);
    expect(log.events).toEqual([]);
    connection.send([new Uint8Array(131_072)]);
    expect(connection.send([new Uint8Array(1)])).toBe(false);
    port.happens("message", 65_536);
    expect(log.events).toEqual([]);
    port.happens("message", 1);
    expect(log.events).toEqual(["drain"]);
    port.happens("message", 65_536);
    expect(log.events).toEqual(["drain"]);
  });

  it("acknowledges in steps of 32 KiB what it has handed on", () => {
    const { port } = overLoosePort();
    port.happens("message", new ArrayBuffer(32_767));
    expect(port.posted).toEqual([]);
    port.happens("message", new ArrayBuffer(1));
    expect(port.posted).toEqual([32_768]);
    port.happens("message", new ArrayBuffer(100_000));
    expect(port.posted).toEqual([32_768, 100_000]);
  });

  it("posts nothing but its abort when its sink aborts within data", () => {
    const { port, connection, clock, log } = overLoosePort(() => {
      connection.abort(new Error("enough"));
    });
    port.happens("message", new ArrayBuffer(100_000));
    clock.advance(0);
    expect(port.posted).toEqual(["reset"]);
    expect(log.events).toEqual(["data 100000", "closed enough"]);
  });

  it("lets go of the port: no listener is left, and it is closed, after a clean end without a word of an abort", () => {
    const { port, connection, clock, log } = overLoosePort();
    expect([port.started, port.listening]).toEqual([1, 3]);
    connection.close();
    expect(port.listening).toBe(3);
    port.happens("message", "end");
    clock.advance(0);
    expect(log.events).toEqual(["closed"]);
    expect([port.closed, port.listening]).toEqual([1, 0]);
    expect(port.posted).toEqual(["end"]);
  });

  it.each([
    ["the peer aborts", (port: LoosePort) => { port.happens("message", "reset"); }, "ECONNRESET: the peer aborted the connection"],
    ["the port is closed", (port: LoosePort) => { port.happens("close"); }, "ECONNRESET: the port was closed"],
    ["a message cannot be read", (port: LoosePort) => { port.happens("messageerror"); }, "ECONNRESET: the port was closed"],
    ["text comes", (port: LoosePort) => { port.happens("message", "hello"); }, "ERR_ASTRANET_PROTOCOL: a message of type string came where bytes were expected"],
    ["an object comes", (port: LoosePort) => { port.happens("message", {}); }, "ERR_ASTRANET_PROTOCOL: a message of type object came where bytes were expected"],
  ])("breaks when %s, and says so", (_what, happens, message) => {
    const { port, clock, log } = overLoosePort();
    happens(port);
    clock.advance(0);
    expect(log.reason).toMatchObject({ message });
    expect([port.closed, port.listening]).toEqual([1, 0]);
  });
});
