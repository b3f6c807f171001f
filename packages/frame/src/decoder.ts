import { WireCode } from "./error-code.ts";
import { FrameError } from "./frame-error.ts";
import { Flag, FrameType } from "./frame-type.ts";
import type { FrameHandler } from "./handler.ts";
import {
  DEFAULT_MAX_GOAWAY_DEBUG,
  DEFAULT_MAX_HEADER,
  HEADER_LENGTH,
  MAX_DATA_LENGTH,
  MAX_LENGTH,
  MAX_REASON_LENGTH,
  MAX_SETTINGS_LENGTH,
  MAX_UNKNOWN_LENGTH,
} from "./limits.ts";
import { decodeSettings } from "./settings.ts";

export interface FrameDecoderOptions {
  /** 'astranet' (default) knows all frames; 'muxado' only the four base ones, and skips the others. */
  readonly wire?: "astranet" | "muxado";
  /** Longest DATA payload. Default 65,536 on 'astranet'; on 'muxado' what the header can say, for there only the window bounds it. Beyond: FRAME_SIZE. */
  readonly maxDataLength?: number;
  /** Longest header of OPEN and ACCEPT. Default 4,096. Beyond: FRAME_SIZE. */
  readonly maxHeader?: number;
  /** Longest debug text of GOAWAY. Default 65,536. Beyond: FRAME_SIZE. */
  readonly maxGoAwayDebug?: number;
}

/** By number, which is the order that FrameType has them in. */
const typeNames: readonly string[] = Object.keys(FrameType);
/** The shortest payload, by type. */
const least: readonly number[] = [4, 0, 4, 8, 5, 8, 1, 0, 4, 16, 12];
/** Bits of the types that belong to the session: their stream id is 0, others' is not. */
const ON_SESSION = (1 << FrameType.GOAWAY) | (1 << FrameType.SETTINGS) | (1 << FrameType.PING) | (1 << FrameType.LINK);
const UNCOUNTED = (1 << FrameType.SETTINGS) | (1 << FrameType.PING) | (1 << FrameType.LINK);

// What comes next.
const HEADER = 0;
const TYPE = 1;
const PAYLOAD = 2;
const CONTROL = 3;
const SKIP = 4;

// Text goes through as it is: a byte order mark is a character like any other.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A streaming decoder. Payload goes up piece by piece as it comes, without waiting and without a copy; of other frames
 * at most one is held, after its length was checked against its limit.
 */
export class FrameDecoder {
  /** Bytes of all frames but SETTINGS, PING and LINK so far: what link credit and acknowledgement count. */
  counted = 0;
  readonly #handler: FrameHandler;
  readonly #extensions: boolean;
  /** The flags that DATA has on this wire; the others are ignored. */
  readonly #dataFlags: number;
  /** The longest payload, by type; what is not in it is skipped. */
  readonly #most: readonly number[];
  /** Header, type or control payload that came in part. */
  #partial: Uint8Array = new Uint8Array(HEADER_LENGTH);
  #filled = 0;
  readonly #head: Uint8Array = this.#partial;
  #mode = HEADER;
  #type = 0;
  #flags = 0;
  #length = 0;
  #streamId = 0;
  #counts = true;
  /** Bytes of the payload still to come. */
  #left = 0;
  #stopped = false;

