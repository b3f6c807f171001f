import { AstraError } from "@astranet/transport";
import type { Codec } from "../message/codec.ts";
import { utf8 } from "../message/utf8.ts";
import { VarintReader, varintBytes, writeVarint } from "../message/varint.ts";
import type { Port, PortReader } from "./port.ts";

/** The version of what channels say to each other. */
const version = 1;
const maxNameBytes = 64;

/** What a stream is for, as its first bytes say. */
export type Purpose = { readonly reference: number } | { readonly codec: string };

/** 0 varint | version u8 | length of the codec's name u8 | name. (A stream that belongs to a message says its number instead, which is never 0, and nothing else.) */
export function channelPreface(codec: string): Uint8Array {
  const name = utf8.encode(codec);
  const bytes = new Uint8Array(varintBytes(0) + 2 + name.length);
  const at = writeVarint(bytes, 0, 0);
  bytes[at] = version;
  bytes[at + 1] = name.length;
  bytes.set(name, at + 2);
  return bytes;
}

/** Throws EINVAL for what is no codec, and for a name that a preface cannot carry. */
export function checkCodec(codec: Codec): void {
  const { name } = codec;
  if (typeof name !== "string" || typeof codec.encode !== "function" || typeof codec.decode !== "function") throw new AstraError("EINVAL", "a codec has a name, encode and decode");
  const { length } = utf8.encode(name);
  if (length === 0 || length > maxNameBytes) throw new AstraError("EINVAL", `the name of a codec has 1 to ${maxNameBytes} bytes, not ${length}`);
}

/** Reads what a stream is for, pays for those bytes, and leaves the rest for whoever reads the port next. */
export class PrefaceReader implements PortReader {
  readonly #port: Port;
  readonly #known: (purpose: Purpose) => void;
  readonly #malformed: (error: AstraError) => void;
  readonly #number = new VarintReader();
  readonly #rest: number[] = [];
  #isChannel = false;

  constructor(port: Port, known: (purpose: Purpose) => void, malformed: (error: AstraError) => void) {
    this.#port = port;
    this.#known = known;
    this.#malformed = malformed;
  }

  data(chunk: Uint8Array): void {
    for (const [i, byte] of chunk.entries()) {
      let purpose: Purpose | undefined;
      try {
        purpose = this.#push(byte);
      } catch (error) {
        this.#port.handOver(chunk.subarray(0, 0));
        this.#malformed(error as AstraError);
        return;
      }
      if (purpose === undefined) continue;
      this.#port.consume(i + 1);
      this.#port.handOver(chunk.subarray(i + 1));
      this.#known(purpose);
      return;
    }
    this.#port.consume(chunk.length);
  }

  end(): void {
    this.#malformed(new AstraError("ERR_ASTRANET_PROTOCOL", "a stream ended before it said what it is for"));
  }

  failed(): void {
    // It never was anything.
  }

  #push(byte: number): Purpose | undefined {
    if (this.#isChannel) {
      this.#rest.push(byte);
      return this.#channel();
    }
    const number = this.#number.push(byte);
    if (number === undefined) return undefined;
    if (number === -1) throw new AstraError("ERR_ASTRANET_PROTOCOL", "a stream has a number that is too large");
    if (number > 0) return { reference: number };
    this.#isChannel = true;
    return undefined;
  }

  #channel(): Purpose | undefined {
    const [theirs, length, ...name] = this.#rest;
    if (theirs !== version) throw new AstraError("ERR_ASTRANET_PROTOCOL", `the peer's channels are of version ${theirs!}, ours of ${version}`);
    if (length === undefined) return undefined;
    if (length === 0 || length > maxNameBytes) throw new AstraError("ERR_ASTRANET_PROTOCOL", `the name of the peer's codec has ${length} bytes`);
    return name.length < length ? undefined : { codec: new TextDecoder().decode(Uint8Array.from(name)) };
  }
}
