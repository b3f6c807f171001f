// The bits of a stream's state. One number instead of a field each: a stream is small, and there are millions.

/** We opened it. */
export const LOCAL = 1;
/** The SYN left, or came. */
export const SYN_DONE = 0x2;
/** `end()` was called. */
export const ENDED = 0x4;
export const FIN_SENT = 0x8;
export const FIN_RECEIVED = 0x10;
/** Both directions are over, by a reset or with the session. */
export const BROKEN = 0x20;
/** Nothing more is read: `stop()` was called. */
export const STOPPED = 0x40;
/** The peer reads no more, or our writing half was aborted. */
export const WRITE_BROKEN = 0x80;
/** The peer's writing half was aborted. */
export const READ_BROKEN = 0x100;
/** Handed to the application. */
export const HANDED = 0x200;
/** The accept was said, by us or by the peer. */
export const ACCEPTED = 0x400;
/** Its type is still to come (wire 'muxado', typed). */
export const UNTYPED = 0x800;

/** In the scheduler's lists. */
export const IN_DATA = 0x1000;
/** In its old list. */
export const IN_OLD = 0x2000;
/** In the list of streams with control frames to send. */
export const IN_CONTROL = 0x4000;
/** In the list of streams with bytes that came within this tick. */
export const IN_FRESH = 0x8000;

/** Control frames to send. */
export const SEND_RST = 0x20000;
export const SEND_STOP = 0x40000;
export const SEND_ACCEPT = 0x80000;
/** The accept waited one flush for data that would imply it. */
export const ACCEPT_WAITED = 0x100000;
export const SEND_CREDIT = 0x200000;
export const SEND_FIN = 0x400000;
export const SEND_URGENCY = 0x800000;
export const SEND_ABORT = 0x1000000;
/** In the table of open streams. */
export const IN_TABLE = 0x2000000;
export const SEND_ANY: number = SEND_RST | SEND_STOP | SEND_ACCEPT | SEND_CREDIT | SEND_FIN | SEND_URGENCY | SEND_ABORT;
