/** Frame types. 0–3 are muxado v2's; 4–10 exist on the 'astranet' wire only; 11–15 are reserved and skipped. */
export const FrameType = {
  RST: 0,
  DATA: 1,
  WNDINC: 2,
  GOAWAY: 3,
  SETTINGS: 4,
  PING: 5,
  OPEN: 6,
  ACCEPT: 7,
  STOP: 8,
  LINK: 9,
  REASON: 10,
} as const;

/** Flag bits, by frame type. Bits not named here are sent as 0 and ignored. */
export const Flag = {
  /** DATA: the sender writes no more. */
  FIN: 1,
  /** DATA: opens the stream. */
  SYN: 2,
  /** DATA with SYN, 'astranet' only: the first four bytes of the payload are the stream's type. */
  TYPED: 4,
  /** RST, 'astranet' only: ends the sender's writing half alone. */
  HALF: 1,
  /** PING: this is the answer. */
  ACK: 1,
  /** OPEN: changes the urgency of a stream that is open. */
  UPDATE: 1,
} as const;
