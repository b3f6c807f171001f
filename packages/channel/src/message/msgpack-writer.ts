import { longBuffers } from "./long-buffers.ts";
import { utf8 } from "./utf8.ts";

/** What small messages share one after the other: a buffer for each of them would cost more than everything else about them. The first is small, for channels that say little. */
const firstSlabBytes = 1024;
const maxSlabBytes = 16_384;
/** Below this a slab is not begun with another message. */
const leastBytes = 128;
/** A longer string is encoded before it is copied, so that room for it can be exact. */
const longString = 1024;
/** The longest header of an extension. */
const extensionHeader = 6;

const scratch = new DataView(new ArrayBuffer(8));

/** Writes msgpack, one message after the other. What it gives stays as it is. */
export class MsgpackWriter {
  #slab = new Uint8Array(0);
  /** The slab that short messages share, and where its next one begins, while a long message has a buffer of its own. */
  #aside: { readonly slab: Uint8Array<ArrayBuffer>; readonly start: number } | undefined;
  #nextSlabBytes = firstSlabBytes;
  /** How many values the message has that is being written. */
  values = 1;
  /** Of the message that is being written. */
  #start = 0;
  #at = 0;

  /** A message begins, behind `room` bytes that are its caller's. One that was not ended is forgotten. */
  begin(room: number): void {
    this.#goBack();
    if (this.#slab.length - this.#start < leastBytes + room) {
      this.#slab = new Uint8Array(this.#nextSlabBytes + room);
      this.#nextSlabBytes = Math.min(this.#nextSlabBytes * 4, maxSlabBytes);
      this.#start = 0;
    }
    this.#at = this.#start + room;
    this.values = 1;
  }

  /** The message, and the room before it. */
  end(): Uint8Array {
    const message = this.#slab.subarray(this.#start, this.#at);
    this.#start = this.#at;
    this.#goBack();
    return message;
  }

