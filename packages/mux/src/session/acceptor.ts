import { TokenBucket } from "@astranet/transport";
import { FrameError, WireCode } from "@astranet/frame";
import { AcceptQueue } from "./accept-queue.ts";
import { channel } from "../diagnostics.ts";
import { isAfter } from "../wire/serial.ts";
import type { Session } from "./session.ts";
import { HANDED, UNTYPED } from "../stream/state.ts";
import { Stream } from "../stream/stream.ts";

const streamOpen = channel("astranet:stream:open");

/** The streams that the peer opens: which are taken, which are refused, and who gets them. */
export class Acceptor {
  readonly queue: AcceptQueue = new AcceptQueue();
  /** The highest id handed to the application: what a GOAWAY tells. */
  lastHanded = 0;
  /** Streams ever taken. */
  count = 0;
  readonly #session: Session;
  readonly #resets: TokenBucket;

  constructor(session: Session) {
    const { clock, resetBurst, resetsPerSecond } = session._options;
    this.#session = session;
    this.#resets = new TokenBucket(clock, resetBurst, resetsPerSecond);
  }

  /** The peer opened a stream. Undefined: refused. */
  incoming(id: number, type: number, urgency: number, header: Uint8Array | undefined): Stream | undefined {
    const session = this.#session;
    const { maxStreams, acceptBacklog, onstream } = session._options;
    if (session._ending.said !== undefined) {
      // On our own wire the GOAWAY's last id has said it already.
      if (!session._extended) this.#refuse(id, WireCode.STREAM_REFUSED);
      return undefined;
    }
    if (session._remote.size >= maxStreams) {
      this.#refuse(id, WireCode.STREAM_REFUSED);
      return undefined;
    }
    if (onstream === undefined && this.queue.size >= acceptBacklog) {
      this.#refuse(id, WireCode.ACCEPT_QUEUE_FULL);
      return undefined;
    }
    const stream = new Stream(session, id, session._incomingState, type, urgency, session._peer.initialWindow, session._recvWindow);
    if (header !== undefined && header.length > 0) stream._more.header = header;
    session._remote.add(stream);
    this.count++;
    if (streamOpen.hasSubscribers) streamOpen.publish({ session, stream, remote: true });
    if ((stream._state & UNTYPED) === 0) this.offer(stream);
    return stream;
  }

  /** The stream that waits longest, handed out. */
  shift(): Stream | undefined {
    const stream = this.queue.shift();
    if (stream !== undefined) this.#hand(stream);
    return stream;
  }

  /** A reset that costs us more than the peer. Throws when they are too many. */
  provoked(): void {
    if (!this.#resets.tryTake()) throw new FrameError(WireCode.ENHANCE_YOUR_CALM, "too many streams were reset before they were accepted");
  }

  /** An accepted stream earns a reset. */
  accepted(): void {
    this.#resets.give();
  }

  /** The stream is for the application. */
  offer(stream: Stream): void {
    const { onstream } = this.#session._options;
    if (onstream === undefined) {
      this.queue.push(stream, this.#hand);
      return;
    }
    this.#hand(stream);
    try {
      onstream(stream);
    } catch (error) {
      this.#session._handlerFailed(stream, error);
    }
  }

  readonly #hand = (stream: Stream): void => {
    stream._state |= HANDED;
    if (this.lastHanded === 0 || isAfter(stream.id, this.lastHanded)) this.lastHanded = stream.id;
    if (!this.#session._options.manualAccept) stream.accept();
  };

  #refuse(id: number, code: number): void {
    this.provoked();
    this.#session._sender.refuse(id, code);
  }
}
