/** Unsigned integers of 7 bits a byte, least significant first, as in protobuf and LEB128. Up to 2^49 − 1. */
export function varintBytes(value: number): number {
  let bytes = 1;
  while (value >= 128) {
    value = Math.floor(value / 128);
    bytes += 1;
  }
  return bytes;
}

/** Writes `value` at `at`, and gives where it ends. */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  while (value >= 128) {
    into[at++] = (value & 127) | 128;
    value = Math.floor(value / 128);
  }
  into[at++] = value;
  return at;
}

export function encodeVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintBytes(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/** Takes in one integer byte by byte. */
export class VarintReader {
  #value = 0;
  #factor = 1;
  #bytes = 0;

  /** The integer, once its last byte is in; undefined before. −1: it is longer than seven bytes, which nothing here needs. */
  push(byte: number): number | undefined {
    this.#value += (byte & 127) * this.#factor;
    this.#factor *= 128;
    this.#bytes += 1;
    if (byte >= 128) return this.#bytes === 7 ? -1 : undefined;
    const value = this.#value;
    this.#value = 0;
    this.#factor = 1;
    this.#bytes = 0;
    return value;
  }
}
