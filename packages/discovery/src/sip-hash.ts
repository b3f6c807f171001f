/** The key: that of the published test vectors, 00 01 … 0f. Nothing here is secret; a fixed key lets all nodes agree. */
const k0 = [0x03_02_01_00, 0x07_06_05_04] as const;
const k1 = [0x0b_0a_09_08, 0x0f_0e_0d_0c] as const;

/** The two halves of a 64-bit hash, as unsigned 32-bit numbers. */
export interface Hash64 {
  hi: number;
  lo: number;
}

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) of `bytes`, under a fixed key. Each half is computed in 32-bit steps: BigInt would be some twenty times slower.
 */
export function sipHash(bytes: Uint8Array): Hash64 {
  let v0l = 0x70_73_65_75 ^ k0[0];
  let v0h = 0x73_6f_6d_65 ^ k0[1];
  let v1l = 0x6e_64_6f_6d ^ k1[0];
  let v1h = 0x64_6f_72_61 ^ k1[1];
  let v2l = 0x6e_65_72_61 ^ k0[0];
  let v2h = 0x6c_79_67_65 ^ k0[1];
  let v3l = 0x79_74_65_73 ^ k1[0];
  let v3h = 0x74_65_64_62 ^ k1[1];
  const length = bytes.length;
  const words = (length >>> 3) + 1;
  // One step a word, the last of which holds the length too, and one to finish.
  for (let word = 0; word <= words; word += 1) {
    const finish = word === words;
    let ml = 0;
    let mh = 0;
    if (!finish) {
      const at = word * 8;
      if (at + 8 <= length) {
        ml = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        mh = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
      } else {
        for (let i = at; i < length; i += 1) {
          if (i - at < 4) ml |= bytes[i]! << (8 * (i - at));
          else mh |= bytes[i]! << (8 * (i - at - 4));
        }
        mh |= length << 24;
      }
      v3l ^= ml;
      v3h ^= mh;
    } else v2l ^= 0xff;
    for (let round = finish ? 4 : 2; round > 0; round -= 1) {
      let sum = (v0l >>> 0) + (v1l >>> 0);
      v0h = (v0h + v1h + (sum > 0xff_ff_ff_ff ? 1 : 0)) | 0;
      v0l = sum | 0;
      let l = (v1l << 13) | (v1h >>> 19);
      let h = (v1h << 13) | (v1l >>> 19);
      v1l = l ^ v0l;
      v1h = h ^ v0h;
      l = v0l;
      v0l = v0h;
      v0h = l;
      sum = (v2l >>> 0) + (v3l >>> 0);
      v2h = (v2h + v3h + (sum > 0xff_ff_ff_ff ? 1 : 0)) | 0;
      v2l = sum | 0;
      l = (v3l << 16) | (v3h >>> 16);
      h = (v3h << 16) | (v3l >>> 16);
      v3l = l ^ v2l;
      v3h = h ^ v2h;
      sum = (v0l >>> 0) + (v3l >>> 0);
      v0h = (v0h + v3h + (sum > 0xff_ff_ff_ff ? 1 : 0)) | 0;
      v0l = sum | 0;
      l = (v3l << 21) | (v3h >>> 11);
      h = (v3h << 21) | (v3l >>> 11);
      v3l = l ^ v0l;
      v3h = h ^ v0h;
      sum = (v2l >>> 0) + (v1l >>> 0);
      v2h = (v2h + v1h + (sum > 0xff_ff_ff_ff ? 1 : 0)) | 0;
      v2l = sum | 0;
      l = (v1l << 17) | (v1h >>> 15);
      h = (v1h << 17) | (v1l >>> 15);
      v1l = l ^ v2l;
      v1h = h ^ v2h;
      l = v2l;
      v2l = v2h;
      v2h = l;
    }
    v0l ^= ml;
    v0h ^= mh;
  }
  return { hi: (v0h ^ v1h ^ v2h ^ v3h) >>> 0, lo: (v0l ^ v1l ^ v2l ^ v3l) >>> 0 };
}
