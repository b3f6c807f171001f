declare module "multiplex" {
  import type { Duplex } from "node:stream";
  interface Multiplex extends Duplex {
    createStream(): Duplex;
  }
  export default function multiplex(options: { halfOpen: boolean }, onchannel?: (stream: Duplex) => void): Multiplex;
}

declare module "bpmux" {
  import type { EventEmitter } from "node:events";
  import type { Duplex } from "node:stream";
  export class BPMux extends EventEmitter {
    constructor(carrier: Duplex, options?: { peer_multiplex_options?: { highWaterMark: number } });
    multiplex(options?: { highWaterMark: number }): Duplex;
  }
}

declare module "framed-stream" {
  import type { Duplex } from "node:stream";
  const FramedStream: new (stream: Duplex) => Duplex;
  export default FramedStream;
}

declare module "protomux" {
  import type { Duplex } from "node:stream";
  export interface Channel {
    readonly messages: readonly { send(chunk: Uint8Array): boolean }[];
    open(): void;
    close(): void;
  }
  export default class Protomux {
    readonly stream: Duplex;
    constructor(stream: Duplex);
    createChannel(options: {
      protocol: string;
      unique: boolean;
      messages: { onmessage(chunk: Uint8Array): void }[];
      onclose(): void;
      ondrain(): void;
    }): Channel | null;
    pair(key: { protocol: string }, callback: () => void): void;
  }
}
