import { AstraError } from "@astranet/transport";
import type { Codec, EndReader, EndWriter } from "./codec.ts";
import { isEnd, kindOf, type End } from "./kinds.ts";
import { defaultMaxDepth } from "./limits.ts";
import { checkKey } from "./pack.ts";
import { classOf, explained, isNot, Unsupported } from "./unsupported.ts";
import { utf8 } from "./utf8.ts";

/** What stands for an end, with its number. */
const endKey = "$end";
/** Keys of the application's that look like it have one more $ on the way. */
const escaped = /^\$+end/;

/**
 * Messages as JSON text, for programs that have nothing else: null, booleans, numbers (no NaN, no infinity), strings, arrays, objects, and ends of channels. Whatever JSON has no word for
 * is refused (EINVAL), and not left out.
 */
export function json(): Codec {
  return { name: "json", encode, decode };
}

function encode(message: unknown, ends: EndWriter): Uint8Array {
  try {
    return utf8.encode(JSON.stringify(prepared(message, ends, 0)));
  } catch (error) {
    throw explained(error, message);
  }
}

function decode(bytes: Uint8Array, ends: EndReader): unknown {
  return restored(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown, ends, 0);
}

function prepared(value: unknown, ends: EndWriter, depth: number): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (Number.isFinite(value) && !Object.is(value, -0)) return value;
    throw new Unsupported(value, `is ${Object.is(value, -0) ? "-0" : String(value)}, which JSON has no word for`);
  }
  if (typeof value !== "object") throw new Unsupported(value, typeof value === "undefined" || typeof value === "bigint" ? `is ${typeof value === "bigint" ? "a bigint" : "undefined"}, which JSON has no word for` : isNot(value));
  if (depth >= defaultMaxDepth) throw new AstraError("EINVAL", `the message is nested more than ${defaultMaxDepth} deep, or holds itself`);
  const kind = kindOf(value);
  if (kind === "array") return Array.from(value as unknown[], (each) => prepared(each, ends, depth + 1));
  if (kind === "object") {
    const copy: Record<string, unknown> = {};
    for (const [key, each] of Object.entries(value)) {
      checkKey(value, key);
      copy[escaped.test(key) ? `$${key}` : key] = prepared(each, ends, depth + 1);
    }
    return copy;
  }
  if (isEnd(kind)) return { [endKey]: ends.add(value as End) };
  throw new Unsupported(value, `is ${classOf(value)}, which JSON has no word for`);
}

function restored(value: unknown, ends: EndReader, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth >= defaultMaxDepth) throw new AstraError("ERR_ASTRANET_PROTOCOL", `a message is malformed: it is nested more than ${defaultMaxDepth} deep`);
  if (Array.isArray(value)) return value.map((each) => restored(each, ends, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value)) {
    if (key === endKey) return ends.take(Number(each));
    if (key === "__proto__") throw new AstraError("ERR_ASTRANET_PROTOCOL", 'a message is malformed: it has a key "__proto__"');
    copy[escaped.test(key) ? key.slice(1) : key] = restored(each, ends, depth + 1);
  }
  return copy;
}
