import type { Stream, StreamSink } from "@astranet/mux";
import { dialSession, listenSession } from "./astranet-session.ts";
import type { BenchStream, Peer } from "./peer.ts";

/** Gives credit back as soon as the work has seen the bytes. */
class CountingSink implements StreamSink {
  readonly #stream: Stream;
  readonly #data: (chunk: Uint8Array) => void;
  readonly end: () => void;

  constructor(stream: Stream, data: (chunk: Uint8Array) => void, end: () => void) {
    this.#stream = stream;
    this.#data = data;
    this.end = end;
  }

  data(chunk: Uint8Array): void {
    this.#data(chunk);
    this.#stream.consume(chunk.byteLength);
  }

  reset(error: Error): void {
    throw error;
  }
}

/** Push mode: callbacks and credit given back by hand, no promise unless a write has to wait. */
class PushStream implements BenchStream {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    return this.#stream.tryWrite(chunk) ? undefined : this.#later(chunk);
  }

  async #later(chunk: Uint8Array): Promise<void> {
    do await this.#stream.ready();
    while (!this.#stream.tryWrite(chunk));
  }

  end(): void {
    void this.#stream.end();
  }

  read(data: (chunk: Uint8Array) => void, end: () => void): void {
    this.#stream.attach(new CountingSink(this.#stream, data, end));
  }

  bare(): object {
    return this.#stream;
  }

  wrap(bare: object): BenchStream {
    return new PushStream(bare as Stream);
  }
}

export const peer: Peer = {
  listen: (onstream) =>
    listenSession((stream) => {
      onstream(new PushStream(stream));
    }),
  async dial(port) {
    const session = await dialSession(port);
    return { open: () => new PushStream(session.open()) };
  },
};
