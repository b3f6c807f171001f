import { AstraError, type AstraErrorCode } from "@astranet/transport";

/** What travels of an Error: what it says and not where it came from, which is nobody else's business. */
export interface ErrorFields {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  readonly cause?: unknown;
  readonly retryable?: boolean;
  /** Of an AggregateError. */
  readonly errors?: readonly unknown[] | undefined;
}

const standard = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError] as const;

export function fieldsOf(error: Error): ErrorFields {
  // A subclass may say anything.
  const { name, message, cause } = error as { name: unknown; message: unknown; cause?: unknown };
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  return {
    name: String(name),
    message: String(message),
    ...(isCode(code) ? { code } : {}),
    ...(cause === undefined ? {} : { cause }),
    ...(AstraError.is(error) ? { retryable: error.retryable } : {}),
    ...(error instanceof AggregateError && Array.isArray(errors) ? { errors } : {}),
  };
}

/** An Error of the class that its name says, where it is one of the language's or an AstraError; else an Error of that name. */
export function errorOf({ name, message, code, cause, retryable, errors }: ErrorFields): Error {
  const options = cause === undefined ? undefined : { cause };
  if (name === "AstraError" && typeof code === "string") {
    const error = new AstraError(code as AstraErrorCode, "", { retryable: retryable === true, ...options });
    // The message begins with the code already.
    set(error, "message", message);
    return withoutStack(error);
  }
  const Class = standard.find((each) => each.name === name) ?? Error;
  const error = Array.isArray(errors) ? new AggregateError(errors, message, options) : new Class(message, options);
  if (error.name !== name) set(error, "name", name);
  // What comes from elsewhere may be anything.
  if (isCode(code)) Object.assign(error, { code });
  return withoutStack(error);
}

export function copyOfError(error: Error, copy: (value: unknown) => unknown): Error {
  const fields = fieldsOf(error);
  return errorOf({ ...fields, cause: copy(fields.cause), errors: copy(fields.errors) as unknown[] | undefined });
}

function isCode(code: unknown): code is string | number {
  return typeof code === "string" || typeof code === "number";
}

/** The stack would be that of whoever decoded it. */
function withoutStack<E extends Error>(error: E): E {
  set(error, "stack", `${error.name}: ${error.message}`);
  return error;
}

/** Not among what can be listed, as in any Error. */
function set(error: Error, key: "name" | "message" | "stack", value: string): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}
