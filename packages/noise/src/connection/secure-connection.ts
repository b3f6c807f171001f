import { AstraError, BaseConnection, type Clock, type Connection, type ConnectionSink } from "@astranet/transport";
import { joinShort } from "../crypto/bytes.ts";
import type { Suite } from "../crypto/provider.ts";
import type { Pattern } from "../state/handshake-state.ts";
import { alertError, alertIn } from "./alert.ts";
import type { Frame, FrameReader } from "./frame-reader.ts";
import { checkRecordLength, EMPTY_RECORD_BYTES, MAX_RECORD_BYTES, type RecordCipher } from "./record-cipher.ts";

const SHORT_BYTES = 512;

/** A connection whose two ends know each other and whose bytes nobody else can read or change. Everything of {@link Connection} holds. */
export interface SecureConnection extends Connection {
  readonly role: "initiator" | "responder";
  readonly pattern: Pattern;
  readonly suite: Suite;
  /** The other end's static public key, 32 bytes: proven, not claimed. */
  readonly remoteStatic: Uint8Array;
  /** What the other end sent within the handshake; empty where it sent nothing. */
  readonly remotePayload: Uint8Array;
  /** 32 bytes that are the same at both ends of this connection, and at no other: for binding something else to it. */
  readonly handshakeHash: Uint8Array;
}

/** What the handshake hands over. */
export interface Established {
  readonly role: "initiator" | "responder";
  readonly pattern: Pattern;
  readonly suite: Suite;
  readonly remoteStatic: Uint8Array;
  readonly remotePayload: Uint8Array;
  readonly handshakeHash: Uint8Array;
  readonly send: RecordCipher;
  readonly receive: RecordCipher;
}

/**
 * Records over a connection, after the handshake. An empty record is the end of its direction, and the last one: so an end that
 * somebody else made is not taken for the peer's.
 */
export class RecordConnection extends BaseConnection implements SecureConnection, ConnectionSink {
  readonly role: "initiator" | "responder";
  readonly pattern: Pattern;
  readonly suite: Suite;
  readonly remoteStatic: Uint8Array;
  readonly remotePayload: Uint8Array;
  readonly handshakeHash: Uint8Array;
  readonly #inner: Connection;
  readonly #reader: FrameReader;
  readonly #send: RecordCipher;
  readonly #receive: RecordCipher;
  readonly #maxUnstartedBytes: number;
  /** What comes is delivered; before that it waits in the reader. */
  #flowing = false;
  #innerClosed: { readonly reason: unknown } | undefined = undefined;
  #receivedAny = false;
  #receivedEnd = false;

  constructor(inner: Connection, reader: FrameReader, established: Established, options: { readonly clock: Clock; readonly maxUnstartedBytes: number }) {
    super("noise", { localAddress: inner.localAddress, remoteAddress: inner.remoteAddress, clock: options.clock });
    this.#inner = inner;
    this.#reader = reader;
    this.#maxUnstartedBytes = options.maxUnstartedBytes;
    this.role = established.role;
    this.pattern = established.pattern;
    this.suite = established.suite;
    this.remoteStatic = established.remoteStatic;
    this.remotePayload = established.remotePayload;
    this.handshakeHash = established.handshakeHash;
    this.#send = established.send;
    this.#receive = established.receive;
  }

  /** None: what leaves are records, and `send` has made them. */
  get heldBytes(): number {
    return 0;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.closing) return true;
    try {
      const records = this.#seal(chunks);
      return records.length === 0 || this.#inner.send(records);
    } catch (error) {
      this.fail(error);
      return true;
    }
  }

  /** @internal From the connection underneath. */
  data(chunk: Uint8Array): void {
    if (this.over) return;
    this.#reader.feed(chunk);
    if (this.#flowing) this.#deliver();
    else if (this.#reader.bytes > this.#maxUnstartedBytes) {
      this.fail(new AstraError("ERR_ASTRANET_OVERLOAD", `more than ${this.#maxUnstartedBytes} bytes came before the connection was started`));
    }
  }

  /** @internal From the connection underneath. */
  drain(): void {
    this.drained();
  }

  /** @internal From the connection underneath. */
  closed(reason?: unknown): void {
    this.#innerClosed = { reason };
    if (this.#flowing) this.#finish(reason);
  }

  protected begin(): void {
    if (this.#reader.bytes === 0 && this.#innerClosed === undefined) {
      this.#flowing = true;
      return;
    }
    this.clock.defer(() => {
      this.#flowing = true;
      this.#deliver();
      if (this.#innerClosed !== undefined) this.#finish(this.#innerClosed.reason);
    });
  }

  protected end(): void {
    try {
      this.#inner.send(this.#send.seal([], 0));
      this.#inner.close();
    } catch (error) {
      this.fail(error);
    }
  }

  protected discard(failure: { readonly reason: unknown } | undefined): void {
    this.#send.destroy();
    this.#receive.destroy();
    this.#reader.clear();
    if (failure !== undefined) this.#inner.abort(failure.reason);
  }

  /** As few records as hold the chunks. */
  #seal(chunks: readonly Uint8Array[]): Uint8Array[] {
    const records: Uint8Array[][] = [];
    let plaintext: Uint8Array[] = [];
    let length = 0;
    for (let chunk of chunks) {
      while (length + chunk.length > MAX_RECORD_BYTES) {
        const room = MAX_RECORD_BYTES - length;
        if (room > 0) plaintext.push(chunk.subarray(0, room));
        records.push(this.#send.seal(plaintext, MAX_RECORD_BYTES));
        plaintext = [];
        length = 0;
        chunk = chunk.subarray(room);
      }
      if (chunk.length === 0) continue;
      plaintext.push(chunk);
      length += chunk.length;
    }
    if (length > 0) records.push(this.#send.seal(plaintext, length));
    // Tags, lengths, the headers of frames: a connection has more work with a chunk than with its few bytes.
    return joinShort(records.length === 1 ? records[0]! : records.flat(), SHORT_BYTES);
  }

  #deliver(): void {
    while (!this.over) {
      let pieces: Uint8Array[];
      try {
        const frame = this.#reader.next((length) => this.#check(length));
        if (frame === undefined) return;
        pieces = this.#open(frame);
      } catch (error) {
        this.fail(error);
        return;
      }
      for (const piece of pieces) if (!this.#isOver() && piece.length > 0) this.sink?.data(piece);
    }
  }

  /** Within a loop the compiler takes `over` for what it was before the sink was called. */
  #isOver(): boolean {
    return this.over;
  }

  #check(length: number): void {
    if (this.#receivedEnd) throw new AstraError("ERR_ASTRANET_PROTOCOL", "a record came after the end");
    // A word in clear, from a responder that could not read our last message. It is no record, so it says why instead of nothing.
    if (!this.#receivedAny && this.role === "initiator" && length === 1) return;
    checkRecordLength(length);
  }

  #open(frame: Frame): Uint8Array[] {
    const alert = alertIn(frame);
    if (alert !== undefined) throw alertError(alert, 0);
    const pieces = this.#receive.open(frame);
    this.#receivedAny = true;
    if (frame.length === EMPTY_RECORD_BYTES) {
      this.#receivedEnd = true;
      // Ours goes out before the connection underneath sees the other end's end, and ends by itself.
      this.close();
    }
    return pieces;
  }

  #finish(reason: unknown): void {
    if (reason !== undefined) this.fail(reason);
    else if (this.#receivedEnd) {
      this.gotEnd();
      this.sentEnd();
    } else {
      this.fail(new AstraError("ECONNRESET", "the connection ended without the other end's word: it broke off, or somebody in between cut it"));
    }
  }
}
