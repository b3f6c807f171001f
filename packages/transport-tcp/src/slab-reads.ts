import type { OnReadOpts } from "node:net";

const MIN_SLAB_BYTES = 8_192;
const MAX_SLAB_BYTES = 262_144;
/** A slab with less room than this part of it is replaced, so that reads do not become small at its end. */
const MIN_ROOM = 1 / 16;
/** A slab that lasted for fewer reads was too small, one that lasted for more than the other was too large. */
const FEW_READS = 4;
const MANY_READS = 64;

/**
 * Node's `onread` option for a socket that reads into slabs: each read continues where the last one ended, and hands its
 * view over for good. On bulk this takes half of the processor time of 'data' events, which cost a buffer of 64 KiB each.
 * Slabs grow with what comes at once, so that idle sockets and small messages hold little.
 */
export function slabReads(ondata: (chunk: Uint8Array) => void): OnReadOpts {
  let slab = new ArrayBuffer(MIN_SLAB_BYTES);
  let used = 0;
  let reads = 0;
  return {
    buffer: () => {
      if (slab.byteLength - used < slab.byteLength * MIN_ROOM) {
        let size = slab.byteLength;
        if (reads <= FEW_READS) size = Math.min(MAX_SLAB_BYTES, size * 4);
        else if (reads > MANY_READS) size = Math.max(MIN_SLAB_BYTES, size / 4);
        slab = new ArrayBuffer(size);
        used = 0;
        reads = 0;
      }
      return new Uint8Array(slab, used);
    },
    callback: (length, { buffer, byteOffset }) => {
      used += length;
      reads += 1;
      ondata(new Uint8Array(buffer, byteOffset, length));
      return true;
    },
  };
}
