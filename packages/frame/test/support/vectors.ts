import type { FrameDecoderOptions } from "@astranet/frame";
import base from "../../vectors/base.json" with { type: "json" };
import extensions from "../../vectors/extensions.json" with { type: "json" };
import invalid from "../../vectors/invalid.json" with { type: "json" };
import muxado from "../../vectors/muxado.json" with { type: "json" };
import type { Frame } from "./frames.ts";

export type Wire = NonNullable<FrameDecoderOptions["wire"]>;

export interface ValidVector {
  readonly name: string;
  readonly hex: string;
  /** Bytes that count for link credit. */
  readonly counted: number;
  /** The bytes decode, but an encoder would write them otherwise, or not at all. */
  readonly decodeOnly?: true;
  readonly frames: readonly Frame[];
}

export interface InvalidVector {
  readonly name: string;
  readonly wires: readonly Wire[];
  readonly hex: string;
  /** The wire code that the session ends with. */
  readonly code: number;
  /** What came through before. */
  readonly frames: readonly Frame[];
}

export interface ValidFile {
  readonly about: string;
  readonly wires: readonly Wire[];
  readonly vectors: readonly ValidVector[];
}

export const validFiles = { base, extensions, muxado } as unknown as Readonly<Record<"base" | "extensions" | "muxado", ValidFile>>;
export const invalidVectors: readonly InvalidVector[] = (invalid as unknown as { readonly vectors: readonly InvalidVector[] }).vectors;
