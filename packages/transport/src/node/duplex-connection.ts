import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { gather } from "../adapters/gather.ts";
import { BaseConnection, type ConnectionOptions } from "../base-connection.ts";
import { AstraError } from "../errors.ts";
import { HIGH_WATER_BYTES } from "../limits.ts";
import { BusyPoll, checkBusyPollMs, DEFAULT_BUSY_POLL_MS } from "./busy-poll.ts";
import { mapError } from "./map-error.ts";

/** A pair of Node streams that make one pipe, such as a child's `{ readable: child.stdout, writable: child.stdin }`. */
export interface NodeStreamPair {
  readonly readable: Readable;
  readonly writable: Writable;
}

/** What a connection over Node's streams takes besides them. All optional. */
export interface NodeConnectionOptions extends ConnectionOptions {
  /**
   * While what is sent is answered at once, sixteen times in a row and more, the event loop waits for the next answer awake, for this long after
   * each send and read, in milliseconds (0 to 10), before it sleeps: a round trip on loopback then takes a quarter of the time, and a processor
   * is busy meanwhile. Neither bulk nor traffic with pauses is polled for. 0: never. Default 0.2, and 0 on a single processor.
   */
  readonly busyPollMs?: number;
}

const EMPTY = new Uint8Array(0);

/**
 * How many methods of connections over Duplexes are running. Streams written in JavaScript may emit
 * 'data' within the `write` that caused it, even at their other end; what comes then is delivered later.
 */
let running = 0;

/** A connection over Node streams. @internal */
export class DuplexConnection extends BaseConnection {
  readonly #readable: Readable;
  readonly #writable: Writable;
  /** What a socket is given it hands to the system; other streams may hand it, the same memory, to a reader at their far end. */
  readonly #copies: boolean;
  readonly #busyPoll: BusyPoll | undefined;
  #owesDrain = false;
  /** What came while methods ran; `data` that comes later queues up behind it. */
  #late: Uint8Array[] | undefined = undefined;
  #endedLate = false;

  constructor(readable: Readable, writable: Writable, kind: string, options: NodeConnectionOptions) {
    super(kind, options);
    this.#readable = readable;
    this.#writable = writable;
    this.#copies = !(writable instanceof Socket);
    const { busyPollMs = DEFAULT_BUSY_POLL_MS } = options;
    checkBusyPollMs(busyPollMs);
    // Streams written in JavaScript are answered within this process, whose loop then does not sleep.
    this.#busyPoll = busyPollMs > 0 && !this.#copies ? new BusyPoll(busyPollMs) : undefined;
    const fail = (error: unknown): void => {
      this.fail(mapError(error));
    };
    readable.on("error", fail);
    writable.on("error", fail);
    readable.on("end", () => {
      if (this.#late === undefined) this.gotEnd();
      else this.#endedLate = true;
    });
    readable.on("close", () => {
      if (!readable.readableEnded) this.#brokeOff();
    });
    writable.on("drain", () => {
      this.#afterDrain();
    });
    writable.on("finish", () => {
      this.sentEnd();
    });
    writable.on("close", () => {
      if (!writable.writableFinished) this.#brokeOff();
    });
    if (readable.destroyed || writable.destroyed) this.#brokeOff();
  }

  get heldBytes(): number {
    return this.#copies ? 0 : this.#writable.writableLength;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.closing) return true;
    const writable = this.#writable;
    running += 1;
    try {
      if (this.#copies) {
        writable.write(gather(chunks));
      } else if (chunks.length === 1) {
        writable.write(chunks[0]);
      } else {
        writable.cork();
        for (const chunk of chunks) writable.write(chunk);
        writable.uncork();
      }
      if (writable.writableLength <= HIGH_WATER_BYTES) return true;
      // Below its own mark a stream emits no 'drain'; the callback of one more write stands in for it.
      if (!writable.writableNeedDrain && !this.#owesDrain) {
        writable.write(EMPTY, () => {
          this.#afterDrain();
        });
      }
    } finally {
      running -= 1;
      this.#busyPoll?.sent();
    }
    this.#owesDrain = true;
    return false;
  }

  protected begin(): void {
    this.#readable.on("data", (chunk: Uint8Array) => {
      this.#busyPoll?.received();
      // A plain view: a Buffer's slice() would not copy as a Uint8Array's does.
      const bytes = Buffer.isBuffer(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length) : chunk;
      if (running > 0 || this.#late !== undefined) this.#deliverLater(bytes);
      else if (!this.over) this.sink?.data(bytes);
    });
    outside(() => this.#readable.resume());
  }

  protected end(): void {
    if ((this.#writable as Writable & { encrypted?: boolean }).encrypted === true) this.#endTls();
    else outside(() => this.#writable.end());
  }

  /**
   * Node ends TLS with two calls of SSL_shutdown, of which the second throws away what was received and is not yet
   * decrypted. Between turns of the event loop, with nothing left to write, there is no such thing.
   */
  #endTls(): void {
    this.clock.defer(() => {
      if (this.over) return;
      if (this.#writable.writableLength === 0) {
        this.#writable.end();
        return;
      }
      this.#writable.write(EMPTY, () => {
        this.#endTls();
      });
    });
  }

  protected discard(failure: object | undefined): void {
    // A peer should not take for an ordered end what lost its tail (libuv may, if it has bytes unread). Where nothing is lost, what the system has taken still arrives.
    outside(() => {
      if (failure !== undefined && this.#writable.writableLength > 0) reset(this.#writable);
      this.#readable.destroy();
      this.#writable.destroy();
    });
  }

  #afterDrain(): void {
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    this.drained();
  }

  #brokeOff(): void {
    this.fail(new AstraError("ECONNRESET", "the stream closed before its end"));
  }

  #deliverLater(chunk: Uint8Array): void {
    if (this.#late !== undefined) {
      this.#late.push(chunk);
      return;
    }
    this.#late = [chunk];
    this.#deferLate();
  }

  #deferLate(): void {
    this.clock.defer(() => {
      const round = this.#late ?? [];
      // What comes meanwhile waits for the next round, so that two ends that answer each other leave room for others.
      this.#late = [];
      for (const chunk of round) if (!this.over) this.sink?.data(chunk);
      if (this.#late.length > 0) {
        this.#deferLate();
        return;
      }
      this.#late = undefined;
      if (this.#endedLate) this.gotEnd();
    });
  }
}

function outside(call: () => unknown): void {
  running += 1;
  try {
    call();
  } finally {
    running -= 1;
  }
}

function reset(stream: Writable & { resetAndDestroy?(): unknown }): void {
  try {
    stream.resetAndDestroy?.();
  } catch {
    // Only a TCP socket can be reset; the destroy that follows does for the others.
  }
}
