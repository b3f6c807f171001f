import { DEFAULT_MAX_GOAWAY_DEBUG, DEFAULT_MAX_HEADER, MAX_DATA_LENGTH, MAX_STREAM_ID, MAX_WINDOW, SETTINGS_FLOOR } from "@astranet/frame";
import { AstraError, type Clock, systemClock } from "@astranet/transport";
import type { Stream } from "../stream/stream.ts";
import { UnreadBudget } from "../flow/unread-budget.ts";
import type { Wire } from "../wire/wire.ts";

/** What a Session takes. Each limit says its default, and what happens beyond it. */
export interface SessionOptions {
  /** Which end this is: the one that dialled is usually the client. Each end must be another. */
  readonly role: "client" | "server";
  /** Our own by default; `muxado()` to talk to Go's or Rust's muxado v2; `detect()` for a server that says nothing until the first four bytes came. */
  readonly wire?: Wire;
  /** Takes each stream as the peer opens it, instead of `accept()`; then there is no backlog. */
  readonly onstream?: (stream: Stream) => void;
  /** The application says `stream.accept(header?)` or `stream.refuse(reason?)` itself. Default false: taking a stream accepts it. */
  readonly manualAccept?: boolean;
  /** Streams that wait for `accept()`. Default 65,536. Beyond: the peer's open is refused (ECONNREFUSED, retryable). */
  readonly acceptBacklog?: number;
  /** Streams that the peer may hold open. Default 1,048,576, at least 1,024. Beyond: its open is refused, and counted against `resetBurst`. */
  readonly maxStreams?: number;
  /** Calls of `open()` that may wait for the peer's `maxStreams`. Default 1,048,576. Beyond: `open()` throws ERR_ASTRANET_STREAM_LIMIT. */
  readonly maxPendingOpens?: number;
  /** Bytes the peer may send on a new stream before any is read. Default 262,144, at least 65,536. Beyond: ERR_ASTRANET_PROTOCOL (FLOW_CONTROL). */
  readonly initialWindow?: number;
  /** How large a stream's window may grow. Default 16,777,216. */
  readonly maxStreamWindow?: number;
  /** Bytes under way on the link at first. Default 1,048,576, at least that. */
  readonly linkWindow?: number;
  /** How large the link's window may grow. Default 16,777,216. */
  readonly maxLinkWindow?: number;
  /** Bytes that came and were not read, of all streams: a number of bytes, or a budget that several sessions share. Default 268,435,456. Beyond: streams are refused, then reset with ERR_ASTRANET_OVERLOAD. */
  readonly maxUnreadBytes?: number | UnreadBudget;
  /** Longest DATA payload that we send. Default 65,536; smaller keeps frames within a record of an encrypted connection. */
  readonly maxFrameSize?: number;
  /** Longest header of an open or an accept, in bytes. Default 4,096, at least 1,024. Beyond: EINVAL here, ERR_ASTRANET_PROTOCOL there. */
  readonly maxHeader?: number;
  /** Longest debug text that a GOAWAY may carry. Default 65,536. Beyond: ERR_ASTRANET_PROTOCOL. */
  readonly maxGoAwayDebug?: number;
  /** Keep-alive: dead after `idleTimeoutMs` (default 15,000) without a byte, with a ping at a third of it. The smaller value of both sides holds. False: never. */
  readonly keepAlive?: false | { readonly idleTimeoutMs?: number };
  /** How long `close()` waits for streams to finish. Default 5,000. */
  readonly closeTimeoutMs?: number;
  /** Resets of streams not yet accepted, and resets that the peer provoked, at once: default 10,000; one more per accepted stream and `resetsPerSecond` (default 1,000). Beyond: ERR_ASTRANET_PROTOCOL (ENHANCE_YOUR_CALM). */
  readonly resetBurst?: number;
  readonly resetsPerSecond?: number;
  /** PINGs per second from the peer. Default 10. Beyond: ERR_ASTRANET_PROTOCOL (ENHANCE_YOUR_CALM). */
  readonly maxPingsPerSecond?: number;
  /** Empty DATA frames without FIN in a row. Default 10. Beyond: ERR_ASTRANET_PROTOCOL (ENHANCE_YOUR_CALM). */
  readonly maxEmptyFrames?: number;
  /** Frames of unknown types per second. Default 100. Beyond: ERR_ASTRANET_PROTOCOL (ENHANCE_YOUR_CALM). */
  readonly maxUnknownFramesPerSecond?: number;
  /** Where time comes from. Default: the system's. */
  readonly clock?: Clock;
  /** For tests of the id space: the first stream id that `open()` uses. @internal */
  readonly firstStreamId?: number;
}

/** What `session.open` takes. */
export interface OpenOptions {
  /** The stream's type, 0 to 2^32 − 1, which the peer reads as `stream.type`. */
  readonly type?: number;
  /** 0 (first) to 7 (last). Default 3. */
  readonly urgency?: number;
  /** Bytes that the peer reads as `stream.header`; at most the peer's `maxHeader` (1 KiB is always allowed). */
  readonly header?: Uint8Array;
}

