import { isEndObject } from "../message/kinds.ts";
import type { Sender } from "../sender.ts";

/** What travels for one call: what is called, with what, and where the answers go. Streams of arguments are Receivers in their places. */
export interface Call {
  readonly method: string;
  readonly args: readonly unknown[];
  readonly answer: Sender<Answer>;
}

/** A result, an element of a stream of results, the end of that stream, or why there is none. */
export type Answer = { readonly value: unknown } | { readonly item: unknown } | { readonly done: true } | { readonly error: Error };

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** What is sent item by item wherever it is. A Receiver, or a byte stream, can be handed over itself. */
export function isStream(value: unknown): value is AsyncIterable<unknown> {
  return isAsyncIterable(value) && !isEndObject(value);
}
