import { gather } from "../adapters/gather.ts";
import type { Clock } from "../clock.ts";
import type { Connection, ConnectionSink } from "../connection.ts";
import { AstraError } from "../errors.ts";
import { HIGH_WATER_BYTES } from "../limits.ts";
import { systemClock } from "../system-clock.ts";

/** What {@link debugConnection} takes. All optional. */
export interface DebugOptions {
  /** Told of each breach of the contract, as an ERR_ASTRANET_INVALID_STATE. Default: the connection is aborted with it. */
  readonly onviolation?: (error: AstraError) => void;
  /** Defers what is sent. Default {@link systemClock}. */
  readonly clock?: Clock;
}

/** How long sent chunks are watched: until this many bytes were sent after them, or the end. */
const WATCHED_BYTES = 1_048_576;
/** Around each delivered chunk, so that its `buffer` is not taken for the chunk. */
const PADDING_BYTES = 24;

interface Sent {
  readonly chunk: Uint8Array;
  readonly copy: Uint8Array;
}

/**
 * Wraps a connection so that whoever breaks the rules of ownership gets wrong bytes, or is named:
 *
 * - What is sent is read a turn late, and compared with a copy made at the call, then and for a MiB longer: a sender that
 *   changes, or transfers, a chunk that it gave away is a violation, and its peer gets what it changed.
 * - What is delivered is a copy amid bytes of 0xFF in a buffer of its own; the chunk of the connection underneath, which
 *   belongs to its sink and is done with, is filled with 0xFF: a connection that goes on using what it delivered, or
 *   delivers what still belongs to a sender, spoils it.
 * - A sink method called within a method of the connection, or after `closed`, is a violation.
 *
 * Everything else is as with the connection underneath, whose sink and methods nobody else uses.
 */
export function debugConnection(connection: Connection, options: DebugOptions = {}): Connection {
  return new DebugConnection(connection, options);
}

class DebugConnection implements Connection {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly #inner: Connection;
  readonly #clock: Clock;
  readonly #onviolation: (error: AstraError) => void;
  #sink: ConnectionSink | undefined = undefined;
  #pending: Sent[] = [];
  #pendingBytes = 0;
  #watched: Sent[] = [];
  #watchedBytes = 0;
  #deferred = false;
  #ending = false;
  #closed = false;
  /** The connection underneath has returned false and not called drain. */
  #blocked = false;
  #owesDrain = false;
  /** Methods of the connection underneath that run now. */
  #running = 0;

  constructor(inner: Connection, options: DebugOptions) {
    this.localAddress = inner.localAddress;
    this.remoteAddress = inner.remoteAddress;
    this.#inner = inner;
    this.#clock = options.clock ?? systemClock;
    this.#onviolation =
      options.onviolation ??
      ((error): void => {
        this.abort(error);
      });
  }

  start(sink: ConnectionSink): void {
    this.#sink = sink;
    this.#run(() => {
      this.#inner.start({
        data: (chunk) => {
          this.#mayCall("data");
          sink.data(moved(chunk));
        },
        drain: () => {
          this.#mayCall("drain");
          this.#blocked = false;
          this.#drainIfOwed();
        },
        closed: (reason) => {
          this.#mayCall("closed");
          this.#closed = true;
          this.#ending = true;
          this.#checkAll();
          sink.closed(reason);
        },
      });
    });
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#ending) return true;
    for (const chunk of chunks) {
      this.#pending.push({ chunk, copy: gather([chunk]) });
      this.#pendingBytes += chunk.length;
    }
    if (!this.#deferred) {
      this.#deferred = true;
      this.#clock.defer(() => {
        this.#deferred = false;
        this.#flush();
        this.#drainIfOwed();
      });
    }
    if (!this.#blocked && this.#pendingBytes <= HIGH_WATER_BYTES) return true;
    this.#owesDrain = true;
    return false;
  }

  close(): void {
    if (this.#ending) return;
    this.#flush();
    this.#ending = true;
    this.#run(() => {
      this.#inner.close();
    });
  }

  abort(reason?: unknown): void {
    this.#ending = true;
    this.#pending = [];
    this.#run(() => {
      this.#inner.abort(reason);
    });
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const sent = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    const unchanged = this.#check(sent);
    // A violation that was found may have aborted the connection.
    if (this.#ending) return;
    this.#run(() => {
      // As they are now, in a copy: what the connection underneath does with it touches nobody.
      if (!this.#inner.send(sent.map(({ chunk }) => gather([chunk])))) this.#blocked = true;
    });
    this.#watch(unchanged);
  }

  #watch(sent: readonly Sent[]): void {
    for (const one of sent) {
      this.#watched.push(one);
      this.#watchedBytes += one.copy.length;
    }
    let count = 0;
    while (this.#watchedBytes > WATCHED_BYTES) {
      this.#watchedBytes -= this.#watched[count]?.copy.length ?? 0;
      count += 1;
    }
    if (count > 0) this.#check(this.#watched.splice(0, count));
  }

  #checkAll(): void {
    this.#check(this.#pending.splice(0));
    this.#check(this.#watched.splice(0));
  }

  /** Tells of those that were changed, and returns the others. */
  #check(sent: readonly Sent[]): Sent[] {
    return sent.filter(({ chunk, copy }) => {
      const fault = faultOf(chunk, copy);
      if (fault !== undefined) this.#violated(fault);
      return fault === undefined;
    });
  }

  #drainIfOwed(): void {
    if (!this.#owesDrain || this.#blocked || this.#ending || this.#pendingBytes > 0 || this.#sink === undefined) return;
    this.#owesDrain = false;
    this.#sink.drain();
  }

  #mayCall(method: string): void {
    if (this.#running > 0) this.#violated(`${method} was called within a method of the connection`);
    if (this.#closed) this.#violated(`${method} was called after closed`);
  }

  #violated(message: string): void {
    this.#onviolation(new AstraError("ERR_ASTRANET_INVALID_STATE", message));
  }

  #run(call: () => void): void {
    this.#running += 1;
    try {
      call();
    } finally {
      this.#running -= 1;
    }
  }
}

function faultOf(chunk: Uint8Array, copy: Uint8Array): string | undefined {
  if (chunk.length !== copy.length) return `a chunk of ${String(copy.length)} bytes was transferred after it was sent`;
  for (let i = 0; i < copy.length; i += 1) {
    if (chunk[i] !== copy[i]) return `byte ${String(i)} of a chunk of ${String(copy.length)} was changed after it was sent`;
  }
  return undefined;
}

/** A copy amid 0xFF; the original is filled with 0xFF. */
function moved(chunk: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(chunk.length + 2 * PADDING_BYTES).fill(0xff).subarray(PADDING_BYTES, PADDING_BYTES + chunk.length);
  bytes.set(chunk);
  chunk.fill(0xff);
  return bytes;
}
