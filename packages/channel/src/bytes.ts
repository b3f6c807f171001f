/** The pieces in one. */
export function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Below this a view is copied out of the buffer that it shares with others, so that it does not keep all of that. */
const SHARED_BYTES = 16_384;

/** The same bytes, in a buffer that holds little else. */
export function owned(bytes: Uint8Array): Uint8Array {
  return bytes.length < SHARED_BYTES && bytes.buffer.byteLength > bytes.length ? bytes.slice() : bytes;
}
