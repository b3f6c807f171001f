import { PortConnection, type MessagePortLike } from "./adapters/port-connection.ts";
import { WebSocketConnection, type WebSocketLike } from "./adapters/socket-connection.ts";
import { StreamConnection, type StreamPair } from "./adapters/stream-connection.ts";
import type { ConnectionOptions } from "./base-connection.ts";
import type { Connection } from "./connection.ts";
import { AstraError } from "./errors.ts";

/** What {@link toConnection} takes. */
export type Pipe = Connection | StreamPair | WebSocketLike | MessagePortLike;

/**
 * Makes a connection of a pipe: a `{ readable, writable }` pair of WHATWG streams of bytes, a WebSocket or a MessagePort.
 * The pipe is the connection's from then on: nobody else reads, writes or closes it. A Connection is returned as it is.
 *
 * At the other end of a WebSocket or a MessagePort there must be a connection of this kind too, because ends travel
 * inside it (an empty message; of a MessagePort also how much was handed on).
 * @throws AstraError EINVAL naming what was given, where it is none of these or its streams are locked.
 */
export function toConnection(pipe: Pipe, options: ConnectionOptions = {}): Connection {
  const given: unknown = pipe;
  if (isConnection(given)) return given;
  if (isMessagePort(given)) return new PortConnection(given, options);
  if (isWebSocket(given)) return new WebSocketConnection(given, options);
  if (isStreamPair(given)) {
    if (given.readable.locked) throw new AstraError("EINVAL", "the readable of the pair is locked to another reader");
    if (given.writable.locked) throw new AstraError("EINVAL", "the writable of the pair is locked to another writer");
    return new StreamConnection(given, options);
  }
  throw new AstraError("EINVAL", `cannot make a connection of ${nameOf(given)}`);
}

function isConnection(value: unknown): value is Connection {
  return has(value, "start", "send", "close", "abort");
}

function isMessagePort(value: unknown): value is MessagePortLike {
  return has(value, "postMessage", "start", "close", "addEventListener");
}

function isWebSocket(value: unknown): value is WebSocketLike {
  return has(value, "send", "close", "addEventListener") && typeof (value as Partial<WebSocketLike>).bufferedAmount === "number";
}

function isStreamPair(value: unknown): value is StreamPair {
  const { readable, writable } = (value ?? {}) as Partial<StreamPair>;
  return has(readable, "getReader") && has(writable, "getWriter");
}

function has(value: unknown, ...methods: string[]): boolean {
  return typeof value === "object" && value !== null && methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

/** For messages; never runs a getter's surprises out of the function. */
function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const { constructor } = value as { constructor?: { name?: unknown } };
  const name = typeof constructor?.name === "string" && constructor.name !== "" ? constructor.name : "object";
  const keys = Object.keys(value).slice(0, 5);
  if (name === "Object") return `an object with ${keys.length === 0 ? "nothing in it" : keys.join(", ")}`;
  return `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;
}
