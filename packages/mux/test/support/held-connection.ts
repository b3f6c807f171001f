import { FrameDecoder } from "@astranet/frame";
import type { Connection, ConnectionSink } from "@astranet/transport";
import { Collector, encode, type Frame } from "../../../frame/test/support/frames.ts";
import { concat, toHex } from "../../../frame/test/support/hex.ts";

/** Large payloads, which are zeros in these tests, are only counted: megabytes go by. */
class Frames extends Collector {
  #data: { readonly streamId: number; readonly flags: number; readonly length: number; readonly type: number; readonly parts: Uint8Array[] } | undefined;

  override data(streamId: number, flags: number, length: number, type: number): void {
    this.#data = { streamId, flags, length: type === -1 ? length : length - 4, type, parts: [] };
  }

  override payload(chunk: Uint8Array, start: number, end: number): void {
    if (this.#data !== undefined && this.#data.length <= 256) this.#data.parts.push(chunk.slice(start, end));
  }

  override dataEnd(): void {
    if (this.#data === undefined) return;
    const { streamId, flags, length, type, parts } = this.#data;
    const payload = length <= 256 ? toHex(concat(parts)) : "00".repeat(length);
    this.frames.push({ type: "DATA", streamId, flags, ...(type === -1 ? {} : { streamType: type }), payload });
  }
}

/** A connection whose other end is in the test's hands: it gives chunks of any size, and says itself when there is room. */
export class HeldConnection implements Connection {
  readonly localAddress = "here";
  readonly remoteAddress = "there";
  /** What `send` returns. */
  hasRoom = true;
  /** The sizes of the gathered sends. */
  readonly sends: number[] = [];
  /** The chunks of the last gathered send. */
  last: readonly Uint8Array[] = [];
  /** Bytes of what was sent that it says it holds; undefined where it cannot tell. */
  heldBytes: number | undefined = undefined;
  isClosed = false;
  aborted: unknown = undefined;
  readonly #collector = new Frames();
  readonly #decoder = new FrameDecoder(this.#collector);
  #sink: ConnectionSink | undefined;

  get frames(): readonly Frame[] {
    return this.#collector.frames;
  }

  start(sink: ConnectionSink): void {
    this.#sink = sink;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    this.sends.push(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    this.last = chunks;
    for (const chunk of chunks) this.#decoder.push(chunk);
    return this.hasRoom;
  }

  close(): void {
    this.isClosed = true;
  }

  abort(reason?: unknown): void {
    this.aborted = reason;
  }

  /** Gives the frames to the session, in one chunk. */
  give(...frames: readonly Frame[]): void {
    this.#sink?.data(encode(frames).bytes);
  }

  drain(): void {
    this.hasRoom = true;
    this.#sink?.drain();
  }

  closed(reason?: unknown): void {
    this.#sink?.closed(reason);
  }
}
