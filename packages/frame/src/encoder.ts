import { Flag, FrameType } from "./frame-type.ts";
import { HEADER_LENGTH, MAX_REASON_LENGTH } from "./limits.ts";
import { encodeSettings, type Settings } from "./settings.ts";

/** Payload pieces below this are copied beside the headers: a copy is cheaper than one more entry of a gathered write. */
const COPY_BELOW = 2_048;
const FIRST_SLAB = 1_024;
const MAX_SLAB = 65_536;

const utf8 = new TextEncoder();

/**
 * Encodes frames into a list of chunks for one gathered write: headers and small payloads are laid side by side in slabs,
 * larger payloads go by reference. A slab is filled once and then belongs to whoever took it.
 * It trusts its caller: ids, lengths, codes and urgencies are within their bounds, and a DATA frame gets all of its payload before the next frame begins.
 */
export class FrameEncoder {
  /** Bytes of all frames but SETTINGS, PING and LINK so far; the peer's decoder counts the same. */
  counted = 0;
  /** Bytes encoded since the last `take`. */
  length = 0;
  #slab: Uint8Array = new Uint8Array(0);
  #cut = 0;
  #at = 0;
  #chunks: Uint8Array[] = [];

  /** Hands out all that was encoded since the last call; the chunks are the caller's. */
  take(): Uint8Array[] {
    this.#closePiece();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.length = 0;
    return chunks;
  }

  /** Begins a DATA frame with a payload of `length` bytes (without the type), which follow through `payload`. `type` -1: none. */
  data(streamId: number, flags: number, length: number, type = -1): void {
    if (type === -1) {
      this.#header(length, FrameType.DATA, flags, streamId);
      return;
    }
    this.#header(length + 4, FrameType.DATA, flags | Flag.TYPED, streamId);
    this.#u32(type);
    this.counted += 4;
  }

  /** Adds bytes `start` to `end` of `chunk` to the DATA frame begun last. The chunk is given away. */
  payload(chunk: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.counted += length;
    this.length += length;
    const part = length === chunk.length ? chunk : chunk.subarray(start, end);
    if (length < COPY_BELOW) {
      this.#room(length);
      this.#slab.set(part, this.#at);
      this.#at += length;
    } else {
      this.#closePiece();
      this.#chunks.push(part);
    }
  }

  rst(streamId: number, flags: number, code: number): void {
    this.#header(4, FrameType.RST, flags, streamId);
    this.#u32(code);
    this.counted += 4;
  }

  windowIncrement(streamId: number, increment: number): void {
    this.#header(4, FrameType.WNDINC, 0, streamId);
    this.#u32(increment);
    this.counted += 4;
  }

  goAway(lastStreamId: number, code: number, debug: Uint8Array): void {
    this.#header(8 + debug.length, FrameType.GOAWAY, 0, 0);
    this.#u32(lastStreamId);
    this.#u32(code);
    this.counted += 8;
    this.payload(debug, 0, debug.length);
  }

  settings(settings: Settings): void {
    const payload = encodeSettings(settings);
    this.#uncounted(payload.length, FrameType.SETTINGS, 0);
    this.payload(payload, 0, payload.length);
    this.counted -= payload.length;
  }

  /** The eight opaque bytes as two 32-bit halves. */
  ping(ack: boolean, high: number, low: number): void {
    this.#uncounted(8, FrameType.PING, ack ? Flag.ACK : 0);
    this.#u32(high);
    this.#u32(low);
  }

  /** `header` is at most what the peer's SETTINGS allow. */
  open(streamId: number, urgency: number, header: Uint8Array): void {
    this.#header(1 + header.length, FrameType.OPEN, 0, streamId);
    this.#u8(urgency);
    this.counted += 1;
    this.payload(header, 0, header.length);
  }

  urgency(streamId: number, urgency: number): void {
    this.#header(1, FrameType.OPEN, Flag.UPDATE, streamId);
    this.#u8(urgency);
    this.counted += 1;
  }

  accept(streamId: number, header: Uint8Array): void {
    this.#header(header.length, FrameType.ACCEPT, 0, streamId);
    this.payload(header, 0, header.length);
  }

  stop(streamId: number, code: number): void {
    this.#header(4, FrameType.STOP, 0, streamId);
    this.#u32(code);
    this.counted += 4;
  }

  link(received: number, limit: number): void {
    this.#uncounted(16, FrameType.LINK, 0);
    this.#u64(received);
    this.#u64(limit);
  }

  /** Precedes the RST that it explains. The text is cut at a character so that the payload stays within 256 bytes. */
  reason(streamId: number, code: number, nodeId: bigint, text: string): void {
    const room = new Uint8Array(MAX_REASON_LENGTH - 12);
    const { written } = utf8.encodeInto(text, room);
    this.#header(12 + written, FrameType.REASON, 0, streamId);
    this.#u32(code);
    this.#u32(Number(nodeId >> 32n));
    this.#u32(Number(nodeId & 0xffff_ffffn));
    this.counted += 12;
    this.payload(room, 0, written);
  }

  #header(length: number, type: number, flags: number, streamId: number): void {
    this.counted += HEADER_LENGTH;
    this.#uncounted(length, type, flags, streamId);
  }

  #uncounted(length: number, type: number, flags: number, streamId = 0): void {
    // Room for the longest fixed part too, so that the small writes after this need no check.
    this.#room(HEADER_LENGTH + 16);
    const slab = this.#slab;
    let at = this.#at;
    slab[at++] = length >>> 16;
    slab[at++] = length >>> 8;
    slab[at++] = length;
    slab[at++] = (type << 4) | flags;
    this.#at = at;
    this.length += HEADER_LENGTH - 4;
    this.#u32(streamId);
  }

  #u8(value: number): void {
    this.#slab[this.#at++] = value;
    this.length++;
  }

  #u32(value: number): void {
    const slab = this.#slab;
    const at = this.#at;
    slab[at] = value >>> 24;
    slab[at + 1] = value >>> 16;
    slab[at + 2] = value >>> 8;
    slab[at + 3] = value;
    this.#at = at + 4;
    this.length += 4;
  }

  #u64(value: number): void {
    this.#u32(Math.floor(value / 0x1_0000_0000));
    this.#u32(value >>> 0);
  }

  #room(length: number): void {
    if (this.#slab.length - this.#at >= length) return;
    this.#closePiece();
    // A quiet session holds a small slab; a busy one soon has the large.
    const size = Math.min(MAX_SLAB, Math.max(FIRST_SLAB, this.#slab.length * 4));
    this.#slab = new Uint8Array(Math.max(size, length));
    this.#at = this.#cut = 0;
  }

  #closePiece(): void {
    if (this.#at > this.#cut) this.#chunks.push(this.#slab.subarray(this.#cut, this.#at));
    this.#cut = this.#at;
  }
}
