import { TAG_BYTES } from "./provider.ts";

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** How many bytes the chunks have together. */
export function lengthOf(chunks: readonly Uint8Array[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}

/** Copies chunks into one exact, fresh array. */
export function gather(chunks: readonly Uint8Array[], length: number = lengthOf(chunks)): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Whether two arrays hold the same bytes, in a time that does not depend on where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** The same bytes with runs of short chunks copied into one each, where what handles a chunk costs more than to copy it. `short`: what counts as short. */
export function joinShort(chunks: readonly Uint8Array[], short: number): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  const endRun = (): void => {
    if (run.length > 0) joined.push(run.length === 1 ? run[0]! : gather(run));
    run = [];
  };
  for (const chunk of chunks) {
    if (chunk.length <= short) run.push(chunk);
    else {
      endRun();
      joined.push(chunk);
    }
  }
  endRun();
  return joined;
}

/** Takes a sealed message apart: the ciphertext in pieces, and the tag, which may lie across two of them. */
export function splitTag(chunks: readonly Uint8Array[]): { readonly ciphertext: Uint8Array[]; readonly tag: Uint8Array } {
  const ciphertext: Uint8Array[] = [];
  const tag: Uint8Array[] = [];
  let left = lengthOf(chunks) - TAG_BYTES;
  for (const chunk of chunks) {
    const here = Math.min(left, chunk.length);
    if (here > 0) ciphertext.push(here === chunk.length ? chunk : chunk.subarray(0, here));
    if (here < chunk.length) tag.push(here === 0 ? chunk : chunk.subarray(here));
    left -= here;
  }
  return { ciphertext, tag: tag.length === 1 ? tag[0]! : gather(tag) };
}
