/** Bytes of every frame's header. */
export const HEADER_LENGTH = 8;
/** The longest payload that a header can announce: 24 bits. */
export const MAX_LENGTH = 0xff_ffff;
/** The longest DATA payload on the 'astranet' wire. Small enough that an urgent frame never waits long behind one. */
export const MAX_DATA_LENGTH = 65_536;
/** The longest SETTINGS payload. */
export const MAX_SETTINGS_LENGTH = 1_024;
/** The longest REASON payload: code, node id and text together. */
export const MAX_REASON_LENGTH = 256;
/** The longest payload of a frame type that we do not know. */
export const MAX_UNKNOWN_LENGTH = 16_384;
/** The longest header that OPEN or ACCEPT may carry, by default. */
export const DEFAULT_MAX_HEADER = 4_096;
/** The longest debug text of a GOAWAY, by default. */
export const DEFAULT_MAX_GOAWAY_DEBUG = 65_536;
/** The largest window, and the largest increment: 31 bits. */
export const MAX_WINDOW = 0x7fff_ffff;
/** The largest stream id: 31 bits. */
export const MAX_STREAM_ID = 0x7fff_ffff;
