import type { DuplexBytes } from "../message/kinds.ts";
import type { Receiver } from "../receiver.ts";

/**
 * What a caller has of a service, which is an interface of methods whose arguments and results are messages. An argument that is an AsyncIterable streams from the caller, a result that is one streams to it.
 *
 *     interface Files {
 *       stat(path: string): Promise<Stat>;                                        // a call
 *       list(folder: string): AsyncIterable<Entry>;                               // server-streaming
 *       upload(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number>; // client-streaming
 *       chat(lines: AsyncIterable<string>): AsyncIterable<string>;                // duplex
 *       read(path: string): Promise<ReadableStream<Uint8Array>>;                  // a call whose result is the caller's: a byte stream, a Receiver, …
 *     }
 *
 * A method that gives its result at once, without a promise, is a call too: its caller gets a Promise. What is no method is not there.
 */
export type Client<S> = { readonly [K in Methods<S>]: S[K] extends (...args: infer A) => infer R ? (...args: A) => Called<R> : never };

/**
 * What implements a service: methods with exactly the interface's arguments, which may be async functions, async generators, or anything that gives what the interface says. Only a result that is
 * iterable itself and is to travel as it is, such as a Receiver, has to come from a promise: what a method returns directly and is an AsyncIterable is its stream of results.
 */
export type Implementation<S> = { readonly [K in Methods<S>]: S[K] extends (...args: infer A) => infer R ? (...args: A) => Implemented<R> : never };

/** What a call is told of its caller. */
export interface CallContext {
  /** Aborted when the caller gave up, or is gone. */
  readonly signal: AbortSignal;
}

type Methods<S> = keyof { [K in keyof S as S[K] extends (...args: never) => unknown ? K : never]: 0 } & keyof S;

/** What a call gives, of what the interface says that the method returns. */
type Called<R> = IsAny<R> extends true ? R : StreamOf<R> extends [infer T] ? AsyncIterable<T> : Promise<Awaited<R>>;

type Implemented<R> = IsAny<R> extends true ? R : StreamOf<R> extends [infer T] ? AsyncIterable<T> | Promise<AsyncIterable<T> & NoEnd> : Exclude<Awaited<R>, IterableEnd | AsyncIterable<unknown>> | Promise<Awaited<R>>;

/** What a stream of results is of, in a tuple; undefined where there is one result. */
type StreamOf<R> = [Awaited<R>] extends [never] ? undefined : [R] extends [AsyncIterable<infer T>] ? [T] : [Awaited<R>] extends [IterableEnd] ? undefined : [Awaited<R>] extends [AsyncIterable<infer T>] ? [T] : undefined;

/** Ends that are, or may be, AsyncIterables. */
type IterableEnd = Receiver | ReadableStream | DuplexBytes;

/** What no {@link IterableEnd} is. */
interface NoEnd {
  readonly _receives?: never;
  readonly getReader?: never;
  readonly readable?: never;
}

type IsAny<T> = 0 extends 1 & T ? true : false;
