import type { ConnectionOptions } from "./base-connection.ts";
import type { Connection } from "./connection.ts";
import { AstraError } from "./errors.ts";

/** What {@link toConnection} takes. */
export type Pipe = Connection;

/**
 * Makes a connection of a pipe. A Connection is returned as it is.
 * @throws AstraError EINVAL naming what was given, where it is none of these.
 */
export function toConnection(pipe: Pipe, _options: ConnectionOptions = {}): Connection {
  if (isConnection(pipe)) return pipe;
  throw new AstraError("EINVAL", `cannot make a connection of ${nameOf(pipe)}`);
}

function isConnection(value: unknown): value is Connection {
  return has(value, "start", "send", "close", "abort");
}

function has(value: unknown, ...methods: string[]): boolean {
  return typeof value === "object" && value !== null && methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

function nameOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : `a ${typeof value}`;
  return `an object of ${(value.constructor as { name?: string } | undefined)?.name ?? "no class"}`;
}
