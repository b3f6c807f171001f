import type { Connection, ConnectionSink } from "@astranet/transport";

const preambleBytes = 16;

/** A connection whose first 16 bytes were taken off; what comes after them waits for `start`. */
export class AfterPreamble implements Connection {
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** What the other end said first. Rejects where the connection ends before. */
  readonly preamble: Promise<Uint8Array>;
  readonly #connection: Connection;
  #first = new Uint8Array(0);
  #sink: ConnectionSink | undefined;
  readonly #waiting: ((sink: ConnectionSink) => void)[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
    this.localAddress = connection.localAddress;
    this.remoteAddress = connection.remoteAddress;
    this.preamble = new Promise((resolve, reject) => {
      connection.start({
        data: (chunk) => {
          const left = preambleBytes - this.#first.length;
          if (left <= 0) {
            this.#tell((sink) => sink.data(chunk));
            return;
          }
          this.#first = Uint8Array.of(...this.#first, ...chunk.subarray(0, left));
          if (chunk.length < left) return;
          resolve(this.#first);
          if (chunk.length > left) this.#tell((sink) => sink.data(chunk.subarray(left)));
        },
        drain: () => this.#tell((sink) => sink.drain()),
        closed: (reason) => {
          reject(new Error("the connection ended before its preamble", { cause: reason }));
          this.#tell((sink) => sink.closed(reason));
        },
      });
    });
    this.preamble.catch(() => undefined);
  }

  start(sink: ConnectionSink): void {
    this.#sink = sink;
    for (const tell of this.#waiting.splice(0)) tell(sink);
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

  #tell(tell: (sink: ConnectionSink) => void): void {
    if (this.#sink === undefined) this.#waiting.push(tell);
    else tell(this.#sink);
  }
}
