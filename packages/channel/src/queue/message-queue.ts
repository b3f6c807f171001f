import { AstraError, type AstraErrorCode } from "@astranet/transport";
import { Deferred, done, ignore } from "../promises.ts";
import type { Choice, Failure, Putter, Taker } from "./choice.ts";
import type { Consumer } from "./consumer.ts";
import { Fifo } from "./fifo.ts";
import type { Item } from "./item.ts";

/**
 * What is between the two ends of a channel: up to `capacity` messages that nobody has taken, who waits to take one, and who waits for a place.
 * At capacity 0 a message changes hands when both are there (a rendezvous, as with Go's unbuffered channels).
 * Either end may be elsewhere: then a {@link Consumer} takes what is put in, or somebody pushes what comes from there.
 */
export class MessageQueue {
  readonly pack: (message: unknown) => Item;
  readonly #capacity: number;
  readonly #items = new Fifo<Item>();
  readonly #takers = new Fifo<Taker>();
  readonly #putters = new Fifo<Putter>();
  #consumer: Consumer | undefined;
  /** The consumer has no room. */
  #busy = false;
  /** The sender's last word. One who has closed may still give up. */
  #over: { readonly failure: Failure | undefined } | undefined;
  /** The one that the consumer has heard. */
  #told: { readonly failure: Failure | undefined } | undefined;
  /** The receiver's. */
  #cancelled: Failure | undefined;
  #closed: Deferred<void> | undefined;
  #gone: AbortSignal | undefined;
  /** When the sender's last word is on its way. */
  #farewell: Deferred<void> | undefined;
  #oncancel: ((reason: unknown) => void) | undefined;

  /** `pack` makes a message ready to wait here, or to be taken in this process. */
  constructor(capacity: number, pack: (message: unknown) => Item) {
    this.#capacity = capacity;
    this.pack = pack;
  }

