import { toConnection, type Connection, type WebSocketLike } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { journal, type Journal } from "./journal.ts";
import { VirtualClock } from "./virtual-clock.ts";

interface SocketEvents {
  readonly open?: undefined;
  readonly message: { readonly data: unknown };
  readonly close: { readonly code: number };
}

/** A WebSocket whose other end is the test; a browser's, which cannot be terminated. */
class LooseSocket implements WebSocketLike {
  binaryType = "blob";
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: number[][] = [];
  readonly closings: unknown[][] = [];
  readonly #listeners = new Map<string, ((event: never) => void)[]>();

  send(data: Uint8Array<ArrayBuffer>): void {
    this.sent.push([...data]);
  }
  close(...how: unknown[]): void {
    this.closings.push(how);
  }
  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }
  happens<T extends keyof SocketEvents>(type: T, event?: SocketEvents[T]): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }
  gets(...bytes: number[]): void {
    this.happens("message", { data: Uint8Array.from(bytes).buffer });
  }
}

/** One of the `ws` package, which can. */
class TerminableSocket extends LooseSocket {
  terminated = 0;
  terminate(): void {
    this.terminated += 1;
  }
}

function over<T extends LooseSocket>(socket: T): { socket: T; clock: VirtualClock; connection: Connection } {
  const clock = new VirtualClock();
  return { socket, clock, connection: toConnection(socket, { clock }) };
}

function started<T extends LooseSocket>(socket: T, ondata?: (chunk: Uint8Array) => void): { socket: T; clock: VirtualClock; connection: Connection; log: Journal } {
  const made = over(socket);
  const log = journal(made.connection, ondata);
  made.clock.advance(0);
  return { ...made, log };
}

