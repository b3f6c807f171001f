import { AstraError } from "@astranet/transport";
import { owned } from "../bytes.ts";
import type { EndReader } from "../message/codec.ts";
import type { End } from "../message/kinds.ts";
import { Fifo } from "../queue/fifo.ts";
import type { Item } from "../queue/item.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import { FrameReader } from "./frame-reader.ts";
import type { ChannelHost } from "./host.ts";
import { decodeMessage, type Reference } from "./message-frame.ts";
import { discardClaim, endFor } from "./received-ends.ts";
import type { Port, PortReader } from "./port.ts";
import type { Claim } from "./references.ts";
import { reasonText, resetCodes, resetFor } from "./reset-codes.ts";
import { stopCode } from "./sent-ends.ts";

/** A message may be longer than a stream's window: so much of one that is not whole is paid for before it is, where no other waits. */
const PREPAID_FROM = 32_768;

/** Makes messages of what comes on a stream, and puts them into a queue. What nobody has taken is not paid for, so the stream's window bounds it. */
export class MessageReader implements PortReader {
  readonly #host: ChannelHost;
  readonly #port: Port;
  readonly #queue: MessageQueue;
  readonly #frames: FrameReader;
  /** Whole, but a stream that belongs to it is not here, or to one before it. */
  readonly #held = new Fifo<NetworkItem>();
  /** Messages that came. */
  #count = 0;
  /** In the queue, or held. */
  #waiting = 0;
  /** Of the message that is not whole. */
  #prepaid = 0;
  /** What comes after the last message. */
  #over: { readonly error: unknown } | undefined;
  /** Nothing that comes is of use any more. */
  #stopped = false;

