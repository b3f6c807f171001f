import { FrameDecoder, type FrameHandler } from "@astranet/frame";
import type { Connection, Transport } from "@astranet/transport";
import { ignoredFrames } from "../../src/net/ignored-frames.ts";

/** What one node has sent over all its connections. */
export class Traffic {
  /** Of everything: preambles, frames, pings. */
  wireBytes = 0;
  /** Messages on control streams by what they are (`records`, `digest`, `hello`, …), and the bytes of them. */
  readonly messages: Map<string, number> = new Map();
  readonly bytes: Map<string, number> = new Map();

  note(kind: string, bytes: number): void {
    this.messages.set(kind, (this.messages.get(kind) ?? 0) + 1);
    this.bytes.set(kind, (this.bytes.get(kind) ?? 0) + bytes);
  }
}

/** The messages by which stores become the same, see docs/replication.md. */
export const replicaKinds = ["records", "digest", "buckets", "list", "want"] as const;

const preambleBytes = 16;
const controlStream = 1;
/** The length of a message, a map's first byte, the key `t`, and the longest kind with its length: what it takes to know what a message is. */
const headBytes = 4 + 1 + 2 + 10;

/** The same transport, each of whose connections notes what is sent over it. Links must be in clear. */
export function tapped(transport: Transport, traffic: Traffic): Transport {
  const tap = <C extends Connection>(connection: C): C => {
    const reader = new Tap(traffic);
    const send = connection.send.bind(connection);
    connection.send = (chunks) => {
      for (const chunk of chunks) reader.push(chunk);
      return send(chunks);
    };
    return connection;
  };
  return {
    networks: transport.networks,
    dial: async (network, address, options) => tap(await transport.dial(network, address, options)),
    listen: (network, address, init) => transport.listen!(network, address, { ...init, onconnection: (connection) => init.onconnection(tap(connection)) }),
  };
}

/** One direction of a link, of which it keeps a few bytes at most. */
class Tap {
  readonly #traffic: Traffic;
  readonly #decoder: FrameDecoder;
  #preambleLeft = preambleBytes;
  #streamId = 0;
  readonly #head = new Uint8Array(headBytes);
  /** Of this message, so far. */
  #bytes = 0;

  constructor(traffic: Traffic) {
    this.#traffic = traffic;
    this.#decoder = new FrameDecoder(this.#handler());
  }

  push(chunk: Uint8Array): void {
    this.#traffic.wireBytes += chunk.length;
    const skipped = Math.min(this.#preambleLeft, chunk.length);
    this.#preambleLeft -= skipped;
    if (chunk.length > skipped) this.#decoder.push(chunk.subarray(skipped));
  }

  #control(chunk: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.#bytes < headBytes && (this.#bytes < 4 || this.#bytes < this.#length)) {
        this.#head[this.#bytes++] = chunk[at++]!;
      } else {
        const taken = Math.min(end - at, this.#length - this.#bytes);
        this.#bytes += taken;
        at += taken;
      }
      if (this.#bytes >= 4 && this.#bytes === this.#length) {
        this.#traffic.note(this.#kind, this.#bytes);
        this.#bytes = 0;
      }
    }
  }

  /** Of the whole message, its own four bytes included. */
  get #length(): number {
    return 4 + new DataView(this.#head.buffer).getUint32(0);
  }

  /** Nodes write `t` first. */
  get #kind(): string {
    const length = this.#head[7]! & 0x1f;
    return String.fromCharCode(...this.#head.subarray(8, 8 + length));
  }

  #handler(): FrameHandler {
    return {
      ...ignoredFrames,
      data: (streamId) => {
        this.#streamId = streamId;
      },
      payload: (chunk, start, end) => {
        if (this.#streamId === controlStream) this.#control(chunk, start, end);
      },
    };
  }
}
