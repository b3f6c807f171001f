import { createHash } from "node:crypto";
import type { AstraNet, Conn } from "astranet";
import { payload } from "./payload.ts";

/** What one end of a transfer counted. */
export interface Transfer {
  readonly bytes: number;
  readonly sha256: string;
  readonly ms: number;
}

/** Sends a file to each Conn, and knows what it sent to the last one. */
export class FileServer {
  #sent: Promise<Transfer> | undefined;

  constructor(net: AstraNet, name: string, bytes: number) {
    void this.#serve(net.bind("", name), bytes);
  }

  get sent(): Promise<Transfer> {
    return this.#sent ?? Promise.reject(new Error("nobody asked for a file"));
  }

  async #serve(listener: AsyncIterable<Conn>, bytes: number): Promise<void> {
    for await (const conn of listener) {
      this.#sent = send(conn, bytes);
      this.#sent.catch(() => undefined);
    }
  }
}

/** Writes a file, and ends. `count` hears of the bytes that were taken. */
export async function send(conn: Conn, bytes: number, count?: (bytes: number) => void): Promise<Transfer> {
  const began = performance.now();
  const sum = createHash("sha256");
  let sent = 0;
  for (const chunks of payload(bytes)) {
    for (const chunk of chunks) {
      sum.update(chunk);
      sent += chunk.length;
    }
    await conn.write(chunks);
    count?.(sent);
  }
  await conn.end();
  return { bytes: sent, sha256: sum.digest("hex"), ms: performance.now() - began };
}

export async function receive(conn: Conn): Promise<Transfer> {
  const began = performance.now();
  const sum = createHash("sha256");
  let bytes = 0;
  for await (const chunk of conn) {
    sum.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: sum.digest("hex"), ms: performance.now() - began };
}

/** Takes one Conn, and reads from it only when it is told to. */
export class SlowReader {
  readonly #sum = createHash("sha256");
  readonly #conn: Promise<Conn>;
  #bytes = 0;

  constructor(net: AstraNet, name: string) {
    this.#conn = net.bind("", name).accept();
  }

  /** Reads `bytes` more, or a little more than that, or to the end. Gives what was read so far. */
  async read(bytes: number): Promise<{ readonly bytes: number; readonly sha256: string }> {
    const conn = await this.#conn;
    const goal = this.#bytes + bytes;
    while (this.#bytes < goal) {
      const chunk = await conn.read();
      if (chunk === null) break;
      this.#sum.update(chunk);
      this.#bytes += chunk.length;
    }
    return { bytes: this.#bytes, sha256: this.#sum.copy().digest("hex") };
  }
}

/** Writes as fast as it may. */
export class Upload {
  readonly done: Promise<Transfer>;
  /** Bytes that `write` took. */
  taken = 0;

  constructor(conn: Conn, bytes: number) {
    this.done = send(conn, bytes, (taken) => (this.taken = taken));
    this.done.catch(() => undefined);
  }
}
