import { isDate } from "./dates.ts";
import { Receiver } from "../receiver.ts";
import { Sender } from "../sender.ts";

/** What travels beside a message, and not in its bytes. */
export type EndKind = "sender" | "receiver" | "readable" | "writable" | "duplex";
/** What an object within a message may be. */
export type ObjectKind = "object" | "array" | "date" | "map" | "set" | "bytes" | "view" | "buffer" | "error" | EndKind;

/** An object that has both directions of a byte stream, and is of a class: a mux Stream, a TransformStream, … */
export interface DuplexBytes {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** What travels in a message and belongs to who receives it. */
export type End = Sender | Receiver | ReadableStream<Uint8Array> | WritableStream<Uint8Array> | DuplexBytes;

/** What an object is to a message; undefined: no message can hold it. What is of a subclass of Array, Map, Set or Date would lose its fields. */
export function kindOf(value: object): ObjectKind | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Array.prototype is an array itself, of any realm; that of a subclass is none.
  if (Array.isArray(value)) return Array.isArray(prototype) ? "array" : undefined;
  if (prototype === Object.prototype || prototype === null) return "object";
  if (ArrayBuffer.isView(value)) return value instanceof Uint8Array ? "bytes" : "view";
  if (value instanceof Sender) return "sender";
  if (value instanceof Receiver) return "receiver";
  if (isDate(value)) return "date";
  if (value instanceof Map && value.constructor === Map) return "map";
  if (value instanceof Set && value.constructor === Set) return "set";
  if (value instanceof Error) return "error";
  if (value instanceof ArrayBuffer) return "buffer";
  return streamKindOf(value) ?? (isPlainElsewhere(prototype as object, value) ? "object" : undefined);
}

export function isEnd(kind: ObjectKind | undefined): kind is EndKind {
  return kind === "sender" || kind === "receiver" || kind === "readable" || kind === "writable" || kind === "duplex";
}

/** Whether a value is a Sender, a Receiver or a byte stream: what a codec gives to its {@link EndWriter}. */
export function isEndObject(value: unknown): value is End {
  return isObject(value) && isEnd(kindOf(value));
}

/** By what it can do: there are streams of more than one realm, and polyfills. */
export function streamKindOf(value: object): "readable" | "writable" | "duplex" | undefined {
  if (has(value, "getReader") && has(value, "cancel")) return "readable";
  if (has(value, "getWriter") && has(value, "abort")) return "writable";
  const { readable, writable } = value as { readable?: unknown; writable?: unknown };
  return isObject(readable) && isObject(writable) && has(readable, "getReader") && has(writable, "getWriter") ? "duplex" : undefined;
}

/** A plain object of another realm. */
function isPlainElsewhere(prototype: object, value: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.prototype.toString.call(value) === "[object Object]";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function has(value: object, method: string): boolean {
  return typeof (value as Record<string, unknown>)[method] === "function";
}
