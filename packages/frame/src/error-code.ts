/**
 * Error codes on the wire. 0–15 are muxado's; astranet's own start at 16; an application may send 6, 7 and those from 256 on.
 * What each means to a program is the multiplexer's business.
 */
export const WireCode = {
  NO_ERROR: 0,
  PROTOCOL: 1,
  INTERNAL: 2,
  FLOW_CONTROL: 3,
  STREAM_CLOSED: 4,
  STREAM_REFUSED: 5,
  STREAM_CANCELLED: 6,
  STREAM_RESET: 7,
  FRAME_SIZE: 8,
  ACCEPT_QUEUE_FULL: 9,
  ENHANCE_YOUR_CALM: 10,
  REMOTE_GONE_AWAY: 11,
  STREAMS_EXHAUSTED: 12,
  WRITE_TIMEOUT: 13,
  SESSION_CLOSED: 14,
  PEER_EOF: 15,
} as const;

/** The first code that an application may define for itself. */
export const FIRST_APPLICATION_CODE = 256;
