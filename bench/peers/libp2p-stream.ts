import type { AbstractStream } from "@libp2p/utils";
import type { BenchStream } from "./peer.ts";

type LibStream = Pick<AbstractStream, "send" | "close"> & {
  addEventListener(type: "message", listener: (event: { readonly data: Uint8Array | Iterable<Uint8Array> }) => void): void;
  addEventListener(type: "drain" | "end", listener: () => void, options?: { readonly once: boolean }): void;
};

/** A stream of libp2p 3 as a BenchStream. */
export class Libp2pStream implements BenchStream {
  readonly #stream: LibStream;

  constructor(stream: LibStream) {
    this.#stream = stream;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#stream.send(chunk)) return undefined;
    // Not `onDrain()`: its promise stays resolved after the first time, and gigabytes would be queued.
    return new Promise((resolve) => {
      this.#stream.addEventListener("drain", () => { resolve(); }, { once: true });
    });
  }

  end(): void {
    void this.#stream.close();
  }

  read(data: (chunk: Uint8Array) => void, end: () => void): void {
    this.#stream.addEventListener("message", (event) => {
      const chunk = event.data;
      if (chunk instanceof Uint8Array) data(chunk);
      else for (const part of chunk) data(part);
    });
    this.#stream.addEventListener("end", end);
  }
}
