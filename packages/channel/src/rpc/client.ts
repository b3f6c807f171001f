import { AstraError } from "@astranet/transport";
import { kindOf } from "../message/kinds.ts";
import { pipe } from "../pipe.ts";
import type { Receiver } from "../receiver.ts";
import type { Abortable, Sender } from "../sender.ts";
import { feed, isAsyncIterable, type Answer, type Call } from "./call.ts";
import type { Client } from "./types.ts";

/**
 * Calls the methods of a service that somebody serves at the other end of the channel (see `serve`). Each method sends a message with what is called, the arguments, and a channel for the answers.
 *
 * What a method gives may be awaited (the result), iterated (its stream of results), or both ignored. It rejects with the error that the method threw, as it travels in a message; ECONNRESET or another
 * code where the other side is gone; as `send` does for arguments that cannot be sent; and with `signal.reason`, and then the method's own signal is aborted. Leaving the iteration early does that too.
 */
export function client<S>(calls: Sender<Call>): Client<S> {
  return new Proxy({} as Client<S>, {
    get: (_target, method) => {
      // Whoever awaits the client itself asks for this.
      if (typeof method !== "string" || method === "then") return undefined;
      return (...args: unknown[]) => call(calls, method, args);
    },
  });
}

function call(calls: Sender<Call>, method: string, given: readonly unknown[]): Results {
  const last = given.at(-1);
  const hasOptions = isOptions(last);
  const signal = hasOptions ? last.signal : undefined;
  const streams: (() => void)[] = [];
  const args = (hasOptions ? given.slice(0, -1) : given).map((arg) => {
    if (!isStream(arg)) return arg;
    const { sender, receiver } = pipe();
    streams.push(() => void feed(arg, sender));
    return receiver;
  });
  const { sender: answer, receiver: answers } = pipe<Answer>({ capacity: 1 });
  const sent = calls.send({ method, args, answer }, signal === undefined ? {} : { signal });
  sent.then(
    () => {
      for (const start of streams) start();
    },
    () => undefined,
  );
  return new Results(sent, answers, signal);
}

/** An object with nothing but a signal: what no service takes as an argument. */
function isOptions(value: unknown): value is Abortable {
  return typeof value === "object" && value !== null && Object.keys(value).length === 1 && (value as Abortable).signal instanceof AbortSignal;
}

/** What is sent item by item. A Receiver, or a byte stream, is handed over itself. */
function isStream(value: unknown): value is AsyncIterable<unknown> {
  return isAsyncIterable(value) && kindOf(value) === undefined;
}

/** What comes back of a call: to be awaited, or iterated. */
class Results implements PromiseLike<unknown>, AsyncIterableIterator<unknown> {
  readonly #sent: Promise<void>;
  readonly #answers: Receiver<Answer>;
  readonly #signal: AbortSignal | undefined;
  #result: Promise<unknown> | undefined;

  constructor(sent: Promise<void>, answers: Receiver<Answer>, signal: AbortSignal | undefined) {
    this.#sent = sent;
    this.#answers = answers;
    this.#signal = signal;
  }

  then<R = unknown, E = never>(onfulfilled?: ((value: unknown) => R | PromiseLike<R>) | null, onrejected?: ((reason: unknown) => E | PromiseLike<E>) | null): Promise<R | E> {
    return (this.#result ??= this.#only()).then(onfulfilled, onrejected);
  }

  catch<E = never>(onrejected?: ((reason: unknown) => E | PromiseLike<E>) | null): Promise<unknown> {
    return this.then(undefined, onrejected);
  }

  finally(onfinally?: (() => void) | null): Promise<unknown> {
    return Promise.resolve(this).finally(onfinally);
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    const answer = await this.#next();
    if ("item" in answer) return { done: false, value: answer.item };
    this.#answers.cancel();
    if ("done" in answer) return { done: true, value: undefined };
    throw "error" in answer ? answer.error : new AstraError("EINVAL", "the method has one result, which is to be awaited");
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#answers.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #only(): Promise<unknown> {
    const answer = await this.#next();
    this.#answers.cancel();
    if ("value" in answer) return answer.value;
    throw "error" in answer ? answer.error : new AstraError("EINVAL", "the method has a stream of results, which is to be iterated");
  }

  async #next(): Promise<Answer> {
    try {
      await this.#sent;
      return await this.#answers.receive(this.#signal === undefined ? {} : { signal: this.#signal });
    } catch (error) {
      this.#answers.cancel();
      throw AstraError.is(error, "ERR_ASTRANET_CHANNEL_CLOSED") ? new AstraError("ECONNRESET", "the other side closed the channel without an answer") : error;
    }
  }
}
