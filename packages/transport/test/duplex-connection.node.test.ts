import { once } from "node:events";
import { Socket } from "node:net";
import { Duplex, PassThrough, type DuplexOptions } from "node:stream";
import type { Connection } from "@astranet/transport";
import { toConnection } from "@astranet/transport/node";
import { describe, expect, it } from "vitest";
import { collect } from "./collect.ts";
import { journal, type Journal } from "./journal.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A Duplex whose other end is the test: it pushes what comes in, and takes a write when it is told to. */
class LooseDuplex extends Duplex {
  readonly writes: Uint8Array[] = [];
  #taken: (() => void)[] = [];

  constructor(options: DuplexOptions = {}) {
    super({ ...options, read: () => undefined });
  }

  override _write(chunk: Uint8Array, _encoding: unknown, done: () => void): void {
    this.writes.push(chunk);
    this.#taken.push(done);
  }

  get lengths(): number[] {
    return this.writes.map(({ length }) => length);
  }

  /** Takes the oldest write that waits, and lets what follows from that happen. */
  async takeWrite(): Promise<void> {
    this.#taken.shift()?.();
    await turn();
  }
}

/** A turn of the event loop, with all that Node's streams put off to its end. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Over<T> {
  readonly stream: T;
  readonly clock: VirtualClock;
  readonly connection: Connection;
  readonly log: Journal;
}

function over<T extends Duplex>(stream: T, ondata?: (chunk: Uint8Array) => void): Over<T> {
  const clock = new VirtualClock();
  const connection = toConnection(stream, { clock });
  return { stream, clock, connection, log: journal(connection, ondata) };
}

describe("a connection over Node streams, event by event", () => {
  it("calls its ends by the kind of pipe where it is told nothing", () => {
    const [duplex, pair] = [toConnection(new PassThrough()), toConnection({ readable: new PassThrough(), writable: new PassThrough() })];
    expect([duplex.localAddress, duplex.remoteAddress]).toEqual(["duplex", "duplex"]);
    expect([pair.localAddress, pair.remoteAddress]).toEqual(["streams", "streams"]);
    duplex.abort();
    pair.abort();
  });

  it.each(["readable", "writable"] as const)("breaks, and destroys the other stream, when the %s of a pair closes without an end", async (which) => {
    const pair = { readable: new PassThrough(), writable: new PassThrough() };
    const collected = collect(toConnection(pair));
    pair[which].destroy();
    expect((await collected).reason).toMatchObject({ message: "ECONNRESET: the stream closed before its end" });
    expect([pair.readable.destroyed, pair.writable.destroyed]).toEqual([true, true]);
  });

  it.each(["readable", "writable"] as const)("breaks with its code when the %s of a pair fails", async (which) => {
    const pair = { readable: new PassThrough(), writable: new PassThrough() };
    const collected = collect(toConnection(pair));
    const cause = Object.assign(new Error("broken"), { code: "EPIPE" });
    pair[which].destroy(cause);
    expect((await collected).reason).toMatchObject({ message: "EPIPE: broken", cause });
  });

  it.each(["readable", "writable"] as const)("is broken from the beginning over a pair whose %s had closed", async (which) => {
    const pair = { readable: new PassThrough(), writable: new PassThrough() };
    pair[which].destroy();
    await once(pair[which], "close");
    expect((await collect(toConnection(pair))).reason).toMatchObject({ code: "ECONNRESET" });
  });

  it("drops what is sent after close, and ends in order", async () => {
    const { stream, connection, clock, log } = over(new LooseDuplex());
    connection.send([Uint8Array.of(1)]);
    connection.close();
    expect(connection.send([Uint8Array.of(2)])).toBe(true);
    await stream.takeWrite();
    stream.push(null);
    await turn();
    clock.advance(0);
    expect(log.events).toEqual(["closed"]);
    expect(stream.writes.map((chunk) => [...chunk])).toEqual([[1]]);
    expect(stream.destroyed).toBe(true);
  });

  it("returns false from send above 128 KiB", () => {
    const { connection } = over(new LooseDuplex());
    expect(connection.send([new Uint8Array(131_072)])).toBe(true);
    expect(connection.send([new Uint8Array(1)])).toBe(false);
    connection.abort();
  });

  it("waits for the stream's own 'drain' where that comes, with no write of its own", async () => {
    const { stream, connection, log } = over(new LooseDuplex({ highWaterMark: 16_384 }));
    connection.send([new Uint8Array(200_000)]);
    connection.send([new Uint8Array(100)]);
    await stream.takeWrite();
    expect(log.events).toEqual([]);
    await stream.takeWrite();
    expect(log.events).toEqual(["drain"]);
    expect(stream.lengths).toEqual([200_000, 100]);
    connection.abort();
  });

  it("writes one empty chunk in its stead where the stream's own mark is not reached", async () => {
    const { stream, connection, log } = over(new LooseDuplex({ highWaterMark: 1_048_576 }));
    expect(connection.send([new Uint8Array(200_000)])).toBe(false);
    expect(connection.send([new Uint8Array(100)])).toBe(false);
    await stream.takeWrite();
    expect(log.events).toEqual([]);
    await stream.takeWrite();
    expect(log.events).toEqual(["drain"]);
    await stream.takeWrite();
    expect(stream.lengths).toEqual([200_000, 0, 100]);
    expect(log.events).toEqual(["drain"]);
    connection.abort();
  });

  it("tells of no room that was not lacking", async () => {
    const { stream, connection, log } = over(new LooseDuplex({ highWaterMark: 10 }));
    connection.send([new Uint8Array(100)]);
    await stream.takeWrite();
    expect(log.events).toEqual([]);
    connection.abort();
  });

  it("hands to a socket what it is given, uncopied, several chunks in one write", () => {
    const writes: Uint8Array[][] = [];
    class Recorder extends Socket {
      override _write(chunk: Uint8Array, _encoding: unknown, done: () => void): void {
        writes.push([chunk]);
        done();
      }
      override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
        writes.push(chunks.map(({ chunk }) => chunk));
        done();
      }
    }
    const { connection } = over(new Recorder());
    const [first, second] = [Uint8Array.of(1), Uint8Array.of(2, 3)];
    connection.send([first]);
    connection.send([first, second]);
    expect(writes.map((chunks) => chunks.map((chunk) => chunk.buffer))).toEqual([[first.buffer], [first.buffer, second.buffer]]);
    expect(writes.flat().every((chunk) => chunk.buffer === first.buffer || chunk.buffer === second.buffer)).toBe(true);
    connection.abort();
  });

  it("delivers at once what comes outside of any method, whatever ran before", async () => {
    const { stream, connection, clock, log } = over(new LooseDuplex());
    await turn();
    connection.send([Uint8Array.of(1)]);
    stream.emit("data", Buffer.of(1, 2));
    expect(log.events).toEqual(["data 2"]);
    connection.abort(new Error("enough"));
    stream.emit("data", Buffer.of(3));
    clock.advance(0);
    expect(log.events).toEqual(["data 2", "closed enough"]);
    const other = over(new LooseDuplex());
    await turn();
    other.stream.emit("data", Buffer.of(4));
    expect(other.log.events).toEqual(["data 1"]);
    other.connection.close();
    other.stream.emit("data", Buffer.of(5));
    expect(other.log.events).toEqual(["data 1", "data 1"]);
    other.connection.abort();
  });

  it("delivers later, in turns, what comes within a method; nothing overtakes it, and the end comes after it", () => {
    const events: string[] = [];
    class Echo extends LooseDuplex {
      override _write(chunk: Uint8Array, _encoding: unknown, done: () => void): void {
        // As a stream does whose far end answers within the write.
        this.emit("data", Buffer.from(chunk));
        done();
      }
    }
    const { stream, connection, clock, log } = over(new Echo(), (chunk) => {
      events.push(chunk.join());
      if (chunk[0] === 1) {
        connection.send([Uint8Array.of(3)]);
        stream.emit("end");
      }
    });
    connection.send([Uint8Array.of(1)]);
    stream.emit("data", Buffer.of(2));
    clock.defer(() => events.push("another's"));
    expect(events).toEqual([]);
    clock.advance(0);
    expect(events).toEqual(["1", "2", "another's", "3"]);
    expect(log.received).toEqual([1, 2, 3]);
    // The peer's end has come, so ours was made.
    expect(stream.writableEnded).toBe(true);
    connection.abort();
  });

  it("delivers nothing of what waits when its sink aborts", () => {
    class Echo extends LooseDuplex {
      override _write(chunk: Uint8Array, _encoding: unknown, done: () => void): void {
        this.emit("data", Buffer.from(chunk));
        this.emit("data", Buffer.from(chunk));
        done();
      }
    }
    const { connection, clock, log } = over(new Echo(), () => {
      connection.abort(new Error("enough"));
    });
    connection.send([Uint8Array.of(1)]);
    clock.advance(0);
    expect(log.events).toEqual(["data 1", "closed enough"]);
  });
});

describe("a connection over TLS", () => {
  const tls = (): LooseDuplex => Object.assign(new LooseDuplex(), { encrypted: true });

  it("ends between turns of the event loop, once nothing is left to write", async () => {
    const { stream, connection, clock } = over(tls());
    connection.send([Uint8Array.of(1)]);
    connection.close();
    clock.advance(0);
    expect(stream.writableEnded).toBe(false);
    await stream.takeWrite();
    await stream.takeWrite();
    expect(stream.writableEnded).toBe(false);
    clock.advance(0);
    expect(stream.writableEnded).toBe(true);
    expect(stream.lengths).toEqual([1, 0]);
    connection.abort();
  });

  it("ends in the next turn where nothing was left, and not within close", () => {
    const { stream, connection, clock } = over(tls());
    connection.close();
    expect(stream.writableEnded).toBe(false);
    clock.advance(0);
    expect(stream.writableEnded).toBe(true);
    connection.abort();
  });

  it("does not end what was aborted meanwhile", () => {
    const { stream, connection, clock } = over(tls());
    connection.close();
    connection.abort();
    clock.advance(0);
    expect(stream.writableEnded).toBe(false);
  });

  it("is an exception: any other stream is ended within close", () => {
    const { stream, connection } = over(new LooseDuplex());
    connection.close();
    expect(stream.writableEnded).toBe(true);
    connection.abort();
  });
});

describe("the end of a connection over a TCP socket", () => {
  /** As a socket has it: a stream that can be reset. */
  function resettable(reset: () => void): LooseDuplex & { resets: number } {
    const stream = Object.assign(new LooseDuplex(), { resets: 0 });
    return Object.assign(stream, {
      resetAndDestroy: () => {
        stream.resets += 1;
        reset();
      },
    });
  }

  it("is a reset where bytes are lost by an abort, so that the peer does not take it for an end in order", () => {
    const { stream, connection } = over(resettable(() => undefined));
    connection.send([Uint8Array.of(1)]);
    connection.abort();
    expect([stream.resets, stream.destroyed]).toEqual([1, true]);
  });

  it("is none where nothing is lost: what the system has taken still arrives", async () => {
    const { stream, connection } = over(resettable(() => undefined));
    connection.send([Uint8Array.of(1)]);
    await stream.takeWrite();
    connection.abort();
    expect([stream.resets, stream.destroyed]).toEqual([0, true]);
  });

  it("is destroyed where it cannot be reset after all", () => {
    const { stream, connection } = over(
      resettable(() => {
        throw new Error("only TCP sockets can be reset");
      }),
    );
    connection.send([Uint8Array.of(1)]);
    connection.abort();
    expect([stream.resets, stream.destroyed]).toEqual([1, true]);
  });
});
