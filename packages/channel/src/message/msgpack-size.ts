import { AstraError } from "@astranet/transport";
import { isNested } from "./extension-types.ts";

/**
 * Looks through bytes of msgpack before anything is made of them: that they are one whole value, how deep it is nested and how many values it has.
 * A decoder makes room for what a header promises, and an empty object is one byte on the wire and fifty in memory.
 */
export function checkSize(bytes: Uint8Array, limits: { readonly maxDepth: number; readonly maxValues: number }): void {
  const end = new SizeCheck(bytes, limits).value(0, bytes.length, 0);
  if (end !== bytes.length) throw malformed(`${bytes.length - end} bytes follow its end`);
}

class SizeCheck {
  readonly #bytes: Uint8Array;
  readonly #maxDepth: number;
  #valuesLeft: number;

  constructor(bytes: Uint8Array, { maxDepth, maxValues }: { readonly maxDepth: number; readonly maxValues: number }) {
    this.#bytes = bytes;
    this.#maxDepth = maxDepth;
    this.#valuesLeft = maxValues;
  }

  /** Where the value ends that begins at `at`. */
  value(at: number, end: number, depth: number): number {
    this.#valuesLeft -= 1;
    if (this.#valuesLeft < 0) throw malformed("it has more values than maxValues allows");
    const byte = this.#byte(at, end);
    if (byte < 0x80 || byte >= 0xe0) return at + 1;
    if (byte < 0x90) return this.#values(at + 1, end, (byte & 15) * 2, depth);
    if (byte < 0xa0) return this.#values(at + 1, end, byte & 15, depth);
    if (byte < 0xc0) return this.#skip(at + 1, end, byte & 31);
    switch (byte) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return at + 1;
      case 0xcc:
      case 0xd0:
        return this.#skip(at + 1, end, 1);
      case 0xcd:
      case 0xd1:
        return this.#skip(at + 1, end, 2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.#skip(at + 1, end, 4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.#skip(at + 1, end, 8);
      case 0xc4:
      case 0xd9:
        return this.#skip(at + 2, end, this.#length(at + 1, end, 1));
      case 0xc5:
      case 0xda:
        return this.#skip(at + 3, end, this.#length(at + 1, end, 2));
      case 0xc6:
      case 0xdb:
        return this.#skip(at + 5, end, this.#length(at + 1, end, 4));
      case 0xdc:
        return this.#values(at + 3, end, this.#length(at + 1, end, 2), depth);
      case 0xdd:
        return this.#values(at + 5, end, this.#length(at + 1, end, 4), depth);
      case 0xde:
        return this.#values(at + 3, end, this.#length(at + 1, end, 2) * 2, depth);
      case 0xdf:
        return this.#values(at + 5, end, this.#length(at + 1, end, 4) * 2, depth);
      case 0xc7:
        return this.#extension(at + 2, end, this.#length(at + 1, end, 1), depth);
      case 0xc8:
        return this.#extension(at + 3, end, this.#length(at + 1, end, 2), depth);
      case 0xc9:
        return this.#extension(at + 5, end, this.#length(at + 1, end, 4), depth);
      case 0xc1:
        throw malformed("it has a byte 0xc1, which msgpack never uses");
      default:
        return this.#extension(at + 1, end, 1 << (byte - 0xd4), depth);
    }
  }

  #values(at: number, end: number, count: number, depth: number): number {
    if (depth >= this.#maxDepth) throw malformed(`it is nested more than ${this.#maxDepth} deep`);
    for (let i = 0; i < count; i += 1) at = this.value(at, end, depth + 1);
    return at;
  }

  #extension(at: number, end: number, length: number, depth: number): number {
    const type = (this.#byte(at, end) << 24) >> 24;
    const after = this.#skip(at + 1, end, length);
    if (!isNested(type)) return after;
    if (depth >= this.#maxDepth) throw malformed(`it is nested more than ${this.#maxDepth} deep`);
    // A Map, a Set or an Error is one level, with the array or map that it is made of.
    const isOurs = type >= 64;
    if (isOurs && !isContainer(this.#byte(at + 1, after))) throw malformed(`an extension of type ${type} holds neither an array nor a map`);
    if (this.value(at + 1, after, isOurs ? depth : depth + 1) !== after) throw malformed(`an extension of type ${type} holds more than one value`);
    return after;
  }

  #skip(at: number, end: number, length: number): number {
    if (at + length > end) throw cutShort();
    return at + length;
  }

  #length(at: number, end: number, bytes: 1 | 2 | 4): number {
    if (at + bytes > end) throw cutShort();
    let length = 0;
    for (let i = at; i < at + bytes; i += 1) length = length * 256 + this.#bytes[i]!;
    return length;
  }

  #byte(at: number, end: number): number {
    if (at >= end) throw cutShort();
    return this.#bytes[at]!;
  }
}

/** Whether the header is that of an array or a map. */
function isContainer(byte: number): boolean {
  return (byte >= 0x80 && byte < 0xa0) || (byte >= 0xdc && byte < 0xe0);
}

function cutShort(): AstraError {
  return malformed("it is cut short");
}

function malformed(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `a message is malformed: ${why}`);
}
