import type { Duplex } from "node:stream";
import type { BenchStream } from "./peer.ts";

/** A Node Duplex as a BenchStream; Duplex users wait for 'drain' after `write` said false, and so does this. */
export class DuplexStream implements BenchStream {
  readonly #duplex: Duplex;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    duplex.on("error", (error) => {
      // After the last byte a socket may be reset by an exiting peer; before that the counts do not add up and the work fails.
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    });
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#duplex.write(chunk)) return undefined;
    return new Promise((resolve) => this.#duplex.once("drain", resolve));
  }

  end(): void {
    this.#duplex.end();
  }

  read(data: (chunk: Uint8Array) => void, end: () => void): void {
    this.#duplex.on("data", data);
    this.#duplex.once("end", end);
  }
}
