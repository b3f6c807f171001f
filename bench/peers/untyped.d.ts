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

declare module "pull-stream" {
  export type Source = (abort: Error | boolean | null | undefined, callback: (end: Error | true | null, data?: Buffer) => void) => void;
  export type Sink = (source: Source) => void;
  interface Both {
    readonly source: Source;
    readonly sink: Sink;
  }
  const pull: {
    (source: Source, sink: Sink): void;
    (first: Both, second: Both, third: Both): void;
    drain(data: (data: Buffer) => void, done?: (error: Error | null) => void): Sink;
  };
  export default pull;
}

declare module "stream-to-pull-stream" {
  import type { Duplex as NodeDuplex } from "node:stream";
  import type { Sink, Source } from "pull-stream";
  const toPull: { duplex(stream: NodeDuplex): { readonly source: Source; readonly sink: Sink } };
  export default toPull;
}

declare module "muxrpc" {
  import type { Sink, Source } from "pull-stream";
  export type Manifest = Readonly<Record<string, "duplex" | "async">>;
  export interface Duplex {
    readonly source: Source;
    readonly sink: Sink;
  }
  export interface Muxrpc {
    readonly stream: Duplex;
    flow(messageBytes: number): Duplex;
    finish(): Promise<number>;
    call(request: string): Promise<Buffer>;
  }
  export default function createMuxrpc(remote: Manifest | null, local: Manifest | null, api?: object): Muxrpc;
}
