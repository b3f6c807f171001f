import type { Stream, StreamSink } from "@astranet/mux";
import type { ConnAddress } from "./port-types.ts";

/** What a Conn knows besides its stream. */
export interface ConnInit {
  readonly localAddress: ConnAddress;
  readonly remoteAddress: ConnAddress;
  readonly service: string | undefined;
  readonly env: string;
  readonly trace: string | undefined;
}

interface Abortable {
  readonly signal?: AbortSignal;
}

/**
 * A stream between two nodes: the methods of a mux Stream, and who is at its ends.
 * Bytes that are written are given away, or lent; bytes that are read belong to the reader, but their `buffer` may be shared.
 */
export class Conn implements AsyncIterable<Uint8Array>, AsyncDisposable {
  /** The stream underneath, for adapters such as `toDuplex`. */
  readonly stream: Stream;
  readonly localAddress: ConnAddress;
  readonly remoteAddress: ConnAddress;
  /** The name that was dialled; undefined where it was a port. */
  readonly service: string | undefined;
  /** The namespace of `service`. */
  readonly env: string;
  /** W3C trace context that came with the dial. */
  readonly trace: string | undefined;

  constructor(stream: Stream, init: ConnInit) {
    this.stream = stream;
    this.localAddress = init.localAddress;
    this.remoteAddress = init.remoteAddress;
    this.service = init.service;
    this.env = init.env;
    this.trace = init.trace;
  }

  /** The next bytes, null at the end. After an abort nothing was taken. */
  read(options?: Abortable): Promise<Uint8Array | null> {
    return this.stream.read(options);
  }

  /** What is there now: bytes, null at the end, undefined for nothing yet. */
  tryRead(): Uint8Array | null | undefined {
    return this.stream.tryRead();
  }

  /** Awaiting it is the backpressure. Aborted: withdrawn if nothing of it has left, else completed. */
  write(chunk: Uint8Array | readonly Uint8Array[], options?: Abortable): Promise<void> {
    return this.stream.write(chunk, options);
  }

  /** Takes all of the chunk or nothing of it. `onreturn`: the chunk is lent, and this is called with it once nothing refers to it any more. */
  tryWrite(chunk: Uint8Array, onreturn?: (chunk: Uint8Array) => void): boolean {
    return this.stream.tryWrite(chunk, onreturn);
  }

  /** Resolves when `tryWrite` is worth trying again. */
  ready(options?: Abortable): Promise<void> {
    return this.stream.ready(options);
  }

  /** Ends this side's writing half, after a last chunk where one is given. */
  end(chunk?: Uint8Array): Promise<void> {
    return this.stream.end(chunk);
  }

  /** Ends both halves; resolves when both are done. */
  close(): Promise<void> {
    return this.stream.close();
  }

  /** Breaks both halves at once, with a code (6, 7, or from 256 on) and words for the other side. */
  reset(code?: number, reason?: string): void {
    this.stream.reset(code, reason);
  }

  /** Tells the other side that nothing more will be read. */
  stop(code?: number): void {
    this.stream.stop(code);
  }

  /** Resolves when both halves ended, rejects with what broke them; marked as handled. */
  get closed(): Promise<void> {
    return this.stream.closed;
  }

  /** Pending and later calls reject with ETIMEDOUT from `afterMs` from now on; undefined takes it away. The Conn is unharmed. */
  setDeadline(afterMs: number | undefined): void {
    this.stream.setDeadline(afterMs);
  }

  setReadDeadline(afterMs: number | undefined): void {
    this.stream.setReadDeadline(afterMs);
  }

  setWriteDeadline(afterMs: number | undefined): void {
    this.stream.setWriteDeadline(afterMs);
  }

  get urgency(): number {
    return this.stream.urgency;
  }

  set urgency(urgency: number) {
    this.stream.urgency = urgency;
  }

  get readableLength(): number {
    return this.stream.readableLength;
  }

  get writableLength(): number {
    return this.stream.writableLength;
  }

  /** Push mode: everything goes to `sink`, what was queued first; `consume` gives credit back. */
  attach(sink: StreamSink): void {
    this.stream.attach(sink);
  }

  consume(bytes: number): void {
    this.stream.consume(bytes);
  }

  /** WHATWG view, made on first use. */
  get readable(): ReadableStream<Uint8Array> {
    return this.stream.readable;
  }

  /** WHATWG view, made on first use. */
  get writable(): WritableStream<Uint8Array> {
    return this.stream.writable;
  }

  /** Reads to the end; leaving the loop early is `stop()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this.stream[Symbol.asyncIterator]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