  /** Messages come from elsewhere, and `oncancel` hears it when no more are wanted. */
  fedBy(oncancel: (reason: unknown) => void): void {
    if (this.#cancelled === undefined) this.#oncancel = oncancel;
    else oncancel(this.#cancelled.reason);
  }

  /** Why nothing can be put in; undefined where it can. */
  get refusal(): AstraError | undefined {
    const failure = this.#over?.failure;
    // What its own side has said comes first, whatever the other one says of it later.
    if (this.#over !== undefined && failure === undefined) return new AstraError("ERR_ASTRANET_INVALID_STATE", "the sender is closed");
    if (this.#cancelled !== undefined) return unwanted(this.#cancelled);
    return failure && broken(failure);
  }

  /** Whether a message can be put in without patience. Throws where a consumer will never take one. */
  get #isReady(): boolean {
    if (this.#consumer !== undefined) return !this.#busy && this.#items.length === 0 && this.#putters.length === 0 && this.#consumer.isReady;
    return this.#items.length < this.#capacity || firstFor(this.#takers, undefined) !== undefined;
  }

  /** Whether somebody waits for a message. */
  get hasTaker(): boolean {
    return this.#takers.length > 0;
  }

  /** Puts a message in if that needs no patience, and says whether it did. Throws where nothing can be put in, or not this message. */
  tryPut(message: unknown): boolean {
    const { refusal } = this;
    if (refusal !== undefined) throw refusal;
    if (!this.#isReady) return false;
    // What a consumer takes at once need not be packed.
    if (this.#consumer !== undefined) this.#consumer.take(message);
    else this.#put(this.pack(message));
    return true;
  }

  #put(item: Item): void {
    const taker = next(this.#takers);
    if (taker !== undefined) taker.take(item);
    else this.push(item);
  }

  /** Puts a message in whatever the capacity is: what comes from elsewhere is bounded there. */
  push(item: Item): void {
    if (this.#cancelled !== undefined) {
      item.discard();
      return;
    }
    // What its former owner is sending over a Sender that was handed over comes first.
    if (this.#putters.length > 0) this.#putters.push({ choice: undefined, item, taken: ignore, failed: ignore });
    else this.#items.push(item);
    this.#move();
  }

  /** Waits for a place. */
  wait(putter: Putter): void {
    this.#putters.push(putter);
    this.#move();
  }

  withdraw(putter: Putter): void {
    this.#putters.delete(putter);
    this.#move();
  }

  /** The next message, if there is one now. */
  tryTake(): Item | undefined {
    const item = this.#items.shift() ?? this.#takeFromPutter();
    if (item === undefined) return undefined;
    this.#move();
    return item;
  }

  /** Whether no message will come any more, and how that came. */
  get over(): { readonly failure: Failure | undefined } | undefined {
    if (this.#cancelled !== undefined) return { failure: undefined };
    return this.#items.length === 0 && this.#putters.length === 0 ? this.#over : undefined;
  }

  /** Waits for a message, where there is none now. */
  await(taker: Taker): void {
    this.#takers.push(taker);
    this.#move();
  }

  dismiss(taker: Taker): void {
    this.#takers.delete(taker);
  }

  /** The receiving end is somebody else's from now on: who waits for a message does so in vain. */
  handOver(): void {
    const failure: Failure = { reason: handedOver(), broke: true };
    for (const taker of this.#takers.drain()) if (claim(taker.choice)) taker.over(failure);
  }

  /** From now on `consumer` takes everything. */
  attach(consumer: Consumer): void {
    this.handOver();
    this.#consumer = consumer;
    if (this.#cancelled === undefined) this.#move();
    else consumer.fail(this.#cancelled.reason);
  }

  /** No message follows. Resolves when that is on its way. */
  end(): Promise<void> {
    if (this.#over === undefined && this.#cancelled === undefined) {
      this.#over = { failure: undefined };
      this.#move();
    }
    if (this.#consumer === undefined || this.#cancelled !== undefined) return done;
    return (this.#farewell ??= new Deferred()).promise;
  }

  /** The sender gives up: no message follows, and those that wait are dropped. */
  abort(reason: unknown): void {
    this.#fail({ reason, broke: false }, false);
  }

  /** What messages come from broke. `keep`: those that wait are still to be taken. */
  fail(error: unknown, { keep = false }: { readonly keep?: boolean } = {}): void {
    this.#fail({ reason: error, broke: true }, keep);
  }

  #fail(failure: Failure, keep: boolean): void {
    if (this.#isThrough || this.#over?.failure !== undefined) return;
    this.#over = { failure };
    if (!keep) {
      for (const item of this.#items.drain()) item.discard();
      for (const putter of this.#putters.drain()) giveBack(putter, broken(failure));
    }
    this.#move();
  }

  /** The receiver wants no more; messages that wait are dropped. */
  cancel(reason?: unknown): void {
    this.#refuse({ reason, broke: false });
  }

  /** The same, where what messages go to broke. */
  lose(error: unknown): void {
    this.#refuse({ reason: error, broke: true });
  }

  #refuse(cancelled: Failure): void {
    if (this.#cancelled !== undefined) return;
    const isOver = this.over !== undefined;
    this.#cancelled = cancelled;
    if (!isOver) this.#oncancel?.(cancelled.reason);
    for (const item of this.#items.drain()) item.discard();
    for (const putter of this.#putters.drain()) giveBack(putter, unwanted(cancelled));
    for (const taker of this.#takers.drain()) if (claim(taker.choice)) taker.over(undefined);
    settle(this.#farewell, cancelled);
    this.#settle();
  }

  /** Resolves when nothing passes any more, and nothing waits; rejects with what broke it. Marked as handled. */
  get closed(): Promise<void> {
    this.#closed ??= new Deferred();
    this.#settle();
    return this.#closed.promise;
  }

  /** Aborted once {@link closed} has settled, for who waits for something else meanwhile. One for all of them: what waits for a promise cannot be taken back. */
  get gone(): AbortSignal {
    if (this.#gone === undefined) {
      const abort = new AbortController();
      const goes = (): void => abort.abort();
      this.closed.then(goes, goes);
      this.#gone = abort.signal;
    }
    return this.#gone;
  }

  /** Moves what can be moved: to the consumer, or to those who wait. */
  #move(): void {
    if (this.#consumer !== undefined) this.#feed(this.#consumer);
    else this.#serve();
    this.#settle();
  }

  #serve(): void {
    while (this.#takers.length > 0) {
      if (this.#items.length > 0) {
        const taker = next(this.#takers);
        if (taker === undefined) break;
        taker.take(this.#items.shift()!);
      } else if (!this.#meet()) break;
    }
    this.#refill();
    if (this.over === undefined) return;
    for (const taker of this.#takers.drain()) if (claim(taker.choice)) taker.over(this.over.failure);
  }

  /** Brings a taker and a putter together, of which neither waits for its own choice. */
  #meet(): boolean {
    for (const taker of this.#takers) {
      if (taker.choice?.settled === true) continue;
      const putter = next(this.#putters, taker.choice);
      if (putter === undefined) continue;
      this.#takers.delete(taker);
      claim(taker.choice);
      putter.taken();
      taker.take(putter.item);
      return true;
    }
    return false;
  }

  #refill(): void {
    while (this.#items.length < this.#capacity) {
      const item = this.#takeFromPutter();
      if (item === undefined) return;
      this.#items.push(item);
    }
  }

  #takeFromPutter(): Item | undefined {
    const putter = next(this.#putters);
    putter?.taken();
    return putter?.item;
  }

  #feed(consumer: Consumer): void {
    while (this.#cancelled === undefined) {
      // The last word needs no room: a receiver that takes nothing hears that the sender gave up.
      if (this.#items.length === 0 && this.#putters.length === 0) {
        this.#conclude(consumer);
        return;
      }
      if (this.#busy) return;
      if (!hasRoom(consumer)) {
        this.#waitForRoom(consumer);
        return;
      }
      const putter = this.#items.length === 0 ? next(this.#putters) : undefined;
      const item = this.#items.shift() ?? putter?.item;
      if (item === undefined) continue;
      try {
        consumer.take(item.open());
        putter?.taken();
      } catch (error) {
        if (putter === undefined) {
          // Its send has resolved: what follows must not come without it.
          item.discard();
          consumer.fail(error);
          this.lose(error);
        } else {
          putter.item.restore();
          putter.failed(error);
        }
      }
    }
  }

  #waitForRoom(consumer: Consumer): void {
    this.#busy = true;
    consumer.ready().then(
      () => {
        this.#busy = false;
        this.#move();
      },
      (error: unknown) => {
        this.#busy = false;
        this.lose(error);
      },
    );
  }

  /** Tells the consumer the sender's last word, once. */
  #conclude(consumer: Consumer): void {
    if (this.#over === undefined || this.#told === this.#over) return;
    this.#told = this.#over;
    const { failure } = this.#over;
    const farewell = (this.#farewell ??= new Deferred());
    if (failure === undefined) {
      consumer.end().then(farewell.resolve, farewell.reject);
      this.#settle();
    } else {
      consumer.fail(failure.reason);
      farewell.resolve();
    }
  }

  #settle(): void {
    if (this.#closed === undefined) return;
    const failure = this.#over?.failure;
    if (failure !== undefined) this.#closed.reject(broken(failure));
    else if (this.#isThrough) settle(this.#closed, this.#cancelled);
    else if (this.#told !== undefined) this.#farewell!.promise.then(this.#closed.resolve, this.#closed.reject);
  }

  /** Whether nothing passes any more and nothing waits, here or with the consumer. */
  get #isThrough(): boolean {
    return this.#cancelled !== undefined || (this.over !== undefined && this.#consumer === undefined);
  }
}

/** Whether a consumer has room; one that never will says why when it is asked to wait. */
function hasRoom(consumer: Consumer): boolean {
  try {
    return consumer.isReady;
  } catch {
    return false;
  }
}

/** The first that is not void, and that may happen together with something of `choice`. It has won, and is taken out. */
function next<T extends Taker | Putter>(waiting: Fifo<T>, choice?: Choice): T | undefined {
  const each = firstFor(waiting, choice);
  if (each === undefined) return undefined;
  waiting.delete(each);
  claim(each.choice);
  return each;
}

/** The first that may happen together with something of `choice`: mostly the first of all. */
function firstFor<T extends Taker | Putter>(waiting: Fifo<T>, choice: Choice | undefined): T | undefined {
  const { first } = waiting;
  if (first === undefined || mayMeet(first.choice, choice)) return first;
  for (const each of waiting) if (mayMeet(each.choice, choice)) return each;
  return undefined;
}

/** What is chosen between cannot happen with itself. */
function mayMeet(waiting: Choice | undefined, other: Choice | undefined): boolean {
  return waiting === undefined || (!waiting.settled && waiting !== other);
}

function claim(choice: Choice | undefined): boolean {
  if (choice === undefined) return true;
  if (choice.settled) return false;
  choice.settled = true;
  return true;
}

function giveBack(putter: Putter, error: AstraError): void {
  if (!claim(putter.choice)) return;
  putter.item.restore();
  putter.failed(error);
}

/** What an end says that its owner has sent away. */
export function handedOver(): AstraError {
  return new AstraError("ERR_ASTRANET_INVALID_STATE", "this end of the channel was sent to somebody else, who owns it now");
}

/** What a send says when the receiver has cancelled, or is gone. */
function unwanted(failure: Failure): AstraError {
  return errorOf(failure, "EPIPE", "nobody receives any more");
}

/** What a receive says when the sender gave up, or is gone. */
export function broken(failure: Failure): AstraError {
  return errorOf(failure, "ECONNRESET", "the sender gave up");
}

function errorOf({ reason, broke }: Failure, code: AstraErrorCode, text: string): AstraError {
  if (broke && AstraError.is(reason)) return reason;
  return new AstraError(code, text, reason === undefined ? {} : { cause: reason });
}

/** Tells whoever waits for the end. That the receiver wished it is no failure. */
function settle(deferred: Deferred<void> | undefined, cancelled: Failure | undefined): void {
  const error = cancelled === undefined ? undefined : unwanted(cancelled);
  if (error === undefined || error.code === "EPIPE") deferred?.resolve();
  else deferred?.reject(error);
}
