/** Two's complement, most significant byte first, as short as can be. */
export function bytesOfBigint(value: bigint): Uint8Array {
  const isNegative = value < 0n;
  // Of −1 − value for negative ones: then each bit is turned round.
  const digits = (isNegative ? -1n - value : value).toString(16);
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`;
  const magnitude = Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  const needsSign = (magnitude[0]! & 0x80) !== 0;
  const bytes = new Uint8Array(magnitude.length + (needsSign ? 1 : 0));
  bytes.set(magnitude, needsSign ? 1 : 0);
  return isNegative ? bytes.map((byte) => ~byte) : bytes;
}

export function bigintOf(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const isNegative = (bytes[0]! & 0x80) !== 0;
  const magnitude = BigInt(`0x${Array.from(bytes, (byte) => (isNegative ? ~byte & 0xff : byte).toString(16).padStart(2, "0")).join("")}`);
  return isNegative ? -1n - magnitude : magnitude;
}
