import { MAX_STREAM_ID } from "@astranet/frame";
import { AstraError } from "@astranet/transport";
import { ignore } from "../deferred.ts";
import type { Session } from "./session.ts";

/** The ids that this side gives to streams: odd for clients, even for servers, rising; on our own wire they wrap at 2^31. */
export class StreamIds {
  readonly #session: Session;
  readonly #parity: number;
  #next: number;
  /** The ids wrapped within this round trip: frames of the last use of an id may still be under way. */
  #wrapped = false;

  constructor(session: Session) {
    const { role, firstStreamId } = session._options;
    this.#session = session;
    this.#parity = role === "client" ? 1 : 0;
    this.#next = firstStreamId ?? this.#first;
  }

  /** Whether ids like this one are ours to give. */
  isLocal(id: number): boolean {
    return (id & 1) === this.#parity;
  }

  /** The ids begin at `id`, unless the options say otherwise. */
  beginAt(id: number): void {
    this.#next = this.#session._options.firstStreamId ?? id;
  }

  /** The next id. Throws when there is none: for good on the wire 'muxado', until the peer has answered a ping on ours. */
  take(): number {
    const id = this.#next;
    const session = this.#session;
    const wraps = session._extended;
    if (id > MAX_STREAM_ID) {
      session._ending.draining.resolve(undefined);
      throw new AstraError("ERR_ASTRANET_SESSION_DRAINING", "the stream ids of this session are used up", { retryable: true });
    }
    let next = id + 2;
    if (wraps && next > MAX_STREAM_ID) {
      if (this.#wrapped) throw new AstraError("ERR_ASTRANET_STREAM_LIMIT", "stream ids wrapped twice within a round trip", { retryable: true });
      this.#wrapped = true;
      session._keepAlive.ping(undefined).then(() => {
        this.#wrapped = false;
      }, ignore);
      next = this.#first;
    }
    while (session._local.get(next) !== undefined) next = wraps && next + 2 > MAX_STREAM_ID ? this.#first : next + 2;
    this.#next = next;
    return id;
  }

  get #first(): number {
    return this.#parity === 1 ? 1 : 2;
  }
}
