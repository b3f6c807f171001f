import { AstraError } from "@astranet/transport";

/** Thrown within a walk through a message; {@link explained} says where it was. */
export class Unsupported extends Error {
  readonly value: unknown;
  readonly code: "EINVAL" | "ERR_ASTRANET_INVALID_STATE";

  constructor(value: unknown, what: string, code: "EINVAL" | "ERR_ASTRANET_INVALID_STATE" = "EINVAL") {
    super(what);
    this.value = value;
    this.code = code;
  }
}

/** The AstraError for what a walk through `message` threw, with the place of what it stumbled over. */
export function explained(error: unknown, message: unknown): unknown {
  if (!(error instanceof Unsupported)) return error;
  const path = pathTo(message, error.value, new Set());
  return new AstraError(error.code, `${path === undefined ? "something in the message" : path === "" ? "the message" : `message${path}`} ${error.message}`);
}

/** Names the class of what cannot be sent. */
export function isNot(value: unknown): string {
  if (typeof value !== "object") return `is a ${typeof value}, which no message can hold`;
  return `is ${classOf(value as object)}, which no message can hold without an extension for it`;
}

export function classOf(value: object): string {
  const { constructor } = value as { constructor?: { name?: unknown } };
  const name = constructor?.name;
  return typeof name === "string" && name !== "" ? `an object of class ${name}` : "an object of a class without a name";
}

/** Such as `.jobs[3].done`; undefined where it is not found. */
function pathTo(from: unknown, wanted: unknown, seen: Set<unknown>): string | undefined {
  if (Object.is(from, wanted)) return "";
  if (typeof from !== "object" || from === null || seen.has(from)) return undefined;
  seen.add(from);
  for (const [step, value] of stepsFrom(from)) {
    const rest = pathTo(value, wanted, seen);
    if (rest !== undefined) return step + rest;
  }
  return undefined;
}

function* stepsFrom(value: object): IterableIterator<[step: string, value: unknown]> {
  if (Array.isArray(value)) for (const [i, each] of value.entries()) yield [`[${i}]`, each];
  else if (value instanceof Map) {
    for (const [key, each] of value) {
      yield [" (a key of the Map)", key];
      // Not every object has a text.
      yield [typeof key === "object" && key !== null ? " (a value of the Map)" : `.get(${typeof key === "string" ? JSON.stringify(key) : String(key)})`, each];
    }
  } else if (value instanceof Set) for (const each of value) yield [" (an element of the Set)", each];
  else if (value instanceof Error) {
    const { cause, errors } = value as { cause?: unknown; errors?: unknown };
    yield [".cause", cause];
    yield [".errors", errors];
  } else if (!ArrayBuffer.isView(value)) for (const [key, each] of Object.entries(value)) yield [/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`, each];
}
