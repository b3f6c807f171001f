import { AstraError } from "@astranet/transport";

/** How a class of the application's travels in messages. */
export interface Extension<T = unknown> {
  /** Its number on the wire, 0 to 63; the same at both ends. */
  readonly type: number;
  /** Whether it is for this value. Asked for objects that no message can hold otherwise, in the order of the extensions. */
  is(value: unknown): boolean;
  /** What travels for it: anything that a message can hold, ends of channels too. */
  encode(value: T): unknown;
  /** The value of what came. What it throws makes the message malformed. */
  decode(sent: unknown): T;
}

/** Throws EINVAL for extensions that cannot be told apart. */
export function checkExtensions(extensions: readonly Extension[]): void {
  const seen = new Set<number>();
  for (const { type } of extensions) {
    if (!Number.isInteger(type) || type < 0 || type > 63) throw new AstraError("EINVAL", `the type of an extension is an integer from 0 to 63, not ${String(type)}`);
    if (seen.has(type)) throw new AstraError("EINVAL", `two extensions have the type ${type}`);
    seen.add(type);
  }
}