  nil(): void {
    this.#byte(0xc0);
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  number(value: number): void {
    this.#reserve(9);
    if (!Number.isSafeInteger(value)) {
      scratch.setFloat64(0, value);
      this.#byte(0xcb);
      this.#scratch();
    } else if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value <= 0xff) this.#head(0xcc, 1, value);
      else if (value <= 0xffff) this.#head(0xcd, 2, value);
      else if (value <= 0xffffffff) this.#head(0xce, 4, value);
      else this.#long(0xcf, value);
    } else if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) this.#head(0xd0, 1, value);
    else if (value >= -0x8000) this.#head(0xd1, 2, value);
    else if (value >= -0x80000000) this.#head(0xd2, 4, value);
    else this.#long(0xd3, value);
  }

  string(value: string): void {
    if (value.length > longString) {
      const bytes = utf8.encode(value);
      this.#reserve(5 + bytes.length);
      this.#stringHead(bytes.length);
      this.#bytes(bytes);
      return;
    }
    this.#reserve(5 + value.length * 3);
    const headAt = this.#at;
    const guess = stringHeadBytes(value.length);
    const at = headAt + guess;
    const length = this.#ascii(value, at) ? value.length : utf8.encodeInto(value, this.#slab.subarray(at)).written;
    const head = stringHeadBytes(length);
    if (head !== guess) this.#slab.copyWithin(headAt + head, at, at + length);
    this.#stringHead(length);
    this.#at += length;
  }

  binary(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(5 + length);
    if (length <= 0xff) this.#head(0xc4, 1, length);
    else if (length <= 0xffff) this.#head(0xc5, 2, length);
    else this.#head(0xc6, 4, length);
    this.#bytes(bytes);
  }

  /** So many values follow. */
  array(length: number): void {
    this.values += length;
    this.#reserve(5);
    if (length < 16) this.#byte(0x90 | length);
    else if (length <= 0xffff) this.#head(0xdc, 2, length);
    else this.#head(0xdd, 4, length);
  }

  /** So many keys follow, each with its value. */
  map(length: number): void {
    this.values += length * 2;
    this.#reserve(5);
    if (length < 16) this.#byte(0x80 | length);
    else if (length <= 0xffff) this.#head(0xde, 2, length);
    else this.#head(0xdf, 4, length);
  }

  extension(type: number, bytes: Uint8Array): void {
    this.#reserve(extensionHeader + bytes.length);
    this.#extensionHead(type, bytes.length);
    this.#bytes(bytes);
  }

  /** An extension whose bytes are what `write` writes. */
  nested(type: number, write: () => void): void {
    this.values += 1;
    this.#reserve(extensionHeader);
    // The slab may be another one afterwards, which begins with this message.
    const headAt = this.#at - this.#start;
    this.#at += extensionHeader;
    write();
    const end = this.#at;
    const contentAt = this.#start + headAt + extensionHeader;
    this.#at = this.#start + headAt;
    this.#extensionHead(type, end - contentAt);
    this.#slab.copyWithin(this.#at, contentAt, end);
    this.#at += end - contentAt;
  }

  #extensionHead(type: number, length: number): void {
    const fixed = [1, 2, 4, 8, 16].indexOf(length);
    if (fixed >= 0) this.#byte(0xd4 + fixed);
    else if (length <= 0xff) this.#head(0xc7, 1, length);
    else if (length <= 0xffff) this.#head(0xc8, 2, length);
    else this.#head(0xc9, 4, length);
    this.#byte(type & 0xff);
  }

  #stringHead(length: number): void {
    if (length < 32) this.#byte(0xa0 | length);
    else if (length <= 0xff) this.#head(0xd9, 1, length);
    else if (length <= 0xffff) this.#head(0xda, 2, length);
    else this.#head(0xdb, 4, length);
  }

  /** Writes a string that is ASCII at `at`; says false where it is not. The encoder of the platform is faster only where strings are long. */
  #ascii(value: string, at: number): boolean {
    const { length } = value;
    if (length > 64) return false;
    const slab = this.#slab;
    for (let i = 0; i < length; i += 1) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      slab[at + i] = code;
    }
    return true;
  }

  #byte(value: number): void {
    if (this.#at === this.#slab.length) this.#grow(1);
    this.#slab[this.#at++] = value;
  }

  /** A byte, and an integer of 1, 2 or 4 bytes. There is room. */
  #head(byte: number, size: 1 | 2 | 4, value: number): void {
    const slab = this.#slab;
    let at = this.#at;
    slab[at++] = byte;
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) slab[at++] = value >>> shift;
    this.#at = at;
  }

  #long(byte: number, value: number): void {
    scratch.setInt32(0, Math.floor(value / 2 ** 32));
    scratch.setUint32(4, value >>> 0);
    this.#byte(byte);
    this.#scratch();
  }

  #scratch(): void {
    for (let i = 0; i < 8; i += 1) this.#byte(scratch.getUint8(i));
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#slab.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #goBack(): void {
    if (this.#aside === undefined) return;
    ({ slab: this.#slab, start: this.#start } = this.#aside);
    this.#aside = undefined;
  }

  #reserve(bytes: number): void {
    if (this.#slab.length - this.#at < bytes) this.#grow(bytes);
  }

  /** What there is of the message moves into the next slab, or into a buffer that is this message's alone. */
  #grow(bytes: number): void {
    const used = this.#at - this.#start;
    const wanted = used * 2 + bytes;
    const larger = wanted > maxSlabBytes ? longBuffers.take(wanted) : new Uint8Array(Math.max(this.#nextSlabBytes, wanted));
    larger.set(this.#slab.subarray(this.#start, this.#at));
    if (wanted > maxSlabBytes) this.#aside ??= { slab: this.#slab, start: this.#start };
    else this.#nextSlabBytes = Math.min(this.#nextSlabBytes * 4, maxSlabBytes);
    this.#slab = larger;
    this.#start = 0;
    this.#at = used;
  }
}

/** Of a string that is not a long one. */
function stringHeadBytes(length: number): number {
  if (length < 32) return 1;
  return length <= 0xff ? 2 : 3;
}
