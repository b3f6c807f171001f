/** A well-mixed hash of a text as a whole number below 2^53. Not for secrets. The same on every node and for ever: rendezvous hashing rests on it. */
export function hashText(text: string): number {
  // Two 32-bit multiply-and-xor lanes that feed each other at the end (the construction known as cyrb53).
  let a = 0xde_ad_be_ef;
  let b = 0x41_c6_ce_57;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e_37_79_b1);
    b = Math.imul(b ^ unit, 0x5f_35_64_95);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85_eb_ca_6b) ^ Math.imul(b ^ (b >>> 13), 0xc2_b2_ae_35);
  b = Math.imul(b ^ (b >>> 16), 0x85_eb_ca_6b) ^ Math.imul(a ^ (a >>> 13), 0xc2_b2_ae_35);
  return 0x1_00_00_00_00 * (0x1f_ff_ff & b) + (a >>> 0);
}