describe("a connection over a WebSocket, event by event", () => {
  it("asks for ArrayBuffers, and calls its ends 'websocket' where it is told nothing", () => {
    const { socket, connection } = over(new LooseSocket());
    expect(socket.binaryType).toBe("arraybuffer");
    expect([connection.localAddress, connection.remoteAddress]).toEqual(["websocket", "websocket"]);
  });

  it("holds what comes before start, and delivers it after that, not within", () => {
    const { socket, connection, clock } = over(new LooseSocket());
    socket.gets(1);
    socket.gets(2, 3);
    const log = journal(connection);
    socket.gets(4);
    expect(log.events).toEqual([]);
    clock.advance(0);
    socket.gets(5);
    expect(log.events).toEqual(["data 1", "data 2", "data 1", "data 1"]);
    expect(log.received).toEqual([1, 2, 3, 4, 5]);
  });

  it("delivers nothing after an abort, of what it held or of what comes", () => {
    const { socket, connection, clock } = over(new LooseSocket());
    socket.gets(1);
    socket.gets(2);
    socket.gets(3);
    const log = journal(connection, () => {
      connection.abort(new Error("enough"));
    });
    clock.advance(0);
    socket.gets(4);
    socket.happens("message", { data: "text" });
    socket.happens("close", { code: 1_006 });
    clock.advance(0);
    expect(log.events).toEqual(["data 1", "closed enough"]);
  });

  it("sends what waited for the opening in its order, once", () => {
    const socket = new LooseSocket();
    socket.readyState = 0;
    const { connection } = started(socket);
    connection.send([Uint8Array.of(1), Uint8Array.of(2)]);
    connection.send([Uint8Array.of(3)]);
    expect(socket.sent).toEqual([]);
    socket.readyState = 1;
    socket.happens("open");
    connection.send([Uint8Array.of(4)]);
    connection.close();
    expect(socket.sent).toEqual([[1, 2], [3], [4], []]);
  });

  it("drops what waited for the opening when it is aborted", () => {
    const socket = new LooseSocket();
    socket.readyState = 0;
    const { connection } = started(socket);
    connection.send([Uint8Array.of(1)]);
    connection.abort();
    socket.readyState = 1;
    socket.happens("open");
    expect(socket.sent).toEqual([]);
  });

  it("counts what waits for the opening, and drains when the WebSocket has taken it", () => {
    const socket = new LooseSocket();
    socket.readyState = 0;
    const { connection, log, clock } = started(socket);
    expect(connection.send([new Uint8Array(131_072)])).toBe(true);
    expect(connection.send([new Uint8Array(1)])).toBe(false);
    clock.advance(1_000);
    expect(log.events).toEqual([]);
    socket.readyState = 1;
    socket.happens("open");
    expect(log.events).toEqual(["drain"]);
    expect(connection.send([new Uint8Array(131_072)])).toBe(true);
  });

  it("returns false from send above 128 KiB, and drains at 64 KiB", () => {
    const { socket, connection, log, clock } = started(new LooseSocket());
    socket.bufferedAmount = 131_072;
    expect(connection.send([Uint8Array.of(1)])).toBe(true);
    socket.bufferedAmount = 131_073;
    expect(connection.send([Uint8Array.of(1)])).toBe(false);
    expect(connection.send([Uint8Array.of(1)])).toBe(false);
    expect(clock.timers).toBe(1);
    socket.bufferedAmount = 65_537;
    clock.advance(200);
    expect(log.events).toEqual([]);
    socket.bufferedAmount = 65_536;
    clock.advance(200);
    expect(log.events).toEqual(["drain"]);
    expect(clock.timers).toBe(0);
  });

  it("is not made to look more often by what is sent meanwhile", () => {
    const { socket, connection, clock } = started(new LooseSocket());
    socket.bufferedAmount = 200_000;
    connection.send([Uint8Array.of(1)]);
    clock.advance(5);
    connection.send([Uint8Array.of(1)]);
    clock.advance(247);
    // For the looks at 4, 12, 28, 60, 124, 188 and 252 ms, and for the next.
    expect(clock.timersSet).toBe(8);
    connection.abort();
  });

  it("looks at the buffer with each message too, and tells of room once", () => {
    const { socket, connection, log, clock } = started(new LooseSocket());
    socket.bufferedAmount = 200_000;
    connection.send([Uint8Array.of(1)]);
    socket.bufferedAmount = 0;
    socket.gets(1);
    expect(log.events).toEqual(["drain", "data 1"]);
    socket.gets(2);
    clock.advance(1_000);
    expect(log.events).toEqual(["drain", "data 1", "data 1"]);
  });

  it("drops what is sent after close", () => {
    const { socket, connection } = started(new LooseSocket());
    connection.close();
    socket.bufferedAmount = 200_000;
    expect(connection.send([Uint8Array.of(1)])).toBe(true);
    expect(socket.sent).toEqual([[]]);
  });

  it("closes the WebSocket with 1000 when both directions have ended", () => {
    const { socket, connection, log, clock } = started(new TerminableSocket());
    connection.close();
    expect(socket.closings).toEqual([]);
    socket.gets();
    clock.advance(0);
    expect(log.events).toEqual(["closed"]);
    expect([socket.closings, socket.terminated]).toEqual([[[1_000]], 0]);
    expect(clock.timers).toBe(0);
  });

  it("terminates a WebSocket that can be when it is aborted, and closes any other with 4000", () => {
    const { socket, connection } = started(new TerminableSocket());
    connection.abort();
    expect([socket.closings, socket.terminated]).toEqual([[], 1]);
    const other = started(new LooseSocket());
    other.connection.abort();
    expect(other.socket.closings).toEqual([[4_000, "aborted"]]);
  });

  it("stops looking at the buffer when it is aborted", () => {
    const { socket, connection, clock } = started(new LooseSocket());
    socket.bufferedAmount = 200_000;
    connection.send([Uint8Array.of(1)]);
    expect(clock.timers).toBe(1);
    connection.abort();
    expect(clock.timers).toBe(0);
  });

  it("takes a close with 1000 for the end of both directions, after what it holds", () => {
    const { socket, connection, clock } = over(new LooseSocket());
    socket.gets(1);
    socket.happens("close", { code: 1_000 });
    const log = journal(connection);
    clock.advance(0);
    expect(log.events).toEqual(["data 1", "closed"]);
    const { socket: second, clock: time, log: events } = started(new LooseSocket());
    second.happens("close", { code: 1_000 });
    time.advance(0);
    expect(events.events).toEqual(["closed"]);
  });

  it.each([
    ["closes with code 1011", (socket: LooseSocket) => { socket.happens("close", { code: 1_011 }); }, "ECONNRESET: the WebSocket was closed with code 1011"],
    ["gives text", (socket: LooseSocket) => { socket.happens("message", { data: "hello" }); }, "ERR_ASTRANET_PROTOCOL: a text message came where bytes were expected"],
  ])("breaks when the WebSocket %s, and says so", (_what, happens, message) => {
    const { socket, clock, log } = started(new LooseSocket());
    happens(socket);
    clock.advance(0);
    expect(log.reason).toMatchObject({ message });
  });

  it.each([2, 3])("is broken from the beginning over a WebSocket in state %d: closing, or closed", (readyState) => {
    const socket = new LooseSocket();
    socket.readyState = readyState;
    const { clock, log } = started(socket);
    clock.advance(0);
    expect(log.reason).toMatchObject({ message: "ECONNRESET: the WebSocket was closed" });
  });

  it("leaves the reason to the close that follows an error", () => {
    const { socket, clock, log } = started(new LooseSocket());
    socket.happens("error" as keyof SocketEvents);
    clock.advance(0);
    expect(log.events).toEqual([]);
    socket.happens("close", { code: 1_006 });
    clock.advance(0);
    expect(String(log.reason)).toContain("with code 1006");
  });
});
