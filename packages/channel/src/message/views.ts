import { Unsupported } from "./unsupported.ts";

/** The views that are not plain bytes, by their number on the wire. */
const views = [Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView] as const;

/** The number of a view's class. Throws {@link Unsupported} for one that has none. */
export function viewKindOf(view: ArrayBufferView): number {
  const kind = views.findIndex((each) => view instanceof each);
  if (kind === -1) throw new Unsupported(view, "is a view of a class that no message can hold");
  return kind;
}

/** A view of that kind over `bytes`, which have a buffer of their own; undefined where they do not fit, or there is no such kind. */
export function viewOf(kind: number, bytes: Uint8Array<ArrayBuffer>): ArrayBufferView | undefined {
  const view = views[kind];
  if (view === undefined) return undefined;
  if (view === DataView) return new DataView(bytes.buffer);
  const { BYTES_PER_ELEMENT } = view as typeof Int8Array;
  return bytes.length % BYTES_PER_ELEMENT === 0 ? new (view as typeof Int8Array)(bytes.buffer) : undefined;
}

/** The number of the kind, and the view's bytes. */
export function bytesOfView(view: ArrayBufferView, kind: number): Uint8Array {
  const bytes = new Uint8Array(1 + view.byteLength);
  bytes[0] = kind;
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), 1);
  return bytes;
}
