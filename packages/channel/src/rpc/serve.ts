import { AstraError } from "@astranet/transport";
import { discard } from "../discard.ts";
import { errorOf, fieldsOf } from "../message/errors.ts";
import { ignore, onAbort } from "../promises.ts";
import { Receiver } from "../receiver.ts";
import { owned, Sender } from "../sender.ts";
import { isAsyncIterable, isStream, type Answer, type Call } from "./call.ts";
import { eachItem } from "./each-item.ts";
import { Results } from "./results.ts";
import type { CallContext, Implementation } from "./types.ts";

/** What `serve` takes. */
export interface ServeOptions {
  /** Calls under way at once. Default 1,024. Beyond: the next one waits, and with it its sender. */
  readonly maxCalls?: number;
}

/**
 * Answers the calls that come over a channel with the methods of `implementation`, many at once. A method gets exactly the arguments of its call. Who wants to know whether the caller still waits gives a
 * function instead: it is called once for each call, with its context, and gives the implementation of that call.
 *
 * Resolves when the channel has ended and every call was answered. Rejects with what broke it, once the methods that run have been told (their signals) and are through: that has to be handled. Rejects
 * with EINVAL where `calls` is no Receiver, `implementation` neither an object nor a function, or an option wrong.
 *
 * A method may return a value, a promise or an AsyncIterable. What it returns directly and is an AsyncIterable is its stream of results. What a promise gives is its one result, so that a Receiver or a
 * byte stream in it is handed over; only an AsyncIterable that is neither is a stream of results there too. What the method throws is sent to the caller, and so is what that function throws. A method that
 * is not there is answered with EINVAL. Only own methods and those of the classes of `implementation` can be called, never those of Object.
 */
export function serve<S = object>(calls: Receiver<Call>, implementation: NoInfer<(context: CallContext) => Implementation<S> & object>, options?: ServeOptions): Promise<void>;
// Not as one signature with a union: functions have methods too, and `call` and `bind` of a service would be taken for those.
// eslint-disable-next-line @typescript-eslint/unified-signatures
export function serve<S = object>(calls: Receiver<Call>, implementation: NoInfer<Implementation<S> & object>, options?: ServeOptions): Promise<void>;
export async function serve(calls: Receiver<Call>, implementation: Service, options: ServeOptions = {}): Promise<void> {
  const { maxCalls = 1024 } = options;
  if (!((calls as unknown) instanceof Receiver)) throw new AstraError("EINVAL", "serve answers the calls of a Receiver, and this is none");
  if (typeof implementation !== "function") checkImplementation(implementation);
  if (!Number.isSafeInteger(maxCalls) || maxCalls < 1) throw new AstraError("EINVAL", `maxCalls must be an integer from 1 on, not ${String(maxCalls)}`);
  const running = new Set<Promise<void>>();
  const gone = new AbortController();
  // Also while the next call waits for one of them to be through.
  calls.closed.catch((error: unknown) => gone.abort(error));
  let free = ignore;
  try {
    for await (const call of calls) {
      const answered = answer(implementation, call, gone.signal);
      running.add(answered);
      void answered.finally(() => {
        running.delete(answered);
        free();
      });
      // No race of their promises: the one that takes longest would remember each.
      if (running.size >= maxCalls) await new Promise<void>((resolve) => (free = resolve));
    }
  } catch (error) {
    gone.abort(error);
    throw error;
  } finally {
    await Promise.all(running);
  }
}

/** Characters of an error that is too long to be sent. */
const shortText = 1000;

type Service = object | ((context: CallContext) => object);

function checkImplementation(implementation: unknown): void {
  if (typeof implementation !== "object" || implementation === null) throw new AstraError("EINVAL", `the implementation of a service must be an object, or a function that gives one, not ${String(implementation)}`);
}

async function answer(service: Service, call: Call, gone: AbortSignal): Promise<void> {
  if (!isCall(call)) {
    discard(call);
    return;
  }
  const { method, args, answer: answers } = call;
  if (owned(answers).refusal !== undefined) {
    // Its caller has given up already: nobody would hear of a method that waits to be told so.
    discard(args);
    return;
  }
  const waiting = typeof service === "function" ? new CallerWaits(answers, gone) : undefined;
  const send = async (given: Answer): Promise<void> => {
    try {
      await answers.send(given);
    } catch (error) {
      // Nobody will have what is in it.
      discard(given);
      throw error;
    }
  };
  let isCalled = false;
  try {
    const implementation = waiting === undefined ? service : (service as (context: CallContext) => object)(waiting.context);
    const found = methodOf(implementation, method);
    isCalled = true;
    const returned = Reflect.apply(found, implementation, args);
    // Of another service, called here, it is known when the first of them comes.
    const streams = returned instanceof Results ? await returned._isStream() : isAsyncIterable(returned);
    const result = streams ? returned : await returned;
    const hasStream = streams || isStream(result);
    if (hasStream) await eachItem(result as AsyncIterable<unknown>, answers, (item) => send({ item }));
    waiting?.over();
    await send(hasStream ? { done: true } : { value: result });
    await answers.close();
  } catch (error) {
    waiting?.over();
    if (!isCalled) discard(args);
    await refuse(answers, error);
  }
}

/** The signal of one call. Most methods do not look at it, and those whose caller waits to the end never hear of it: so it is made when it is asked for. */
class CallerWaits {
  readonly context: CallContext;
  readonly #answers: Sender<Answer>;
  readonly #gone: AbortSignal;
  #abort: AbortController | undefined;
  #isOver = false;
  #stopListening: (() => void) | undefined;

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
    this.#stopListening?.();
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
    else if (owned(this.#answers).refusal !== undefined) cancel();
    else {
      this.#stopListening = onAbort(this.#gone, (reason) => abort.abort(reason));
      this.#answers.closed.then(cancel, cancel);
    }
    return abort.signal;
  }
}

/** Says why there is no result; where not even that can be sent, the caller hears that the channel broke. */
async function refuse(answers: Sender<Answer>, thrown: unknown): Promise<void> {
  try {
    const error = asError(thrown);
    await answers.send({ error }).catch((unsent: unknown) => answers.send({ error: inShort(error, unsent) }));
    await answers.close();
  } catch (unsent) {
    answers.abort(unsent);
  }
}

function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return typeof thrown === "object" && thrown !== null ? new Error("the method threw an object that is no Error: see the cause", { cause: thrown }) : new Error(String(thrown));
}

/** What can be sent of an error that cannot: without its cause, which says why instead. */
function inShort(error: Error, unsent: unknown): Error {
  const fields = fieldsOf(error);
  return errorOf({ ...fields, name: fields.name.slice(0, shortText), message: fields.message.slice(0, shortText), cause: unsent, errors: undefined });
}

function methodOf(implementation: object, method: string): (...args: unknown[]) => unknown {
  checkImplementation(implementation);
  for (let at: object | null = implementation; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    const own = Object.getOwnPropertyDescriptor(at, method);
    if (own === undefined) continue;
    if (typeof own.value === "function" && method !== "constructor") return own.value as (...args: unknown[]) => unknown;
    break;
  }
  throw new AstraError("EINVAL", `there is no method "${method.slice(0, 100)}"`);
}

function isCall(call: unknown): call is Call {
  const { method, args, answer: answers } = (call ?? {}) as Partial<Record<keyof Call, unknown>>;
  return typeof method === "string" && Array.isArray(args) && answers instanceof Sender;
}
