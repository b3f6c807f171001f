import type { End } from "./kinds.ts";

/** How an encoder speaks of the ends in a message: they travel beside its bytes, and the bytes say their number. */
export interface EndWriter {
  /** Adds a Sender, a Receiver or a byte stream, and gives its number within this message, from 0 on. Throws EINVAL for one that is in it already. */
  add(end: End): number;
}

/** How a decoder gets them. */
export interface EndReader {
  readonly count: number;
  /** The end of that number, to be put into the message. Throws ERR_ASTRANET_PROTOCOL for one that is not there, or was taken already. */
  take(number: number): End;
}

/** Turns messages into bytes and back. Both ends of a channel need the same one; its name is compared. */
export interface Codec {
  /** Such as `msgpack`; at most 64 bytes of UTF-8. */
  readonly name: string;
  /** Throws EINVAL for what it cannot encode. Nothing of the message is kept. */
  encode(message: unknown, ends: EndWriter): Uint8Array;
  /**
   * The same, behind `room` bytes that are the caller's: what frames a message then needs no copy of it. Such a message may stand in a buffer that it shares with others, and that buffer may be used again once
   * it was sent: nobody keeps it. Optional.
   */
  encodeBehind?(room: number, message: unknown, ends: EndWriter): Uint8Array;
  /** `bytes` are the decoder's. Whatever it throws becomes the cause of an ERR_ASTRANET_PROTOCOL. */
  decode(bytes: Uint8Array, ends: EndReader): unknown;
}
