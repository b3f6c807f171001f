/** Whether id `a` comes after id `b`, when ids wrap at 2^31 (serial number arithmetic, RFC 1982). */
export function isAfter(a: number, b: number): boolean {
  const distance = (a - b) & 0x7fff_ffff;
  return distance !== 0 && distance < 0x4000_0000;
}
