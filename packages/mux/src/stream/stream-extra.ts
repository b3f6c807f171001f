import type { AstraError, Timer } from "@astranet/transport";
import type { Deferred } from "../deferred.ts";
import type { StreamSink } from "./stream-sink.ts";

/** A write whose promise waits: its chunks are numbered `from` to `to` in the stream's queue. */
export interface WriteWaiter {
  readonly from: number;
  readonly to: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** One direction's deadline. */
export interface Deadline {
  timer: Timer | undefined;
  passed: boolean;
}

/** What few streams need: made on first use, so that an idle stream does not carry it. */
export interface StreamExtra {
  header?: Uint8Array;
  /** The header to answer the open with. */
  answer?: Uint8Array;
  /** Why reading, or writing, is over. */
  readError?: AstraError;
  writeError?: AstraError;
  opened?: Deferred<Uint8Array>;
  closed?: Deferred<undefined>;
  /** Whether the accept came before somebody asked, and with what header. */
  acceptedWith?: Uint8Array;
  writes?: WriteWaiter[];
  ended?: Deferred<undefined>;
  writeClosed?: Deferred<undefined>;
  ready?: Deferred<undefined>;
  readDeadline?: Deadline | undefined;
  writeDeadline?: Deadline | undefined;
  closeTimer?: Timer;
  sink?: StreamSink;
  /** Ends the abort listener of the read that waits. */
  readCleanup?: (() => void) | undefined;
  resetCode?: number;
  resetReason?: string;
  stopCode?: number;
  /** That of the peer's STOP. */
  stoppedWith?: number;
  /** The receive window's size where it has grown, and when it was last granted. */
  window?: number;
  grantedAt?: number;
  readable?: ReadableStream<Uint8Array>;
  writable?: WritableStream<Uint8Array>;
  /** The first bytes of a type that came in pieces (wire 'muxado', typed). */
  typeBytes?: number[];
}
