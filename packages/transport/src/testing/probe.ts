import type { Connection } from "../connection.ts";
import { systemClock } from "../system-clock.ts";
import { check, deferred } from "./check.ts";
import { mismatchAt, patternAt } from "./pattern.ts";

/** Methods of probed connections that run now: sink methods must not be called meanwhile. */
let running = 0;

function outside<T>(call: () => T): T {
  running += 1;
  try {
    return call();
  } finally {
    running -= 1;
  }
}

/**
 * One end of a connection under test. It sends and expects the pattern, and notes every breach of the contract that it sees.
 */
export class Probe {
  readonly connection: Connection;
  readonly violations: string[] = [];
  /** Called for each chunk, after it was compared. */
  ondata: ((chunk: Uint8Array) => void) | undefined = undefined;
  /** What came is compared with the pattern unless this is off. */
  compares = true;
  received = 0;
  sent = 0;
  isClosed = false;
  #owedDrain = false;
  readonly #closed = deferred<unknown>();
  #drained = deferred<undefined>();
  #waiters: { readonly bytes: number; readonly resolve: (value: undefined) => void }[] = [];

  constructor(connection: Connection) {
    this.connection = connection;
  }

  start(): this {
    outside(() => {
      this.connection.start({
        data: (chunk) => {
          this.#mayCall("data");
          this.#ondata(chunk);
        },
        drain: () => {
          this.#mayCall("drain");
          if (!this.#owedDrain) this.violations.push("drain came though send had not returned false");
          this.#owedDrain = false;
          this.#drained.resolve(undefined);
          this.#drained = deferred();
        },
        closed: (reason) => {
          this.#mayCall("closed");
          this.isClosed = true;
          this.#closed.resolve(reason);
          for (const { resolve } of this.#waiters.splice(0)) resolve(undefined);
        },
      });
    });
    return this;
  }

  /** Sends the next `bytes` of the pattern, in one chunk. */
  send(bytes: number): boolean {
    return this.sendChunks([patternAt(this.sent, bytes)]);
  }

  sendChunks(chunks: readonly Uint8Array[]): boolean {
    for (const chunk of chunks) this.sent += chunk.length;
    const more = outside(() => this.connection.send(chunks));
    if (typeof more !== "boolean") this.violations.push(`send returned ${typeof more}, not a boolean`);
    if (!more) this.#owedDrain = true;
    return more;
  }

  /** Sends `bytes` of the pattern, and waits whenever `send` says so. */
  async sendAll(bytes: number, chunkBytes = 65_536): Promise<void> {
    const end = this.sent + bytes;
    while (this.sent < end) if (!this.send(Math.min(chunkBytes, end - this.sent)) && this.sent < end) await this.drained();
  }

  close(): void {
    outside(() => {
      this.connection.close();
    });
  }

  abort(reason?: unknown): void {
    outside(() => {
      this.connection.abort(reason);
    });
  }

  /** The next drain; rejects where the connection closes instead. */
  drained(): Promise<undefined> {
    return Promise.race([
      this.#drained.promise,
      this.#closed.promise.then((reason) => {
        throw new Error(`the connection closed (${String(reason)}) where a drain was due`);
      }),
    ]);
  }

  /** When `bytes` have come since the start. */
  async receivedAll(bytes: number): Promise<void> {
    if (this.received < bytes && !this.isClosed) {
      const { promise, resolve } = deferred<undefined>();
      this.#waiters.push({ bytes, resolve });
      await promise;
    }
    check(this.received >= bytes, `the connection closed after ${String(this.received)} of ${String(bytes)} bytes`);
  }

  /** Resolves to the reason of `closed`, a few turns later: calls that come after it are noted. */
  async closed(): Promise<unknown> {
    const reason = await this.#closed.promise;
    await turns(3);
    return reason;
  }

  /** Throws where the contract was broken. */
  verify(): void {
    check(this.violations.length === 0, this.violations.join("; "));
  }

  #mayCall(method: string): void {
    if (running > 0) this.violations.push(`${method} was called within a method of a connection`);
    if (this.isClosed) this.violations.push(`${method} was called after closed`);
  }

  #ondata(chunk: Uint8Array): void {
    if (!(chunk instanceof Uint8Array)) this.violations.push("data got something else than a Uint8Array");
    if (chunk.length === 0) this.violations.push("data got an empty chunk");
    if (this.compares) {
      const at = mismatchAt(this.received, chunk);
      if (at !== -1) this.violations.push(`byte ${String(this.received + at)} is not the one that was sent`);
    }
    this.received += chunk.length;
    const due = this.#waiters.filter(({ bytes }) => bytes <= this.received);
    this.#waiters = this.#waiters.filter(({ bytes }) => bytes > this.received);
    for (const { resolve } of due) resolve(undefined);
    this.ondata?.(chunk);
  }
}

/** Lets `count` turns of the event loop go by. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await new Promise<void>((resolve) => {
      systemClock.defer(resolve);
    });
  }
}
