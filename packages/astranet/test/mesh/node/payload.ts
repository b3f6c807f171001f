import { createCipheriv, createHash } from "node:crypto";

const blockBytes = 1_048_576;
const blockCount = 8;
/** The marker comes again after so many bytes. */
const markerEvery = 65_536;

/** The 1 KiB that nobody but the two ends may ever see. */
export const marker: Uint8Array = noise("marker", 1024);

/** Bytes that look random and are always the same. */
function noise(name: string, bytes: number): Buffer {
  const key = createHash("sha256").update(name).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

let blocks: Buffer[] | undefined;

function makeBlocks(): Buffer[] {
  return Array.from({ length: blockCount }, (_, i) => {
    const block = noise(`block ${String(i)}`, blockBytes - 8);
    for (let at = 0; at + marker.length <= block.length; at += markerEvery) block.set(marker, at);
    return block;
  });
}

/** `bytes` of a file that is full of markers, a MiB at a time: each begins with its number, so that order and number show in the hash. */
export function* payload(bytes: number): Generator<Uint8Array[]> {
  blocks ??= makeBlocks();
  for (let at = 0; at < bytes; at += blockBytes) {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(at));
    const block = blocks[(at / blockBytes) % blockCount]!;
    yield [number, block.subarray(0, Math.min(block.length, bytes - at - 8))];
  }
}
