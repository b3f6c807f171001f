import { Decoder, decodeTimestampExtension, Encoder, encodeTimestampExtension, EXT_TIMESTAMP, ExtData } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { bigintOf, bytesOfBigint } from "./bigints.ts";
import type { Codec, EndReader, EndWriter } from "./codec.ts";
import { copyOfDate } from "./dates.ts";
import { errorOf, fieldsOf, type ErrorFields } from "./errors.ts";
import { checkExtensions, type Extension } from "./extension.ts";
import { extensionTypes, isNested } from "./extension-types.ts";
import { kindOf, type End } from "./kinds.ts";
import { defaultMaxDepth, defaultMaxValues } from "./limits.ts";
import { checkSize } from "./msgpack-size.ts";
import { checkKey } from "./pack.ts";
import { explained, isNot, Unsupported } from "./unsupported.ts";
import { encodeVarint, VarintReader } from "./varint.ts";
import { bytesOfView, viewKindOf, viewOf } from "./views.ts";

/** What `msgpack` takes. */
export interface MsgpackOptions {
  /** Classes of the application's. Default none. */
  readonly extensions?: readonly Extension[];
  /** How deep a message may be nested. Default 64. Beyond: EINVAL where it is sent, ERR_ASTRANET_PROTOCOL where it comes. */
  readonly maxDepth?: number;
  /** Values in a message that comes, elements and keys included. Default 1,000,000. Beyond: ERR_ASTRANET_PROTOCOL. */
  readonly maxValues?: number;
}

/** The default codec: MessagePack, with extension types for what JavaScript has and msgpack has not. Throws EINVAL for extensions that cannot be told apart. */
export function msgpack(options: MsgpackOptions = {}): Codec {
  return new MsgpackCodec(options);
}

const nothing = new Uint8Array(0);
const ofUndefined = new ExtData(extensionTypes.undefined, nothing);
const ofNegativeZero = new ExtData(extensionTypes.negativeZero, nothing);

class MsgpackCodec implements Codec {
  readonly name = "msgpack";
  readonly #extensions: readonly Extension[];
  readonly #limits: { readonly maxDepth: number; readonly maxValues: number };
  readonly #encoder = new Encoder({ maxDepth: 10_000 });
  readonly #decoder: Decoder;
  /** Of the message that is being decoded. */
  #reader: EndReader | undefined;

  constructor({ extensions = [], maxDepth = defaultMaxDepth, maxValues = defaultMaxValues }: MsgpackOptions) {
    this.#extensions = extensions;
    this.#limits = { maxDepth, maxValues };
    checkExtensions(this.#extensions);
    this.#decoder = new Decoder({ extensionCodec: { tryToEncode: () => null, decode: (bytes, type) => this.#decodeExtension(bytes, type) } });
  }

  encode(message: unknown, ends: EndWriter): Uint8Array {
    try {
      return this.#encoder.encode(this.#prepare(message, ends, 0));
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

  /** The message as the encoder can have it: what msgpack has no word for is an extension. */
  #prepare(value: unknown, ends: EndWriter, depth: number): unknown {
    switch (typeof value) {
      case "object":
        return value === null ? null : this.#prepareObject(value, ends, depth);
      case "undefined":
        return ofUndefined;
      case "number":
        return value === 0 && Object.is(value, -0) ? ofNegativeZero : value;
      case "bigint":
        return new ExtData(extensionTypes.bigint, bytesOfBigint(value));
      case "function":
      case "symbol":
        throw new Unsupported(value, isNot(value));
      default:
        return value;
    }
  }

  #prepareObject(value: object, ends: EndWriter, depth: number): unknown {
    const { maxDepth } = this.#limits;
    if (depth >= maxDepth) throw new AstraError("EINVAL", `the message is nested more than ${maxDepth} deep, or holds itself`);
    const kind = kindOf(value);
    switch (kind) {
      case "object": {
        const prepared: Record<string, unknown> = {};
        for (const key of Object.keys(value)) {
          checkKey(value, key);
          prepared[key] = this.#prepare((value as Record<string, unknown>)[key], ends, depth + 1);
        }
        return prepared;
      }
      case "array": {
        const prepared: unknown[] = [];
        // Holes too.
        for (let i = 0; i < (value as unknown[]).length; i += 1) prepared.push(this.#prepare((value as unknown[])[i], ends, depth + 1));
        return prepared;
      }
      case "bytes":
        return value;
      case "map": {
        const entries = [...(value as Map<unknown, unknown>)].flatMap(([key, each]) => [this.#prepare(key, ends, depth + 1), this.#prepare(each, ends, depth + 1)]);
        return this.#nested(extensionTypes.map, entries);
      }
      case "set":
        return this.#nested(extensionTypes.set, [...(value as Set<unknown>)].map((each) => this.#prepare(each, ends, depth + 1)));
      case "date":
        return new ExtData(EXT_TIMESTAMP, encodeTimestampExtension(copyOfDate(value as Date))!);
      case "view":
        return new ExtData(extensionTypes.view, bytesOfView(value as ArrayBufferView, viewKindOf(value as ArrayBufferView)));
      case "buffer":
        return new ExtData(extensionTypes.buffer, new Uint8Array(value as ArrayBuffer));
      case "error":
        return this.#nested(extensionTypes.error, this.#prepare(fieldsOf(value as Error), ends, depth + 1));
      case undefined: {
        const extension = this.#extensions.find((each) => each.is(value));
        if (extension === undefined) throw new Unsupported(value, isNot(value));
        return this.#nested(extension.type, this.#prepare(extension.encode(value), ends, depth + 1));
      }
      default:
        return new ExtData(extensionTypes.end, encodeVarint(ends.add(value as End)));
    }
  }

  #nested(type: number, prepared: unknown): ExtData {
    return new ExtData(type, this.#encoder.encode(prepared));
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
        const view = bytes.length === 0 ? undefined : viewOf(bytes[0]!, bytes.slice(1));
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
    if (number !== undefined && number >= 0 && i === bytes.length - 1) return number;
  }
  throw malformed("an end whose number is none");
}

function malformed(what: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `a message is malformed: it has ${what}`);
}
