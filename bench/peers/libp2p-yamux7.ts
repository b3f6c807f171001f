import type { Socket } from "node:net";
import { once } from "node:events";
import { yamux, type YamuxMuxerInit } from "@chainsafe/libp2p-yamux";
import { prefixLogger } from "@libp2p/logger";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { BenchStream, Peer } from "./peer.ts";

type Factory = ReturnType<ReturnType<typeof yamux>>;
type Muxer = ReturnType<Factory["createStreamMuxer"]>;
type LibStream = Awaited<ReturnType<Muxer["newStream"]>>;

const init: YamuxMuxerInit = { maxInboundStreams: 10_000_000, maxOutboundStreams: 10_000_000 };
const components = { logger: prefixLogger("bench") };

/** Its streams read from an async iterable of ours: `write` resolves when the muxer has asked for the next chunk. */
class IterableStream implements BenchStream {
  readonly #stream: LibStream;
  #next: Uint8Array | undefined;
  #ended = false;
  #wake: (() => void) | undefined;
  #taken: (() => void) | undefined;

  constructor(stream: LibStream) {
    this.#stream = stream;
    void stream.sink(this.#source());
  }

  async *#source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#next !== undefined) {
        const chunk = this.#next;
        this.#next = undefined;
        yield chunk;
        this.#taken?.();
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  write(chunk: Uint8Array): Promise<void> {
    this.#next = chunk;
    this.#wake?.();
    return new Promise((resolve) => {
      this.#taken = resolve;
    });
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  read(data: (chunk: Uint8Array) => void, end: () => void): void {
    void (async () => {
      for await (const list of this.#stream.source) for (const chunk of list) data(chunk);
      end();
    })();
  }
}

async function* received(socket: Socket): AsyncGenerator<Uint8Array> {
  for await (const chunk of socket) yield chunk as Uint8Array;
}

/** The two pipes between socket and muxer, the way libp2p's TCP transport of that time did it. */
function join(socket: Socket, muxer: Muxer): void {
  void muxer.sink(received(socket));
  void (async () => {
    for await (const list of muxer.source) {
      for (const chunk of list instanceof Uint8Array ? [list] : list) {
        if (!socket.write(chunk)) await once(socket, "drain");
      }
    }
  })();
}

export const peer: Peer = {
  listen: (onstream) =>
    listenLoopback((socket) => {
      const muxer = yamux(init)(components).createStreamMuxer({
        direction: "inbound",
        onIncomingStream: (stream) => {
          onstream(new IterableStream(stream));
        },
      });
      join(socket, muxer);
    }),
  async dial(port) {
    const socket = await dialLoopback(port);
    const muxer = yamux(init)(components).createStreamMuxer({ direction: "outbound" });
    join(socket, muxer);
    return { open: async () => new IterableStream(await muxer.newStream()) };
  },
};
