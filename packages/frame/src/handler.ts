import type { Settings } from "./settings.ts";

/**
 * Where a decoder's frames go. A DATA frame is `data`, then `payload` for each piece as it comes, then `dataEnd`;
 * every other frame is one call. A method may throw a FrameError: it leaves `push` as it is.
 */
export interface FrameHandler {
  /**
   * A DATA frame begins: `length` is the header's, so that windows are checked before a byte of it is kept.
   * `flags` holds those that the wire knows, no others. `type` is the stream's type (0..2^32-1) with the TYPED flag, else -1; its four bytes are not in `payload`.
   */
  data(streamId: number, flags: number, length: number, type: number): void;
  /** Bytes `start` to `end` of `chunk` belong to the DATA frame begun last. Never empty. */
  payload(chunk: Uint8Array, start: number, end: number): void;
  dataEnd(): void;
  /** `flags` is HALF or 0. */
  rst(streamId: number, flags: number, code: number): void;
  windowIncrement(streamId: number, increment: number): void;
  /** `debug` is a copy, the handler's own. */
  goAway(lastStreamId: number, code: number, debug: Uint8Array): void;
  settings(settings: Settings): void;
  /** The eight opaque bytes as two 32-bit halves. */
  ping(ack: boolean, high: number, low: number): void;
  /** `header` is valid during the call only. `update`: the urgency of an open stream changes. */
  open(streamId: number, update: boolean, urgency: number, header: Uint8Array): void;
  /** `header` is valid during the call only. */
  accept(streamId: number, header: Uint8Array): void;
  stop(streamId: number, code: number): void;
  link(received: number, limit: number): void;
  reason(streamId: number, code: number, nodeId: bigint, text: string): void;
  /** A frame of a type that this decoder does not know was skipped. */
  skipped(type: number, length: number): void;
}
