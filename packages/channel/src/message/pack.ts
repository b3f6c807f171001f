import { AstraError } from "@astranet/transport";
import type { Item } from "../queue/item.ts";
import { copyOfDate } from "./dates.ts";
import { copyOfError } from "./errors.ts";
import { defaultMaxDepth } from "./limits.ts";
import { extensionFor, type Extension } from "./extension.ts";
import { kindOf, type End, type EndKind } from "./kinds.ts";
import { noteIn, toMove } from "./moved-ends.ts";
import { Parcel } from "./parcel.ts";
import type { Travelling } from "./travelling.ts";
import { viewKindOf, viewOf } from "./views.ts";
import { explained, isNot, Unsupported } from "./unsupported.ts";

/**
 * Makes a message ready for somebody else in this process: a copy, as it would come out of a network, into which the ends in it have moved.
 * Throws EINVAL for what no message can hold, and ERR_ASTRANET_INVALID_STATE for an end that is not the caller's any more; then nothing has moved.
 */
export function pack(message: unknown, extensions: readonly Extension[] = noExtensions): Item {
  // The most frequent messages of all, and there is nothing to copy.
  if (typeof message === "string" || typeof message === "number") return new Parcel(message, none);
  const copier = new Copier(extensions);
  let copy: unknown;
  try {
    copy = copier.copy(message, 0);
  } catch (error) {
    throw explained(error, message);
  }
  return new Parcel(copy, copier.ends);
}

const none: readonly Travelling[] = [];
const noExtensions: readonly Extension[] = [];

class Copier {
  ends: Travelling[] = none as never[];
  #seen: Set<object> | undefined;
  readonly #extensions: readonly Extension[];

  constructor(extensions: readonly Extension[]) {
    this.#extensions = extensions;
  }

  copy(value: unknown, depth: number): unknown {
    if (typeof value === "object" && value !== null) return this.#copyObject(value, depth);
    if (typeof value === "function" || typeof value === "symbol") throw new Unsupported(value, isNot(value));
    return value;
  }

  #copyObject(value: object, depth: number): unknown {
    if (depth >= defaultMaxDepth) throw new AstraError("EINVAL", `the message is nested more than ${defaultMaxDepth} deep, or holds itself`);
    const kind = kindOf(value);
    const extension = extensionFor(value, kind, this.#extensions);
    if (extension !== undefined) return extension.decode(this.copy(extension.encode(value), depth + 1));
    switch (kind) {
      case undefined:
        throw new Unsupported(value, isNot(value));
      case "object": {
        const copy: Record<string, unknown> = {};
        for (const key of Object.keys(value)) {
          checkKey(value, key);
          copy[key] = this.copy((value as Record<string, unknown>)[key], depth + 1);
        }
        return copy;
      }
      case "array": {
        const copy: unknown[] = [];
        // Holes too.
        for (let i = 0; i < (value as unknown[]).length; i += 1) copy.push(this.copy((value as unknown[])[i], depth + 1));
        return copy;
      }
      case "map":
        return new Map([...(value as Map<unknown, unknown>)].map(([key, each]) => [this.copy(key, depth + 1), this.copy(each, depth + 1)]));
      case "set":
        return new Set([...(value as Set<unknown>)].map((each) => this.copy(each, depth + 1)));
      case "date":
        return copyOfDate(value as Date);
      case "bytes":
        return new Uint8Array(value as Uint8Array);
      case "view":
        return copyOfView(value as ArrayBufferView);
      case "buffer":
        return (value as ArrayBuffer).slice(0);
      case "error":
        return copyOfError(value as Error, (each) => this.copy(each, depth + 1));
      default:
        return this.#move(value as End, kind);
    }
  }

  #move(end: End, kind: EndKind): End {
    if (this.#seen === undefined) {
      this.#seen = new Set();
      this.ends = [];
    }
    noteIn(this.#seen, end, kind);
    const travelling = toMove(end, kind);
    this.ends.push(travelling);
    return travelling.fresh;
  }
}

/** Throws for a key that would change what the object is for whoever gets it. */
export function checkKey(object: object, key: string): void {
  if (key === "__proto__") throw new Unsupported(object, 'has a key "__proto__", which no message can hold');
}

function copyOfView(view: ArrayBufferView): ArrayBufferView {
  const bytes = Uint8Array.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return viewOf(viewKindOf(view), bytes)!;
}
