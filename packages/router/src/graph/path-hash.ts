/** A well-mixed hash of a path's ids, 32 bits: FNV-1a with the finalizer of MurmurHash3. Not for secrets. */
export function pathHash(ids: readonly string[]): number {
  let hash = 0x81_1c_9d_c5;
  for (const id of ids) {
    for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01_00_01_93);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
