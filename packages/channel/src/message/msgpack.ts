import { Decoder, decodeTimestampExtension, EXT_TIMESTAMP } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { bigintOf } from "./bigints.ts";
import type { Codec, EndReader, EndWriter } from "./codec.ts";
import { errorOf, type ErrorFields } from "./errors.ts";
import { checkExtensions, type Extension } from "./extension.ts";
import { extensionTypes, isNested } from "./extension-types.ts";
import { defaultMaxDepth, defaultMaxValues } from "./limits.ts";
import { MsgpackEncoder } from "./msgpack-encoder.ts";
import { checkSize } from "./msgpack-size.ts";
import { explained } from "./unsupported.ts";
import { VarintReader } from "./varint.ts";
import { viewOf } from "./views.ts";

/** What `msgpack` takes. */
export interface MsgpackOptions {
  /** Classes of the application's. Default none. */
  readonly extensions?: readonly Extension[];
  /** How deep a message may be nested. Default 64. Beyond: EINVAL where it is sent, ERR_ASTRANET_PROTOCOL where it comes. */
  readonly maxDepth?: number;
  /** Values in a message, elements and keys included. Default 1,000,000. Beyond: EINVAL where it is sent, ERR_ASTRANET_PROTOCOL where it comes. */
  readonly maxValues?: number;
}

/** The default codec: MessagePack, with extension types for what JavaScript has and msgpack has not. Throws EINVAL for limits that are no integers from 1 on, for what is no extension, and for extensions that cannot be told apart. */
export function msgpack(options: MsgpackOptions = {}): Codec {
  return new MsgpackCodec(options);
}

class MsgpackCodec implements Codec {
  readonly name = "msgpack";
  readonly #extensions: readonly Extension[];
  readonly #limits: { readonly maxDepth: number; readonly maxValues: number };
  readonly #encoder: MsgpackEncoder;
  readonly #decoder: Decoder;
  /** Of the message that is being decoded. */
  #reader: EndReader | undefined;

  constructor({ extensions = [], maxDepth = defaultMaxDepth, maxValues = defaultMaxValues }: MsgpackOptions) {
    this.#extensions = extensions;
    this.#limits = { maxDepth, maxValues };
    checkExtensions(this.#extensions);
    for (const [name, value] of Object.entries(this.#limits)) if (!Number.isSafeInteger(value) || value < 1) throw new AstraError("EINVAL", `${name} must be an integer from 1 on, not ${String(value)}`);
    this.#encoder = new MsgpackEncoder(extensions, this.#limits);
    this.#decoder = new Decoder({ extensionCodec: { tryToEncode: () => null, decode: (bytes, type) => this.#decodeExtension(bytes, type) } });
  }

  encode(message: unknown, ends: EndWriter): Uint8Array {
    return this.encodeBehind(0, message, ends).slice();
  }

  encodeBehind(room: number, message: unknown, ends: EndWriter): Uint8Array {
    try {
      return this.#encoder.encode(room, message, ends);
    } catch (error) {
      throw explained(error, message);
    }
  }

  decode(bytes: Uint8Array, ends: EndReader): unknown {
    checkSize(bytes, this.#limits);
    const outer = this.#reader;
    this.#reader = ends;
    try {
      return this.#decoder.decode(bytes);
    } finally {
      this.#reader = outer;
    }
  }

  #decodeExtension(bytes: Uint8Array, type: number): unknown {
    if (isNested(type)) return this.#ofNested(type, this.#decoder.decode(bytes));
    switch (type) {
      case EXT_TIMESTAMP:
        return decodeTimestampExtension(bytes);
      case extensionTypes.undefined:
        return undefined;
      case extensionTypes.negativeZero:
        return -0;
      case extensionTypes.bigint:
        return bigintOf(bytes);
      case extensionTypes.buffer:
        return bytes.slice().buffer;
      case extensionTypes.view: {
        // Of nothing there is no kind.
        const view = viewOf(bytes[0]!, bytes.slice(1));
        if (view === undefined) throw malformed("a view of an unknown kind, or with a part of an element");
        return view;
      }
      case extensionTypes.end:
        return this.#reader!.take(numberOf(bytes));
      default:
        throw malformed(`an extension of type ${type}, which is not known here`);
    }
  }

  #ofNested(type: number, value: unknown): unknown {
    if (type < 64) {
      const extension = this.#extensions.find((each) => each.type === type);
      if (extension === undefined) throw malformed(`an extension of type ${type}, which is not known here`);
      return extension.decode(value);
    }
    if (type === extensionTypes.error) return errorOf(checkFields(value));
    if (!Array.isArray(value) || (type === extensionTypes.map && value.length % 2 !== 0)) throw malformed("a Map or a Set that is no list");
    if (type === extensionTypes.set) return new Set(value as unknown[]);
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < value.length; i += 2) map.set(value[i], value[i + 1]);
    return map;
  }
}

function checkFields(value: unknown): ErrorFields {
  const { name, message } = (value ?? {}) as { name?: unknown; message?: unknown };
  if (typeof name !== "string" || typeof message !== "string") throw malformed("an Error without a name or a message");
  return value as ErrorFields;
}

function numberOf(bytes: Uint8Array): number {
  const reader = new VarintReader();
  for (const [i, byte] of bytes.entries()) {
    const number = reader.push(byte);
    if (number === undefined) continue;
    // Complete with the last byte, and not before.
    if (number < 0 || i < bytes.length - 1) break;
    return number;
  }
  throw malformed("an end whose number is none");
}

function malformed(what: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `a message is malformed: it has ${what}`);
}
