import type { Stream } from "@astranet/mux";
import { dropped } from "../message/travelling.ts";
import { resetFor, whenTaken } from "./reset-codes.ts";

/** A STOP with a code from here on says how many messages came before it, modulo as many as there are codes. */
const FIRST_COUNT = 0x1_0000;
const COUNTS = 0x1_0000_0000 - FIRST_COUNT;

/** The code of a STOP of who has had `messages`. */
export function stopCode(messages: number): number {
  return FIRST_COUNT + (messages % COUNTS);
}

/**
 * The streams of ends in messages that went out over one stream, until they are over. Where their messages do not arrive, nobody at the other end knows of them: they are broken from here.
 */
export class SentEnds {
  readonly #stream: Stream;
  /** Most channels carry none. */
  #ends: Map<Stream, { readonly message: number; readonly until: number }> | undefined;
  #messages = 0;
  #bytes = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** A message of that many bytes was written, with these streams. */
  wrote(bytes: number, streams: readonly Stream[]): void {
    this.#messages += 1;
    this.#bytes += bytes;
    for (const stream of streams) {
      const ends = (this.#ends ??= new Map());
      ends.set(stream, { message: this.#messages, until: this.#bytes });
      const forget = (): void => void ends.delete(stream);
      stream.closed.then(forget, forget);
    }
  }

  /** What is not framed yet will not be. */
  cut(): void {
    const framed = this.#bytes - this.#stream.writableLength;
    this.#drop(({ until }) => until > framed);
  }

  /** The peer may have said how many messages it had. */
  stopped(): void {
    const { stoppedWith: code = 0 } = this.#stream;
    if (code < FIRST_COUNT) return;
    // Fewer are on their way than there are codes.
    const missed = (this.#messages - (code - FIRST_COUNT) + COUNTS) % COUNTS;
    this.#drop(({ message }) => message > this.#messages - missed);
  }

  /** The peer has had none. */
  refused(): void {
    this.#drop(() => true);
  }

  #drop(isLost: (end: { readonly message: number; readonly until: number }) => boolean): void {
    for (const [stream, end] of this.#ends ?? []) if (isLost(end)) whenTaken(stream, () => resetFor(stream, dropped()));
  }
}