  constructor(handler: FrameHandler, options: FrameDecoderOptions = {}) {
    this.#handler = handler;
    this.#extensions = options.wire !== "muxado";
    this.#dataFlags = this.#extensions ? Flag.FIN | Flag.SYN | Flag.TYPED : Flag.FIN | Flag.SYN;
    const { maxDataLength = this.#extensions ? MAX_DATA_LENGTH : MAX_LENGTH, maxHeader = DEFAULT_MAX_HEADER, maxGoAwayDebug = DEFAULT_MAX_GOAWAY_DEBUG } = options;
    const base = [4, maxDataLength, 4, 8 + maxGoAwayDebug];
    this.#most = this.#extensions ? [...base, MAX_SETTINGS_LENGTH, 8, 1 + maxHeader, maxHeader, 4, 16, MAX_REASON_LENGTH] : base;
  }

  /** Bytes that the decoder itself holds: a part of a header, or the room for a control frame of which a part came. */
  get buffered(): number {
    return this.#partial === this.#head ? this.#filled : this.#partial.length;
  }

  /** Takes no more bytes: the rest of a chunk under way, and all later ones, are dropped, and the handler is not called again. May be called from inside it. */
  stop(): void {
    this.#stopped = true;
  }

  /** Decodes the next bytes of the connection. Throws {@link FrameError} at the first frame that breaks the format; the decoder is stopped then. */
  push(chunk: Uint8Array): void {
    try {
      this.#decode(chunk);
    } catch (error) {
      this.#stopped = true;
      throw error;
    }
  }

  #decode(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    while (at < end && !this.#stopped) {
      if (this.#mode === HEADER) {
        if (this.#filled === 0 && end - at >= HEADER_LENGTH) {
          this.#header(chunk, at);
          at += HEADER_LENGTH;
        } else {
          const taken = this.#gather(chunk, at, HEADER_LENGTH);
          at += taken;
          if (this.#filled < HEADER_LENGTH) return;
          this.#filled = 0;
          this.#header(this.#head, 0);
        }
        continue;
      }
      const piece = Math.min(this.#left, end - at);
      if (this.#mode === PAYLOAD) {
        this.counted += piece;
        this.#left -= piece;
        this.#handler.payload(chunk, at, at + piece);
        at += piece;
        if (this.#left === 0) {
          this.#mode = HEADER;
          this.#endData();
        }
      } else if (this.#mode === TYPE) {
        const taken = this.#gather(chunk, at, 4);
        at += taken;
        this.counted += taken;
        this.#left -= taken;
        if (this.#filled < 4) return;
        this.#filled = 0;
        this.#beginData(u32(this.#partial, 0));
      } else if (this.#mode === SKIP) {
        this.counted += piece;
        this.#left -= piece;
        at += piece;
        if (this.#left === 0) this.#mode = HEADER;
      } else {
        if (this.#counts) this.counted += piece;
        this.#left -= piece;
        if (this.#filled === 0 && this.#left === 0) {
          this.#mode = HEADER;
          this.#control(chunk, at, at + this.#length);
          at += piece;
        } else {
          if (this.#filled === 0) this.#partial = new Uint8Array(this.#length);
          this.#partial.set(chunk.subarray(at, at + piece), this.#filled);
          this.#filled += piece;
          at += piece;
          if (this.#left > 0) return;
          const whole = this.#partial;
          this.#partial = this.#head;
          this.#filled = 0;
          this.#mode = HEADER;
          this.#control(whole, 0, whole.length);
        }
      }
    }
  }

  /** Adds to the partial header or type up to `size` bytes in all; returns how many were taken. */
  #gather(chunk: Uint8Array, at: number, size: number): number {
    const taken = Math.min(size - this.#filled, chunk.length - at);
    for (let i = 0; i < taken; i++) this.#partial[this.#filled + i] = chunk[at + i] as number;
    this.#filled += taken;
    return taken;
  }

  #header(bytes: Uint8Array, at: number): void {
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    const type = (bytes[at + 3] as number) >> 4;
    const streamId = u32(bytes, at + 4) & 0x7fff_ffff;
    this.#length = this.#left = length;
    this.#type = type;
    this.#flags = (bytes[at + 3] as number) & 15;
    this.#streamId = streamId;
    const max = type === FrameType.OPEN && (this.#flags & Flag.UPDATE) !== 0 && this.#extensions ? 1 : this.#most[type];
    this.#counts = max === undefined || ((UNCOUNTED >> type) & 1) === 0;
    if (this.#counts) this.counted += HEADER_LENGTH;
    if (max === undefined) {
      if (length > MAX_UNKNOWN_LENGTH) throw new FrameError(WireCode.FRAME_SIZE, `a frame of unknown type ${type} with ${length} bytes`);
      this.#mode = length > 0 ? SKIP : HEADER;
      this.#handler.skipped(type, length);
      return;
    }
    if (length < (least[type] as number) || length > max) throw new FrameError(WireCode.FRAME_SIZE, `${typeNames[type] as string} of ${length} bytes`);
    if ((streamId === 0) !== (((ON_SESSION >> type) & 1) !== 0)) throw new FrameError(WireCode.PROTOCOL, `${typeNames[type] as string} on stream ${streamId}`);
    if (type !== FrameType.DATA) {
      this.#mode = length > 0 ? CONTROL : HEADER;
      if (length === 0) this.#control(this.#head, 0, 0);
    } else if ((this.#flags & Flag.TYPED) !== 0 && this.#extensions) {
      if ((this.#flags & Flag.SYN) === 0) throw new FrameError(WireCode.PROTOCOL, "TYPED without SYN");
      if (length < 4) throw new FrameError(WireCode.FRAME_SIZE, `a typed DATA of ${length} bytes`);
      this.#mode = TYPE;
    } else this.#beginData(-1);
  }

  #beginData(type: number): void {
    this.#mode = this.#left > 0 ? PAYLOAD : HEADER;
    this.#handler.data(this.#streamId, this.#flags & this.#dataFlags, this.#length, type);
    if (this.#left === 0) this.#endData();
  }

  #endData(): void {
    if (!this.#stopped) this.#handler.dataEnd();
  }

  #control(bytes: Uint8Array, at: number, end: number): void {
    const handler = this.#handler;
    switch (this.#type) {
      case FrameType.RST:
        handler.rst(this.#streamId, this.#extensions ? this.#flags & Flag.HALF : 0, u32(bytes, at));
        break;
      case FrameType.WNDINC: {
        const increment = u32(bytes, at) & 0x7fff_ffff;
        if (increment === 0) throw new FrameError(WireCode.PROTOCOL, "WNDINC of 0");
        handler.windowIncrement(this.#streamId, increment);
        break;
      }
      case FrameType.GOAWAY:
        // Not `slice`: of a Buffer that is a view, which would pin the chunk, or change with it.
        handler.goAway(u32(bytes, at) & 0x7fff_ffff, u32(bytes, at + 4), new Uint8Array(bytes.subarray(at + 8, end)));
        break;
      case FrameType.SETTINGS:
        handler.settings(decodeSettings(bytes.subarray(at, end)));
        break;
      case FrameType.PING:
        handler.ping((this.#flags & Flag.ACK) !== 0, u32(bytes, at), u32(bytes, at + 4));
        break;
      case FrameType.OPEN: {
        const urgency = bytes[at] as number;
        if (urgency > 7) throw new FrameError(WireCode.PROTOCOL, `OPEN with urgency ${urgency}`);
        handler.open(this.#streamId, (this.#flags & Flag.UPDATE) !== 0, urgency, bytes.subarray(at + 1, end));
        break;
      }
      case FrameType.ACCEPT:
        handler.accept(this.#streamId, bytes.subarray(at, end));
        break;
      case FrameType.STOP:
        handler.stop(this.#streamId, u32(bytes, at));
        break;
      case FrameType.LINK:
        handler.link(u53(bytes, at), u53(bytes, at + 8));
        break;
      default: {
        const node = (BigInt(u32(bytes, at + 4)) << 32n) | BigInt(u32(bytes, at + 8));
        handler.reason(this.#streamId, u32(bytes, at), node, utf8.decode(bytes.subarray(at + 12, end)));
      }
    }
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0
  );
}

function u53(bytes: Uint8Array, at: number): number {
  const high = u32(bytes, at);
  if (high >= 0x20_0000) throw new FrameError(WireCode.PROTOCOL, "LINK with a number of 2^53 or more");
  return high * 0x1_0000_0000 + u32(bytes, at + 4);
}
