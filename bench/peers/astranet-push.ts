import type { Stream } from "@astranet/mux";
import { dialSession, listenSession } from "./astranet-session.ts";
import type { BenchStream, Peer } from "./peer.ts";

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
    const stream = this.#stream;
    stream.attach({
      data(chunk) {
        data(chunk);
        stream.consume(chunk.byteLength);
      },
      end,
      ready: () => undefined,
      reset(error) {
        throw error;
      },
    });
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
