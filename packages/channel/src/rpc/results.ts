import { AstraError } from "@astranet/transport";
import { discard } from "../discard.ts";
import { handled, onAbort } from "../promises.ts";
import type { Receiver } from "../receiver.ts";
import type { Sender } from "../sender.ts";
import type { Answer } from "./call.ts";
import { eachItem } from "./each-item.ts";

/** A stream of arguments, and where it goes. */
export interface ArgumentStream {
  readonly source: AsyncIterable<unknown>;
  readonly sender: Sender;
}

/** What comes back of a call: to be awaited, or iterated. */
export class Results implements PromiseLike<unknown>, AsyncIterable<unknown> {
  readonly #answers: Receiver<Answer>;
  readonly #streams: readonly ArgumentStream[];
  readonly #stopListening: () => void;
  /** Taken when it comes, whether or not somebody waits: a call whose result nobody wants is over then too. */
  readonly #first: Promise<Answer>;
  #failure: { readonly reason: unknown } | undefined;
  #isOver = false;
  #isTaken = false;
  #result: Promise<unknown> | undefined;

  /** `sent`: the call is on its way. */
  constructor(sent: Promise<void>, answers: Receiver<Answer>, streams: readonly ArgumentStream[], signal: AbortSignal | undefined) {
    this.#answers = answers;
    this.#streams = streams;
    const fail = (reason: unknown): void => this.#fail(reason);
    this.#stopListening = onAbort(signal, fail);
    this.#first = handled(this.#next(sent));
    for (const stream of streams) void handled(sent.then(() => feed(stream, fail)));
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

  [Symbol.asyncIterator](): AsyncIterableIterator<unknown, undefined> {
    this.#take();
    let isFirst = true;
    const iterator: AsyncIterableIterator<unknown, undefined> = {
      next: () => {
        const answer = isFirst ? this.#first : this.#next(this.#first);
        isFirst = false;
        return this.#item(answer);
      },
      return: () => {
        this.#giveUp("the caller wants no more");
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Whether it is a stream of results, for who hands it on. Rejects where there is neither. @internal */
  async _isStream(): Promise<boolean> {
    const first = await this.#first;
    return "item" in first || "done" in first;
  }

  async #only(): Promise<unknown> {
    this.#take();
    const answer = await this.#first;
    if ("value" in answer) return answer.value;
    throw this.#misfit(answer, "the method has a stream of results, which is to be iterated");
  }

  async #item(answered: Promise<Answer>): Promise<IteratorResult<unknown, undefined>> {
    const answer = await answered;
    if ("item" in answer) return { done: false, value: answer.item };
    if ("done" in answer) return { done: true, value: undefined };
    throw this.#misfit(answer, "the method has one result, which is to be awaited");
  }

  /** Why an answer is not what was asked for. Nobody will have what is in it. */
  #misfit(answer: Answer, text: string): Error {
    if ("error" in answer) return answer.error;
    const error = new AstraError("EINVAL", text);
    discard(answer);
    this.#giveUp(error);
    return error;
  }

  #take(): void {
    if (this.#isTaken) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the results of this call were awaited or iterated already: they come once");
    this.#isTaken = true;
  }

  async #next(after: Promise<unknown>): Promise<Answer> {
    try {
      await after;
      const answer = await this.#answers.receive();
      // A method that is through reads no more of its arguments: where it has not read them to their end their sources are told.
      if ("error" in answer) this.#giveUp(answer.error);
      else if (!("item" in answer)) this.#giveUp("the call is over");
      return answer;
    } catch (error) {
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (this.#isOver) return { done: true };
      const reason = AstraError.is(error, "ERR_ASTRANET_CHANNEL_CLOSED") ? new AstraError("ECONNRESET", "the other side closed the channel without an answer") : error;
      this.#giveUp(reason);
      throw reason;
    }
  }

  /** What happened here is the call's result, unless that has come. */
  #fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#failure = { reason };
    this.#giveUp(reason);
  }

  /** The streams first: what the method hears of them says why. */
  #giveUp(reason: unknown): void {
    for (const { sender } of this.#streams) sender.abort(reason);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#stopListening();
    this.#answers.cancel();
  }
}

/** Sends what an iterable gives, until its end, or until nobody receives. What it throws, or cannot be sent, breaks the stream and fails the call. */
async function feed({ source, sender }: ArgumentStream, fail: (error: unknown) => void): Promise<void> {
  try {
    await eachItem(source, sender, (item) => sender.send(item));
    await sender.close();
  } catch (error) {
    sender.abort(error);
    fail(error);
  }
}
