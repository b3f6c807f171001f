import type { Connection, ConnectionSink } from "@astranet/transport";
import type { SeededRandom } from "./random.ts";

/** One end of a connection that delivers in random slices, and that can fall silent. */
export class Link implements Connection {
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Nothing goes out or comes in any more, and nobody is told. */
  silent = false;
  readonly #inner: Connection;
  readonly #random: SeededRandom;

  constructor(inner: Connection, random: SeededRandom) {
    this.#inner = inner;
    this.#random = random;
    this.localAddress = inner.localAddress;
    this.remoteAddress = inner.remoteAddress;
  }

  start(sink: ConnectionSink): void {
    this.#inner.start({
      data: (chunk) => {
        if (!this.silent) this.#slice(chunk, sink);
      },
      drain: () => {
        sink.drain();
      },
      closed: (reason) => {
        sink.closed(reason);
      },
    });
  }

  send(chunks: readonly Uint8Array[]): boolean {
    return this.silent || this.#inner.send(chunks);
  }

  close(): void {
    this.#inner.close();
  }

  abort(reason?: unknown): void {
    this.#inner.abort(reason);
  }

  #slice(chunk: Uint8Array, sink: ConnectionSink): void {
    const random = this.#random;
    // Short deliveries are cut anywhere, byte by byte now and then; long ones into fewer pieces, so that a run stays fast.
    const longest = chunk.length < 400 ? ([1, 5, 60, 400][random.below(4)] ?? 1) : ([200, 3_000, 20_000, 65_536][random.below(4)] ?? 200);
    for (let at = 0; at < chunk.length; ) {
      const size = Math.min(chunk.length - at, 1 + random.below(longest));
      sink.data(chunk.subarray(at, at + size));
      at += size;
    }
  }
}
