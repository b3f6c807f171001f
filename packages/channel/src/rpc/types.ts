import type { Abortable } from "../sender.ts";

/**
 * What a caller has of a service, which is an interface of methods whose arguments and results are messages. An argument that is an AsyncIterable streams from the caller, a result that is one streams to it;
 * each method takes options after its arguments.
 *
 *     interface Files {
 *       stat(path: string): Promise<Stat>;                                        // a call
 *       list(folder: string): AsyncIterable<Entry>;                               // server-streaming
 *       upload(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number>; // client-streaming
 *       chat(lines: AsyncIterable<string>): AsyncIterable<string>;                // duplex
 *     }
 */
export type Client<S> = { readonly [K in keyof S]: S[K] extends (...args: infer A) => infer R ? (...args: [...A, options?: Abortable]) => R : never };

/** What implements a service: methods may be async functions, async generators, or anything that gives what the interface says. The last argument says whether the caller still waits. */
export type Implementation<S> = { readonly [K in keyof S]: S[K] extends (...args: infer A) => infer R ? (...args: [...A, context: CallContext]) => R | (R extends Promise<infer V> ? V : never) : never };

/** What a method is told besides its arguments. */
export interface CallContext {
  /** Aborted when the caller gave up, or is gone. */
  readonly signal: AbortSignal;
}
