import type { Clock, Connection, ConnectionSink } from "@astranet/transport";

/**
 * A connection whose first bytes somebody reads before its real owner takes over. Until `start` what comes is given to `onbytes`;
 * what that leaves over, and everything later, goes to the sink that `start` brings, in order.
 */
export class HandoverConnection implements Connection {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #queue: Uint8Array[] = [];
  #over: { reason: unknown } | undefined;
  #onchange: (() => void) | undefined;
  #sink: ConnectionSink | undefined;

  /** Starts the connection at once; `onchange` is called whenever `taken` or `over` changed, until `start`. */
  constructor(connection: Connection, clock: Clock, onchange: () => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#onchange = onchange;
    connection.start({
      data: (chunk) => this.#data(chunk),
      drain: () => this.#sink?.drain(),
      closed: (reason) => this.#closed(reason),
    });
  }

  get localAddress(): string {
    return this.#connection.localAddress;
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  get heldBytes(): number | undefined {
    return this.#connection.heldBytes;
  }

  /** Whether the connection ended, before `start`. */
  get over(): { reason: unknown } | undefined {
    return this.#over;
  }

  /** The first bytes that came and were not taken, at most `length` of them. */
  peek(length: number): Uint8Array {
    const [first] = this.#queue;
    if (first === undefined) return new Uint8Array(0);
    if (first.length >= length || this.#queue.length === 1) return first.subarray(0, length);
    const bytes = new Uint8Array(this.#queue.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.#queue) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#queue.splice(0, this.#queue.length, bytes);
    return bytes.subarray(0, length);
  }

  /** Takes away the first `length` bytes, which `peek` has shown. */
  take(length: number): void {
    const rest = this.#queue[0]!.subarray(length);
    if (rest.length === 0) this.#queue.shift();
    else this.#queue[0] = rest;
  }

  start(sink: ConnectionSink): void {
    this.#onchange = undefined;
    if (this.#queue.length === 0 && this.#over === undefined) {
      this.#sink = sink;
      return;
    }
    // Never inside `start`; what comes meanwhile queues up behind.
    this.#clock.defer(() => {
      while (this.#queue.length > 0) sink.data(this.#queue.shift()!);
      this.#sink = sink;
      if (this.#over !== undefined) sink.closed(this.#over.reason);
    });
  }

  send(chunks: readonly Uint8Array[]): boolean {
    return this.#connection.send(chunks);
  }

  close(): void {
    this.#connection.close();
  }

  abort(reason?: unknown): void {
    this.#connection.abort(reason);
  }

  #data(chunk: Uint8Array): void {
    if (this.#sink !== undefined) {
      this.#sink.data(chunk);
      return;
    }
    if (chunk.length === 0) return;
    this.#queue.push(chunk);
    this.#onchange?.();
  }

  #closed(reason: unknown): void {
    if (this.#sink !== undefined) {
      this.#sink.closed(reason);
      return;
    }
    this.#over = { reason };
    this.#onchange?.();
  }
}
