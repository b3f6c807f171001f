import { Receiver } from "../receiver.ts";
import { Sender } from "../sender.ts";
import { isOwned, MovedReadable, MovedWritable } from "./byte-streams.ts";
import { BytePair } from "./byte-pair.ts";
import type { DuplexBytes, End, EndKind } from "./kinds.ts";
import { dropped, type Travelling } from "./travelling.ts";
import { Unsupported } from "./unsupported.ts";

/** Makes an end ready to be handed over. Throws {@link Unsupported} where it is not its owner's any more. */
export function toMove(end: End, kind: EndKind): Travelling {
  checkOwned(end, kind);
  switch (kind) {
    case "sender":
      return new MovedSender(end as Sender);
    case "receiver":
      return new MovedReceiver(end as Receiver);
    case "readable":
      return new MovedReadable(end as ReadableStream<Uint8Array>);
    case "writable":
      return new MovedWritable(end as WritableStream<Uint8Array>);
    case "duplex":
      return new MovedPair(end as DuplexBytes);
  }
}

/** Throws {@link Unsupported} where an end is not its owner's any more. */
export function checkOwned(end: End, kind: EndKind): void {
  if (kind === "sender" || kind === "receiver") {
    if ((end as Sender | Receiver)._queue === undefined) throw new Unsupported(end, "was sent to somebody else, who owns it now", "ERR_ASTRANET_INVALID_STATE");
  } else if (!isOwned(end as ReadableStream | WritableStream | DuplexBytes)) throw new Unsupported(end, "is locked: somebody reads or writes it, or it was sent to somebody else", "ERR_ASTRANET_INVALID_STATE");
}

class MovedSender implements Travelling {
  readonly fresh: Sender = new Sender(undefined);
  readonly #first: Sender;

  constructor(first: Sender) {
    this.#first = first;
  }

  move(): void {
    this.fresh._queue = this.#first._queue;
    this.#first._queue = undefined;
  }

  restore(): void {
    this.#first._queue = this.fresh._queue;
    this.fresh._queue = undefined;
  }

  discard(): void {
    this.fresh.abort(dropped());
  }
}

class MovedReceiver implements Travelling {
  readonly fresh: Receiver = new Receiver(undefined);
  readonly #first: Receiver;

  constructor(first: Receiver) {
    this.#first = first;
  }

  move(): void {
    this.fresh._queue = this.#first._queue;
    this.#first._queue = undefined;
  }

  restore(): void {
    this.#first._queue = this.fresh._queue;
    this.fresh._queue = undefined;
  }

  discard(): void {
    this.fresh.cancel(dropped());
  }
}

class MovedPair implements Travelling {
  readonly fresh: BytePair;
  readonly #both: readonly [MovedReadable, MovedWritable];

  constructor({ readable, writable }: DuplexBytes) {
    this.#both = [new MovedReadable(readable), new MovedWritable(writable)];
    this.fresh = new BytePair(this.#both[0].fresh, this.#both[1].fresh);
  }

  move(): void {
    for (const each of this.#both) each.move();
  }

  restore(): void {
    for (const each of this.#both) each.restore();
  }

  discard(): void {
    for (const each of this.#both) each.discard();
  }
}
