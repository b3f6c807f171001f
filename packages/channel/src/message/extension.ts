import { AstraError } from "@astranet/transport";
import type { ObjectKind } from "./kinds.ts";

/** How a class of the application's travels in messages. */
export interface Extension<T = unknown> {
  /** Its number on the wire, 0 to 63; the same at both ends. */
  readonly type: number;
  /**
   * Whether it is for this value: such as `value instanceof NotFound`. The extensions are asked in their order, before anything else, for all objects but plain ones and plain arrays: for those of
   * Error, Map, Set, Date, Uint8Array and their subclasses, and subclasses of Array too.
   */
  is(value: unknown): boolean;
  /** What travels for it: anything that a message can hold, ends of channels too. */
  encode(value: T): unknown;
  /** The value of what came. What it throws makes the message malformed. */
  decode(sent: unknown): T;
}

/** The one that is for an object, if any. */
export function extensionFor(value: object, kind: ObjectKind | undefined, extensions: readonly Extension[]): Extension | undefined {
  // Most messages have nothing else.
  return kind === "object" || kind === "array" ? undefined : extensions.find((each) => each.is(value));
}

const functions = ["is", "encode", "decode"] as const;

/** Throws EINVAL for what is no extension, and for extensions that cannot be told apart. */
export function checkExtensions(extensions: readonly Extension[]): void {
  if (!Array.isArray(extensions)) throw new AstraError("EINVAL", "extensions must be an array");
  const seen = new Set<number>();
  for (const extension of extensions as readonly (Extension | undefined | null)[]) {
    const type = extension?.type as number;
    if (!Number.isInteger(type) || type < 0 || type > 63) throw new AstraError("EINVAL", `the type of an extension is an integer from 0 to 63, not ${String(type)}`);
    const missing = functions.find((each) => typeof extension![each] !== "function");
    if (missing !== undefined) throw new AstraError("EINVAL", `the extension of type ${type} has no function ${missing}`);
    if (seen.has(type)) throw new AstraError("EINVAL", `two extensions have the type ${type}`);
    seen.add(type);
  }
}
