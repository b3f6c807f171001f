import { IN_DATA, IN_OLD } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";

/** Bytes a stream may send before the next of its class has its turn; more where the sender says so. */
export const QUANTUM = 16_384;

/** A list of streams, linked by their `_next`. */
export interface List {
  head: Stream | undefined;
  tail: Stream | undefined;
}

/**
 * Whose bytes go next: the most urgent class first; within it, deficit round robin over two lists as in fq_codel (RFC 8290):
 * streams newly active come first, for one quantum, then they queue with the others.
 */
export class Scheduler {
  /** Streams in the lists. */
  active = 0;
  /** Bytes queued by the streams in the lists. */
  backlog = 0;
  /** The quantum of now. */
  quantum: number = QUANTUM;
  readonly #fresh: List[] = lists();
  readonly #old: List[] = lists();
  #classes = 0;
  /** Streams in the lists have changed their urgency. */
  #isMixed = false;

  /** Changes the urgency of a stream, in the lists or not. */
  setUrgency(stream: Stream, urgency: number): void {
    stream._urgency = urgency;
    // Sorted with the next turn, all at once: a peer may change as many as it likes.
    if ((stream._state & IN_DATA) !== 0) this.#isMixed = true;
  }

  /** Adds a stream that has bytes and a window. One that is in already stays where it is. */
  add(stream: Stream): void {
    if ((stream._state & IN_DATA) !== 0) return;
    stream._state = (stream._state | IN_DATA) & ~IN_OLD;
    stream._deficit = this.quantum;
    this.active++;
    this.backlog += stream.writableLength;
    append(this.#fresh[stream.urgency] as List, stream);
    this.#classes |= 1 << stream.urgency;
  }

  /** The stream whose turn it is, or undefined. It stays at the head until `rotate` or `settle`. */
  next(): Stream | undefined {
    if (this.#isMixed) this.#sort();
    while (this.#classes !== 0) {
      const urgency = 31 - Math.clz32(this.#classes & -this.#classes);
      const stream = (this.#fresh[urgency] as List).head ?? (this.#old[urgency] as List).head;
      if (stream !== undefined) return stream;
      this.#classes &= ~(1 << urgency);
    }
    return undefined;
  }

  /** Ends the turn of the stream that `next` gave. */
  rotate(stream: Stream): void {
    this.#shift(stream);
    stream._state |= IN_OLD;
    append(this.#old[stream.urgency] as List, stream);
  }

  /**
   * The stream that `next` gave cannot send. One that sent all it had and is in the fresh list goes through the old one first, or small
   * senders would starve big ones; one that lacks credit leaves at once, for its bytes are nobody's backlog.
   */
  settle(stream: Stream): void {
    if (stream.writableLength === 0 && (stream._state & IN_OLD) === 0 && (this.#old[stream.urgency] as List).head !== undefined) this.rotate(stream);
    else this.#remove(stream);
  }

  #remove(stream: Stream): void {
    this.#shift(stream);
    stream._state &= ~(IN_DATA | IN_OLD);
    this.active--;
    this.backlog -= stream.writableLength;
  }

  /** Streams whose urgency changed while they were queued join their new classes. */
  #sort(): void {
    this.#isMixed = false;
    const moved: Stream[] = [];
    for (const lists of [this.#fresh, this.#old])
      lists.forEach((list, urgency) => {
        let stream = list.head;
        list.head = list.tail = undefined;
        while (stream !== undefined) {
          const next: Stream | undefined = stream._next;
          stream._next = undefined;
          if (stream.urgency === urgency) append(list, stream);
          else moved.push(stream);
          stream = next;
        }
      });
    for (const stream of moved) {
      stream._state &= ~IN_OLD;
      append(this.#fresh[stream.urgency] as List, stream);
      this.#classes |= 1 << stream.urgency;
    }
  }

  #shift(stream: Stream): void {
    shift(((stream._state & IN_OLD) !== 0 ? this.#old : this.#fresh)[stream.urgency] as List);
  }
}

export function append(list: List, stream: Stream): void {
  if (list.tail === undefined) list.head = stream;
  else list.tail._next = stream;
  list.tail = stream;
}

/** Takes out the first stream of a list that is not empty. */
export function shift(list: List): Stream {
  const stream = list.head as Stream;
  list.head = stream._next;
  if (list.head === undefined) list.tail = undefined;
  stream._next = undefined;
  return stream;
}

function lists(): List[] {
  return Array.from({ length: 8 }, () => ({ head: undefined, tail: undefined }));
}
