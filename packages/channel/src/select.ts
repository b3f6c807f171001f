import { AstraError } from "@astranet/transport";
import { handled, ignore, onAbort, rejected } from "./promises.ts";
import { Choice, type Putter, type Taker } from "./queue/choice.ts";
import type { Item } from "./queue/item.ts";
import { broken, type MessageQueue } from "./queue/message-queue.ts";
import { Receiver } from "./receiver.ts";
import { owned, type Abortable, type Sender } from "./sender.ts";

/** A message to send, as a case of `select`. */
export class Sending {
  readonly sender: Sender;
  readonly message: unknown;

  /** @internal */
  constructor(sender: Sender, message: unknown) {
    this.sender = sender;
    this.message = message;
  }
}

/** A case of `select`: `message` is sent if this case is chosen, and stays the caller's if it is not. */
export function sending<T>(sender: Sender<T>, message: T): Sending {
  return new Sending(sender as Sender, message);
}

/** What `select` may choose from, under names of the caller's: a Receiver, or what `sending` makes. Undefined: not this time (Go's nil channel). */
export type Cases = Readonly<Record<string, Receiver<never> | Receiver | Sending | undefined>>;

/** What was chosen: `case` is its name. Of a Receiver there is a `message`, or the end (`done`). */
export type Selected<C extends Cases> = { [K in keyof C & string]-?: SelectedOf<K, C[K]> }[keyof C & string];

/** Of one case, or of each that it may be. */
type SelectedOf<K, V> = V extends Receiver<infer T> ? { readonly case: K; readonly done: false; readonly message: T } | { readonly case: K; readonly done: true; readonly message?: undefined } : V extends Sending ? { readonly case: K } : never;

/** What `select` takes besides the cases. */
export interface SelectOptions extends Abortable {
  /** False: does not wait, and resolves with undefined where nothing can happen now (Go's `default`). Default true. */
  readonly wait?: boolean;
}

/**
 * Waits until one of several things can happen, lets exactly that happen, and says which: a message received, a channel's end, or a message sent. Where several can,
 * each has its turn, so that a busy channel does not keep the others waiting. (Go's select.)
 *
 * Rejects with what broke a channel of a case, EPIPE where the receiver of a sender cancelled, EINVAL for no cases or what is none, as `send` does for its message, and with
 * `signal.reason`; then nothing was received or sent.
 */
export function select<const C extends Cases>(cases: C, options: SelectOptions & { readonly wait: false }): Promise<Selected<C> | undefined>;
export function select<const C extends Cases>(cases: C, options?: SelectOptions): Promise<Selected<C>>;
export function select(cases: Cases, options: SelectOptions = {}): Promise<unknown> {
  const { signal, wait = true } = options;
  if (signal?.aborted === true) return rejected(signal.reason);
  try {
    const all = inTurn(Object.entries(cases).flatMap(([name, each]) => (each === undefined ? [] : [caseOf(name, each)])));
    if (all.length === 0) throw new AstraError("EINVAL", "select needs at least one case");
    for (const each of all) {
      const chosen = each.now();
      if (chosen !== undefined) return Promise.resolve(chosen);
    }
    return wait ? waitFor(all, signal) : Promise.resolve(undefined);
  } catch (error) {
    return rejected(error);
  }
}

let turns = 0;

/** Begins with another one each time. Scattered, so that two loops that take turns do not each begin with the same one always. */
function inTurn<T>(all: T[]): T[] {
  turns = (turns + 1) >>> 0;
  const first = all.length === 0 ? 0 : (Math.imul(turns, 0x9e_37_79_b1) >>> 8) % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

interface Case {
  /** Does it, where it can happen now. */
  now(): object | undefined;
  /** Waits for it as one of a choice; gives what ends the waiting. */
  wait(choice: Choice, chosen: (what: object) => void, failed: (error: unknown) => void): () => void;
}

function caseOf(name: string, value: unknown): Case {
  if (value instanceof Receiver) return new ReceiveCase(name, value, owned(value));
  if (value instanceof Sending) return new SendCase(name, owned(value.sender), value.message);
  throw new AstraError("EINVAL", `case "${name}" of select is neither a Receiver nor made by sending()`);
}

function waitFor(all: readonly Case[], signal: AbortSignal | undefined): Promise<object> {
  const waiting = new Promise<object>((resolve, reject) => {
    const choice = new Choice();
    const ends: (() => void)[] = [];
    const over = (): void => {
      choice.settled = true;
      for (const end of ends) end();
    };
    ends.push(
      onAbort(signal, (reason) => {
        over();
        reject(reason);
      }),
    );
    for (const each of all) {
      if (choice.settled) break;
      ends.push(
        each.wait(
          choice,
          (what) => {
            over();
            resolve(what);
          },
          (error) => {
            over();
            reject(error);
          },
        ),
      );
    }
    // Settled while they were told to wait: the last of them is not through with it.
    if (choice.settled) over();
  });
  return handled(waiting);
}

class ReceiveCase implements Case {
  readonly #name: string;
  readonly #receiver: Receiver;
  readonly #queue: MessageQueue;

  constructor(name: string, receiver: Receiver, queue: MessageQueue) {
    this.#name = name;
    this.#receiver = receiver;
    this.#queue = queue;
  }

  now(): object | undefined {
    const now = this.#receiver.tryReceive();
    return now && this.#chosen(now);
  }

  wait(choice: Choice, chosen: (what: object) => void, failed: (error: unknown) => void): () => void {
    const taker: Taker = {
      choice,
      take: (item) => {
        try {
          chosen(this.#chosen({ done: false, value: item.open() }));
        } catch (error) {
          failed(error);
        }
      },
      over: (failure) => {
        if (failure === undefined) chosen(this.#chosen({ done: true, value: undefined }));
        else failed(broken(failure));
      },
    };
    this.#queue.await(taker);
    return () => this.#queue.dismiss(taker);
  }

  #chosen({ done, value }: IteratorResult<unknown, undefined>): object {
    return { case: this.#name, done, message: value };
  }
}

class SendCase implements Case {
  readonly #name: string;
  readonly #queue: MessageQueue;
  readonly #message: unknown;

  constructor(name: string, queue: MessageQueue, message: unknown) {
    this.#name = name;
    this.#queue = queue;
    this.#message = message;
  }

  now(): object | undefined {
    return this.#queue.tryPut(this.#message) ? { case: this.#name } : undefined;
  }

  wait(choice: Choice, chosen: (what: object) => void, failed: (error: unknown) => void): () => void {
    let item: Item;
    try {
      item = this.#queue.pack(this.#message);
    } catch (error) {
      failed(error);
      return ignore;
    }
    let isTaken = false;
    const putter: Putter = {
      choice,
      item,
      taken: () => {
        isTaken = true;
        chosen({ case: this.#name });
      },
      failed: (error) => {
        isTaken = true;
        failed(error);
      },
    };
    this.#queue.wait(putter);
    return () => {
      if (isTaken) return;
      isTaken = true;
      this.#queue.withdraw(putter);
      item.restore();
    };
  }
}
