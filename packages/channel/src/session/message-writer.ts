import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { leastLent, longBuffers } from "../message/long-buffers.ts";
import { encodeVarint } from "../message/varint.ts";
import { done, ignore } from "../promises.ts";
import type { Consumer } from "../queue/consumer.ts";
import { bind } from "./bind.ts";
import { encodeNow } from "./encoded-message.ts";
import type { ChannelHost } from "./host.ts";
import { encodeMessage, none } from "./message-frame.ts";
import { isUnread, resetFor, whenTaken } from "./reset-codes.ts";
import { SentEnds } from "./sent-ends.ts";

const nothing = new Uint8Array(0);

/** Sends what a queue has over a stream, one message after the other, and opens a stream for each end in them. */
export class MessageWriter implements Consumer {
  readonly #host: ChannelHost;
  readonly #stream: Stream;
  readonly #sent: SentEnds;

  constructor(host: ChannelHost, stream: Stream) {
    this.#host = host;
    this.#stream = stream;
    this.#sent = new SentEnds(stream);
  }

  get isReady(): boolean {
    return this.#stream.tryWrite(nothing);
  }

  ready(): Promise<void> {
    return this.#stream.ready();
  }

  take(message: unknown): void {
    const { references } = this.#host;
    const { payload, room, ends, kinds } = encodeNow(this.#host, message);
    if (kinds.length === 0) {
      this.#write(encodeMessage(payload, none, room), none);
      return;
    }
    const list = kinds.map((kind) => ({ kind, id: references.takeId() }));
    const frame = encodeMessage(payload, list, room);
    const streams: Stream[] = [];
    try {
      for (const { id } of list) streams.push(this.#open(id));
      this.#write(frame, streams);
    } catch (error) {
      for (const stream of streams) stream.reset();
      throw error;
    }
    for (const [i, end] of ends.entries()) bind(this.#host, end, list[i]!.kind, streams[i]!);
  }

  end(): Promise<void> {
    return this.#stream.end().catch((error: unknown) => {
      // That nobody reads any more is no failure of an end.
      if (!AstraError.is(error, "EPIPE")) throw error;
      return done;
    });
  }

  fail(reason: unknown): void {
    whenTaken(this.#stream, () => {
      this.#sent.cut();
      resetFor(this.#stream, reason);
    });
  }

  /** The peer reads no more. */
  stopped(): void {
    this.#sent.stopped();
  }

  /** The stream broke. */
  broke(error: unknown): void {
    if (isUnread(error)) this.#sent.refused();
  }

  /** There is room, as `isReady` has said: or the stream broke meanwhile, and that is told by its end. */
  #write(frame: Uint8Array, streams: readonly Stream[]): void {
    this.#sent.wrote(frame.length, streams);
    if (!this.#stream.tryWrite(frame, frame.length >= leastLent ? longBuffers.giveBack : undefined)) this.#stream.write(frame).catch(ignore);
  }

  #open(id: number): Stream {
    const stream = this.#host.openStream();
    stream.write(encodeVarint(id)).catch(ignore);
    return stream;
  }
}
