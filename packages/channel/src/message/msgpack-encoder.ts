import { encodeTimestampExtension, EXT_TIMESTAMP } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { bytesOfBigint } from "./bigints.ts";
import type { EndWriter } from "./codec.ts";
import { copyOfDate } from "./dates.ts";
import { fieldsOf } from "./errors.ts";
import { extensionFor, type Extension } from "./extension.ts";
import { extensionTypes } from "./extension-types.ts";
import { kindOf, type End } from "./kinds.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import { checkKey } from "./pack.ts";
import { isNot, Unsupported } from "./unsupported.ts";
import { encodeVarint } from "./varint.ts";
import { bytesOfView, viewKindOf } from "./views.ts";

const nothing = new Uint8Array(0);

/** Writes messages as msgpack, in one walk through each. */
export class MsgpackEncoder {
  readonly #extensions: readonly Extension[];
  readonly #maxDepth: number;
  readonly #maxValues: number;
  /** Undefined while it writes: what a message holds may send another one when it is looked at. */
  #idle: MsgpackWriter | undefined = new MsgpackWriter();

  constructor(extensions: readonly Extension[], { maxDepth, maxValues }: { readonly maxDepth: number; readonly maxValues: number }) {
    this.#extensions = extensions;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
  }

  /** The bytes of the message, behind `room` bytes that are the caller's. Throws {@link Unsupported} and EINVAL. */
  encode(room: number, message: unknown, ends: EndWriter): Uint8Array {
    const writer = this.#idle ?? new MsgpackWriter();
    this.#idle = undefined;
    try {
      writer.begin(room);
      this.#write(writer, message, ends, 0);
      if (writer.values > this.#maxValues) throw new AstraError("EINVAL", `the message has ${writer.values} values, and maxValues is ${this.#maxValues}`);
      return writer.end();
    } finally {
      this.#idle = writer;
    }
  }

  #write(to: MsgpackWriter, value: unknown, ends: EndWriter, depth: number): void {
    switch (typeof value) {
      case "object":
        if (value === null) to.nil();
        else this.#writeObject(to, value, ends, depth);
        break;
      case "string":
        to.string(value);
        break;
      case "number":
        if (Object.is(value, -0)) to.extension(extensionTypes.negativeZero, nothing);
        else to.number(value);
        break;
      case "boolean":
        to.boolean(value);
        break;
      case "undefined":
        to.extension(extensionTypes.undefined, nothing);
        break;
      case "bigint":
        to.extension(extensionTypes.bigint, bytesOfBigint(value));
        break;
      default:
        throw new Unsupported(value, isNot(value));
    }
  }

  #writeObject(to: MsgpackWriter, value: object, ends: EndWriter, depth: number): void {
    if (depth >= this.#maxDepth) throw new AstraError("EINVAL", `the message is nested more than ${this.#maxDepth} deep, or holds itself`);
    const kind = kindOf(value);
    const extension = extensionFor(value, kind, this.#extensions);
    if (extension !== undefined) {
      to.nested(extension.type, () => this.#write(to, extension.encode(value), ends, depth + 1));
      return;
    }
    switch (kind) {
      case "object": {
        const keys = Object.keys(value);
        to.map(keys.length);
        for (const key of keys) {
          checkKey(value, key);
          to.string(key);
          this.#write(to, (value as Record<string, unknown>)[key], ends, depth + 1);
        }
        break;
      }
      case "array":
        this.#writeList(to, value as unknown[], ends, depth);
        break;
      case "bytes":
        to.binary(value as Uint8Array);
        break;
      case "map":
        to.nested(extensionTypes.map, () => this.#writeList(to, [...(value as Map<unknown, unknown>)].flat(), ends, depth));
        break;
      case "set":
        to.nested(extensionTypes.set, () => this.#writeList(to, [...(value as Set<unknown>)], ends, depth));
        break;
      case "date":
        to.extension(EXT_TIMESTAMP, encodeTimestampExtension(copyOfDate(value as Date))!);
        break;
      case "view":
        to.extension(extensionTypes.view, bytesOfView(value as ArrayBufferView, viewKindOf(value as ArrayBufferView)));
        break;
      case "buffer":
        to.extension(extensionTypes.buffer, new Uint8Array(value as ArrayBuffer));
        break;
      case "error":
        to.nested(extensionTypes.error, () => this.#write(to, fieldsOf(value as Error), ends, depth));
        break;
      case undefined:
        throw new Unsupported(value, isNot(value));
      default:
        to.extension(extensionTypes.end, encodeVarint(ends.add(value as End)));
    }
  }

  /** Holes too. */
  #writeList(to: MsgpackWriter, list: readonly unknown[], ends: EndWriter, depth: number): void {
    const { length } = list;
    to.array(length);
    for (let i = 0; i < length; i += 1) this.#write(to, list[i], ends, depth + 1);
  }
}
