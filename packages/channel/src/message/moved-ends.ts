import { Receiver } from "../receiver.ts";
import { Sender } from "../sender.ts";
import { MovedReadable, MovedWritable } from "./byte-streams.ts";
import { BytePair } from "./byte-pair.ts";
import type { DuplexBytes, End, EndKind } from "./kinds.ts";
import { dropped, type Travelling } from "./travelling.ts";
import { Unsupported } from "./unsupported.ts";

/** Makes an end ready to be handed over. Throws {@link Unsupported} where it is not its owner's any more. */
export function toMove(end: End, kind: EndKind): Travelling {
  checkOwned(end, kind);
  switch (kind) {
    case "sender":
      return new MovedEnd(end as Sender, new Sender(undefined), (sender) => sender._queue?.fail(dropped()));
    case "receiver":
      return new MovedEnd(end as Receiver, new Receiver(undefined), (receiver) => receiver._queue?.lose(dropped()));
    case "readable":
      return new MovedReadable(end as ReadableStream<Uint8Array>);
    case "writable":
      return new MovedWritable(end as WritableStream<Uint8Array>);
    case "duplex":
      return new MovedPair(end as DuplexBytes);
  }
}

/** Notes that an end is in a message. Throws {@link Unsupported} where it is already, or a stream of a pair is by itself. */
export function noteIn(seen: Set<object>, end: End, kind: EndKind): void {
  for (const part of partsOf(end, kind)) {
    if (seen.has(part)) throw new Unsupported(end, "is in the message twice");
    seen.add(part);
  }
}

/** What an end takes with it: of a pair its two streams. */
function partsOf(end: End, kind: EndKind): readonly object[] {
  return kind === "duplex" ? [(end as DuplexBytes).readable, (end as DuplexBytes).writable] : [end];
}

/** Throws {@link Unsupported} where an end is not its owner's any more. */
export function checkOwned(end: End, kind: EndKind): void {
  if (kind === "sender" || kind === "receiver") {
    if ((end as Sender | Receiver)._queue === undefined) throw new Unsupported(end, "was sent to somebody else, who owns it now", "ERR_ASTRANET_INVALID_STATE");
  } else if (partsOf(end, kind).some((part) => (part as ReadableStream | WritableStream).locked)) throw new Unsupported(end, "is locked: somebody reads or writes it, or it was sent to somebody else", "ERR_ASTRANET_INVALID_STATE");
}

/** An end of a channel: what moves is its queue. */
class MovedEnd<E extends Sender | Receiver> implements Travelling {
  readonly fresh: E;
  readonly #first: E;
  readonly #close: (end: E) => void;

  constructor(first: E, fresh: E, close: (end: E) => void) {
    this.#first = first;
    this.fresh = fresh;
    this.#close = close;
  }

  move(): void {
    moveQueue(this.#first, this.fresh);
    if (this.fresh instanceof Receiver) this.fresh._queue?.handOver();
  }

  restore(): void {
    moveQueue(this.fresh, this.#first);
  }

  discard(): void {
    this.#close(this.fresh);
  }
}

function moveQueue(from: Sender | Receiver, to: Sender | Receiver): void {
  to._queue = from._queue;
  from._queue = undefined;
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
