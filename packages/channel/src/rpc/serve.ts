import { AstraError } from "@astranet/transport";
import { discard } from "../discard.ts";
import type { Receiver } from "../receiver.ts";
import type { Sender } from "../sender.ts";
import { isAsyncIterable, type Answer, type Call } from "./call.ts";
import type { CallContext, Implementation } from "./types.ts";

/** What `serve` takes. */
export interface ServeOptions {
  /** Calls under way at once. Default 1,024. Beyond: the next one waits, and with it its sender. */
  readonly maxCalls?: number;
}

/**
 * Answers the calls that come over a channel with the methods of `implementation`, many at once. Resolves when the channel has ended and every call was answered; rejects with what broke it, once
 * the methods that run have been told (their signals).
 *
 * A method may return a value, a promise or an AsyncIterable; what it throws is sent to the caller. A method that is not there is answered with EINVAL. Only own methods and those of the
 * classes of `implementation` can be called, never those of Object.
 */
export async function serve<S>(calls: Receiver<Call>, implementation: Implementation<S>, options: ServeOptions = {}): Promise<void> {
  const { maxCalls = 1024 } = options;
  if (!Number.isSafeInteger(maxCalls) || maxCalls < 1) throw new AstraError("EINVAL", `maxCalls must be an integer from 1 on, not ${String(maxCalls)}`);
  const running = new Set<Promise<void>>();
  const gone = new AbortController();
  try {
    for await (const call of calls) {
      const answered = answer(implementation, call, gone.signal);
      running.add(answered);
      void answered.finally(() => running.delete(answered));
      if (running.size >= maxCalls) await Promise.race(running);
    }
  } catch (error) {
    gone.abort(error);
    throw error;
  } finally {
    await Promise.all(running);
  }
}

async function answer(implementation: object, call: Call, gone: AbortSignal): Promise<void> {
  if (!isCall(call)) {
    discard(call);
    return;
  }
  const { method, args, answer: answers } = call;
  const waiting = new CallerWaits(answers, gone);
  try {
    const result: unknown = await methodOf(implementation, method).apply(implementation, [...args, waiting.context]);
    const isStream = isAsyncIterable(result);
    if (isStream) for await (const item of result) await answers.send({ item });
    waiting.over();
    await answers.send(isStream ? { done: true } : { value: result });
    await answers.close();
  } catch (error) {
    await refuse(answers, error);
  } finally {
    waiting.over();
  }
}

/** The signal of one call. Most methods do not look at it, and those whose caller waits to the end never hear of it: so it is made when it is asked for. */
class CallerWaits {
  readonly context: CallContext;
  readonly #answers: Sender<Answer>;
  readonly #gone: AbortSignal;
  #abort: AbortController | undefined;
  #isOver = false;
  readonly #disappeared = (): void => this.#abort?.abort(this.#gone.reason);

  constructor(answers: Sender<Answer>, gone: AbortSignal) {
    this.#answers = answers;
    this.#gone = gone;
    const signal = (): AbortSignal => this.#signal();
    this.context = {
      get signal() {
        return signal();
      },
    };
  }

  /** The method is through: whatever happens now is no concern of the method's. */
  over(): void {
    this.#isOver = true;
    this.#gone.removeEventListener("abort", this.#disappeared);
  }

  #signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    const abort = (this.#abort = new AbortController());
    if (this.#isOver) return abort.signal;
    const cancel = (): void => {
      if (!this.#isOver) abort.abort(new AstraError("EPIPE", "the caller does not wait any more"));
    };
    // What has happened before it was asked for is told at once, for who only looks whether it is aborted.
    if (this.#gone.aborted) abort.abort(this.#gone.reason);
    else if (this.#answers._queue?.refusal !== undefined) cancel();
    else {
      this.#gone.addEventListener("abort", this.#disappeared, { once: true });
      this.#answers.closed.then(cancel, cancel);
    }
    return abort.signal;
  }
}

/** Says why there is no result; where not even that can be sent, the caller hears that the channel broke. */
async function refuse(answers: Sender<Answer>, error: unknown): Promise<void> {
  try {
    await answers.send({ error: error instanceof Error ? error : new Error(String(error)) });
    await answers.close();
  } catch (unsent) {
    answers.abort(unsent);
  }
}

function methodOf(implementation: object, method: string): (...args: unknown[]) => unknown {
  for (let at: object | null = implementation; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    const own: unknown = Object.getOwnPropertyDescriptor(at, method)?.value;
    if (own !== undefined) {
      if (typeof own === "function" && method !== "constructor") return own as (...args: unknown[]) => unknown;
      break;
    }
  }
  throw new AstraError("EINVAL", `there is no method "${method.slice(0, 100)}"`);
}

function isCall(call: unknown): call is Call {
  const { method, args, answer: answers } = (call ?? {}) as Partial<Record<keyof Call, unknown>>;
  return typeof method === "string" && Array.isArray(args) && typeof (answers as Partial<Sender> | undefined)?.send === "function";
}
