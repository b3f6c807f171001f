import type { RandomSource } from "@astranet/transport";
import type { Session } from "./session.ts";
import type { Stream } from "./stream.ts";

/** Streams of this type carry heartbeats on muxado's wire. */
const TYPE = 0xffff_ffff;
const LENGTH = 4;

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
    const stream = this.#session.open({ type: TYPE });
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
    stream.attach({
      data(chunk) {
        stream.consume(chunk.length);
        void stream.write(chunk.slice());
      },
      end() {
        void stream.end();
      },
      reset: () => undefined,
    });
  }
}
