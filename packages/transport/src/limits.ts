/** `send` returns false while more than this many bytes have not been handed on. */
export const HIGH_WATER_BYTES = 131_072;
/** How long `close` waits for the peer's end. */
export const CLOSE_TIMEOUT_MS = 5_000;
