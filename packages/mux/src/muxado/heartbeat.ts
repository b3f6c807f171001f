import type { RandomSource } from "@astranet/transport";
import type { Session } from "../session/session.ts";
import type { Stream } from "../stream/stream.ts";

/** Streams of this type carry heartbeats on muxado's wire. */
export const HEARTBEAT_TYPE = 0xffff_ffff;
const LENGTH = 4;
/** Echoes that the peer does not take, in bytes. It should wait for one before it asks again. */
const MAX_UNTAKEN = 64;
const URGENCY = 0;

/** muxado's substitute for PING: four random bytes on a typed stream, which the peer echoes. */
export class Heartbeat {
  readonly #session: Session;
  readonly #random: RandomSource;
  #stream: Stream | undefined;
  #asked: Uint8Array | undefined;
  #matched = 0;

  constructor(session: Session, random: RandomSource) {
    this.#session = session;
    this.#random = random;
  }

  /** Sends four bytes; their echo is the pong. */
  ask(): void {
    this.#stream ??= this.#open();
    this.#asked = this.#random(LENGTH);
    this.#matched = 0;
    void this.#stream.write(this.#asked.slice());
    this.#session._keepAlive.sent();
  }

  #open(): Stream {
    const stream = this.#session._open(HEARTBEAT_TYPE, URGENCY);
    this.#session._heartbeats.add(stream);
    stream.attach({
      data: (chunk) => {
        stream.consume(chunk.length);
        for (const byte of chunk) {
          const asked = this.#asked;
          if (asked === undefined) return;
          this.#matched = byte === asked[this.#matched] ? this.#matched + 1 : 0;
          if (this.#matched === LENGTH) {
            this.#asked = undefined;
            this.#session._keepAlive.pong(this.#session._keepAlive.number);
          }
        }
      },
      end: () => undefined,
      reset: () => {
        this.#stream = undefined;
      },
    });
    return stream;
  }

  /** Echoes the peer's heartbeats. */
  static answer(stream: Stream): void {
    stream.session._heartbeats.add(stream);
    stream.attach({
      data(chunk) {
        stream.consume(chunk.length);
        if (stream.writableLength >= MAX_UNTAKEN) stream.reset();
        else void stream.write(chunk.slice());
      },
      end() {
        void stream.end();
      },
      reset: () => undefined,
    });
  }
}