  constructor(host: ChannelHost, port: Port, queue: MessageQueue) {
    this.#host = host;
    this.#port = port;
    this.#queue = queue;
    this.#frames = new FrameReader(host.limits.maxMessageBytes);
    queue.fedBy(() => this.#stop());
  }

  data(chunk: Uint8Array): void {
    if (this.#stopped) return;
    try {
      this.#frames.push(chunk, this.#take);
      this.#prepay();
    } catch (error) {
      this.#breakOff(error);
    }
  }

  end(): void {
    this.#finish(this.#frames.held === 0 ? undefined : new AstraError("ERR_ASTRANET_PROTOCOL", "the channel ended in the middle of a message"));
  }

  failed(error: AstraError): void {
    this.#finish(error);
  }

  /** An item was opened, or dropped. */
  opened(bytes: number, prepaid: number): void {
    this.#waiting -= 1;
    this.#port.consume(bytes - prepaid);
    this.#host.releasePartial(prepaid);
    if (this.#stopped) return;
    try {
      this.#prepay();
    } catch (error) {
      this.#breakOff(error);
    }
  }

  /** What was taken is no message: the channel is of no use any more. */
  broke(error: unknown): void {
    this.#giveUp(error);
    this.#dropHeld();
    this.#queue.fail(error);
  }

  readonly #take = (body: Uint8Array, bytes: number): void => {
    // By what became of the one before, which came in the same chunk.
    if (this.#stopped) return;
    this.#count += 1;
    const { references, payload } = decodeMessage(body, this.#host.limits.maxReferences);
    const item = new NetworkItem(this.#host, this, payload, bytes, this.#prepaid);
    this.#prepaid = 0;
    this.#waiting += 1;
    try {
      for (const reference of references) item.claim(reference, () => this.#release());
    } catch (error) {
      item.discard();
      throw error;
    }
    if (item.isWhole && this.#held.length === 0) this.#queue.push(item);
    else this.#held.push(item);
  };

  /** Nothing more is taken; what came before is delivered. */
  #breakOff(error: unknown): void {
    this.#giveUp(error);
    this.#over = { error };
    this.#conclude();
  }

  #release(): void {
    for (let [item] = this.#held; item?.isWhole === true; [item] = this.#held) {
      this.#held.shift();
      this.#queue.push(item);
    }
    this.#conclude();
  }

  #prepay(): void {
    const { held } = this.#frames;
    if (this.#waiting > 0 || held < PREPAID_FROM) return;
    const bytes = held - this.#prepaid;
    this.#host.holdPartial(bytes);
    this.#prepaid = held;
    this.#port.consume(bytes);
  }

  #finish(error: AstraError | undefined): void {
    if (this.#stopped) return;
    this.#host.releasePartial(this.#prepaid);
    this.#prepaid = 0;
    this.#port.endWriting();
    this.#over = { error };
    this.#conclude();
  }

  #conclude(): void {
    if (this.#over === undefined || this.#held.length > 0) return;
    const { error } = this.#over;
    if (error === undefined) void this.#queue.end();
    else this.#queue.fail(error, { keep: true });
  }

  /** The receiver wants no more. */
  #stop(): void {
    this.#dropHeld();
    this.#ignoreMore();
    this.#port.stream.stop(stopCode(this.#count));
    // Not before: a sender who has ended hears of a stop while this half is open.
    this.#port.endWriting();
  }

  #giveUp(error: unknown): void {
    if (this.#stopped) return;
    this.#ignoreMore();
    resetFor(this.#port.stream, error, resetCodes.malformed);
  }

  #ignoreMore(): void {
    this.#stopped = true;
    this.#host.releasePartial(this.#prepaid);
    this.#prepaid = 0;
  }

  #dropHeld(): void {
    for (const item of this.#held.drain()) item.discard();
  }
}

/** A message that came, still encoded: it is as large as its bytes until somebody takes it. */
class NetworkItem implements Item, EndReader {
  readonly #host: ChannelHost;
  readonly #reader: MessageReader;
  readonly #payload: Uint8Array;
  readonly #bytes: number;
  readonly #prepaid: number;
  #ends: { readonly kind: Reference["kind"]; readonly claim: Claim; taken: boolean }[] | undefined;
  #isOver = false;

  constructor(host: ChannelHost, reader: MessageReader, payload: Uint8Array, bytes: number, prepaid: number) {
    this.#host = host;
    this.#reader = reader;
    this.#payload = owned(payload);
    this.#bytes = bytes;
    this.#prepaid = prepaid;
  }

  /** Whether all its streams are here, or will not come. */
  get isWhole(): boolean {
    return this.#ends === undefined || this.#ends.every(({ claim }) => claim.settled);
  }

  get count(): number {
    return this.#ends?.length ?? 0;
  }

  claim({ kind, id }: Reference, onsettled: () => void): void {
    const claim = this.#host.references.claim(id);
    claim.onsettled(onsettled);
    this.#ends ??= [];
    this.#ends.push({ kind, claim, taken: false });
  }

  take(number: number): End {
    const end = this.#ends?.[number];
    if (end === undefined || end.taken) throw new AstraError("ERR_ASTRANET_PROTOCOL", `a message has no end number ${number}${end === undefined ? "" : " any more"}`);
    end.taken = true;
    return endFor(this.#host, end.kind, end.claim);
  }

  open(): unknown {
    let message: unknown;
    try {
      message = this.#host.codec.decode(this.#payload, this);
    } catch (error) {
      const malformed = AstraError.is(error) ? error : new AstraError("ERR_ASTRANET_PROTOCOL", `a message could not be decoded as ${this.#host.codec.name}: ${reasonText(error)}`, { cause: error });
      this.#reader.broke(malformed);
      this.discard();
      throw malformed;
    }
    // Those that the message does not hold are nobody's.
    for (const { claim, taken } of this.#ends ?? []) if (!taken) discardClaim(claim);
    this.#over();
    return message;
  }

  /** Of one that was opened too, where what it was opened for has failed: nobody has what is in it. */
  discard(): void {
    for (const { claim } of this.#ends ?? []) discardClaim(claim);
    this.#over();
  }

  restore(): void {
    this.discard();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader.opened(this.#bytes, this.#prepaid);
  }
}