/** The options with their defaults, checked. */
export interface ResolvedOptions {
  readonly role: "client" | "server";
  readonly wire: Wire | undefined;
  readonly onstream: ((stream: Stream) => void) | undefined;
  readonly manualAccept: boolean;
  readonly acceptBacklog: number;
  readonly maxStreams: number;
  readonly maxPendingOpens: number;
  readonly initialWindow: number;
  readonly maxStreamWindow: number;
  readonly linkWindow: number;
  readonly maxLinkWindow: number;
  readonly budget: UnreadBudget;
  readonly maxFrameSize: number;
  readonly maxHeader: number;
  readonly maxGoAwayDebug: number;
  readonly idleTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
  readonly maxPingsPerSecond: number;
  readonly maxEmptyFrames: number;
  readonly maxUnknownFramesPerSecond: number;
  readonly clock: Clock;
  readonly firstStreamId: number | undefined;
}

/** Fills in the defaults. Throws EINVAL that names the option which is wrong. */
export function resolveOptions(options: SessionOptions): ResolvedOptions {
  if (typeof options !== "object" || (options as unknown) === null) throw invalid(`options must be an object with a role, not ${described(options)}`);
  const { role, wire } = options as { role: unknown; wire?: Wire };
  if (role !== "client" && role !== "server") throw invalid(`role must be 'client' or 'server', not ${String(role)}`);
  if (wire !== undefined && typeof (wire as Partial<Wire> | null)?._begin !== "function") throw invalid(`wire must be muxado() or detect(), not ${described(wire)}`);
  if (wire?.name === "detect" && role === "client") throw invalid("wire detect() is for servers: somebody has to speak first");
  const { maxUnreadBytes = 268_435_456, keepAlive } = options;
  if (keepAlive !== undefined && keepAlive !== false && (typeof keepAlive !== "object" || (keepAlive as unknown) === null))
    throw invalid(`keepAlive must be false or an object with idleTimeoutMs, not ${described(keepAlive)}`);
  const linkWindow = integer(options, "linkWindow", SETTINGS_FLOOR.linkWindow, SETTINGS_FLOOR.linkWindow, MAX_WINDOW);
  const initialWindow = integer(options, "initialWindow", 262_144, SETTINGS_FLOOR.initialWindow, MAX_WINDOW);
  return {
    role,
    wire,
    onstream: options.onstream,
    manualAccept: options.manualAccept ?? false,
    acceptBacklog: integer(options, "acceptBacklog", 65_536, 0),
    maxStreams: integer(options, "maxStreams", 1_048_576, SETTINGS_FLOOR.maxStreams, MAX_STREAM_ID),
    maxPendingOpens: integer(options, "maxPendingOpens", 1_048_576, 0),
    initialWindow,
    maxStreamWindow: integer(options, "maxStreamWindow", Math.max(initialWindow, 16_777_216), initialWindow, MAX_WINDOW),
    linkWindow,
    maxLinkWindow: integer(options, "maxLinkWindow", Math.max(linkWindow, 16_777_216), linkWindow, MAX_WINDOW),
    budget:
      maxUnreadBytes instanceof UnreadBudget
        ? maxUnreadBytes
        : new UnreadBudget(checkInteger("maxUnreadBytes", maxUnreadBytes, 0, Number.MAX_SAFE_INTEGER)),
    maxFrameSize: integer(options, "maxFrameSize", MAX_DATA_LENGTH, 1, MAX_DATA_LENGTH),
    maxHeader: integer(options, "maxHeader", DEFAULT_MAX_HEADER, SETTINGS_FLOOR.maxHeader, 65_535),
    maxGoAwayDebug: integer(options, "maxGoAwayDebug", DEFAULT_MAX_GOAWAY_DEBUG, 0, 0xff_ffff - 8),
    idleTimeoutMs: keepAlive === false ? 0 : checkInteger("keepAlive.idleTimeoutMs", keepAlive?.idleTimeoutMs ?? 15_000, 1, 0xffff_ffff),
    closeTimeoutMs: integer(options, "closeTimeoutMs", 5_000, 0),
    resetBurst: integer(options, "resetBurst", 10_000, 1),
    resetsPerSecond: integer(options, "resetsPerSecond", 1_000, 0),
    maxPingsPerSecond: integer(options, "maxPingsPerSecond", 10, 1),
    maxEmptyFrames: integer(options, "maxEmptyFrames", 10, 0),
    maxUnknownFramesPerSecond: integer(options, "maxUnknownFramesPerSecond", 100, 1),
    clock: options.clock ?? systemClock,
    firstStreamId: options.firstStreamId,
  };
}

/** What somebody passed, in a word or two, for error messages. */
export function described(value: unknown): string {
  if (typeof value === "object" && value !== null) return `an object of class ${value.constructor.name}`;
  return typeof value === "string" ? "a string" : String(value);
}

/** An EINVAL. */
export function invalid(what: string): AstraError {
  return new AstraError("EINVAL", what);
}

/** A call that the stream or session is not in the state for. */
export function invalidState(what: string): AstraError {
  return new AstraError("ERR_ASTRANET_INVALID_STATE", what);
}

type NumberOption = { [K in keyof SessionOptions]-?: number extends SessionOptions[K] ? K : never }[keyof SessionOptions];

function integer(options: SessionOptions, name: NumberOption, fallback: number, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  return checkInteger(name, (options[name]) ?? fallback, min, max);
}

/** Throws EINVAL unless `value` is an integer within these bounds. */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
    throw invalid(`${name} must be an integer from ${min} to ${max}, not ${String(value)}`);
  return value;
}
