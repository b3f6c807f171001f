import type { Stream } from "@astranet/mux";
import { dialSession, listenSession } from "./astranet-session.ts";
import type { BenchStream, Peer } from "./peer.ts";

/** The public promise API and nothing else: every write and every read is awaited. */
export class PromiseStream implements BenchStream {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#stream.write(chunk);
  }

  end(): void {
    void this.#stream.end();
  }

  read(data: (chunk: Uint8Array) => void, end: () => void): void {
    void (async () => {
      for await (const chunk of this.#stream) data(chunk);
      end();
    })();
  }

  pull(): Promise<Uint8Array | null> {
    return this.#stream.read();
  }

  bare(): object {
    return this.#stream;
  }

  wrap(bare: object): BenchStream {
    return new PromiseStream(bare as Stream);
  }
}

export const peer: Peer = {
  listen: (onstream) =>
    listenSession((stream) => {
      onstream(new PromiseStream(stream));
    }),
  async dial(port) {
    const session = await dialSession(port);
    return { open: () => new PromiseStream(session.open()) };
  },
};
