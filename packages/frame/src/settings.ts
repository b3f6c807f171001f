import { WireCode } from "./error-code.ts";
import { FrameError } from "./frame-error.ts";
import { MAX_SETTINGS_LENGTH, MAX_WINDOW } from "./limits.ts";

/** The first bytes of a SETTINGS payload, so that a stranger's bytes are not taken for one. */
const MAGIC = "ASTR";

/** The protocol version of this package. */
export const PROTOCOL_VERSION = 1;

/** What one side tells the other in its first frame. */
export interface Settings {
  readonly version: number;
  /** Bit 0: REASON is understood. Bit 1: sessions can be resumed (reserved). */
  readonly features: number;
  /** Bytes that may be sent on a new stream. From 65,536 to 2^31 - 1. */
  readonly initialWindow: number;
  /** Bytes that may be under way on the link. At least 1,048,576. */
  readonly linkWindow: number;
  /** Streams that the peer may hold open. At least 1,024. */
  readonly maxStreams: number;
  /** Milliseconds without a byte after which the session is dead; 0: never. */
  readonly idleTimeoutMs: number;
  /** Longest header of OPEN and ACCEPT, in bytes. At least 1,024. */
  readonly maxHeader: number;
}

/** What holds until the peer's SETTINGS came; no advertised value may be lower, so that its arrival only ever adds. */
export const SETTINGS_FLOOR: Settings = {
  version: PROTOCOL_VERSION,
  features: 0,
  initialWindow: 65_536,
  linkWindow: 1_048_576,
  maxStreams: 1_024,
  idleTimeoutMs: 0,
  maxHeader: 1_024,
};

type Item = Exclude<keyof Settings, "version">;

/** Item ids 1–6, in this order; each value is big endian. Ids 7 and 8 are reserved for resuming. */
const items: readonly { readonly key: Item; readonly length: 2 | 4 }[] = [
  { key: "features", length: 4 },
  { key: "initialWindow", length: 4 },
  { key: "linkWindow", length: 4 },
  { key: "maxStreams", length: 4 },
  { key: "idleTimeoutMs", length: 4 },
  { key: "maxHeader", length: 2 },
];

/** Encodes a SETTINGS payload, without the frame's header. */
export function encodeSettings(settings: Settings): Uint8Array {
  const bytes = [0x41, 0x53, 0x54, 0x52, settings.version];
  items.forEach(({ key, length }, index) => {
    bytes.push(index + 1, length);
    for (let shift = 8 * length - 8; shift >= 0; shift -= 8) bytes.push((settings[key] >>> shift) & 255);
  });
  return Uint8Array.from(bytes);
}

/** Decodes a SETTINGS payload. Unknown ids are skipped; what is missing has its floor. Throws {@link FrameError}. */
export function decodeSettings(bytes: Uint8Array): Settings {
  if (bytes.length > MAX_SETTINGS_LENGTH) throw new FrameError(WireCode.FRAME_SIZE, `SETTINGS of ${bytes.length} bytes`);
  const version = bytes[4];
  if (version === undefined || String.fromCharCode(...bytes.subarray(0, 4)) !== MAGIC) throw malformed("does not begin with 'ASTR' and a version");
  if (version === 0) throw malformed("has version 0");
  const settings: { -readonly [K in keyof Settings]: Settings[K] } = { ...SETTINGS_FLOOR, version };
  const seen = new Set<number>();
  let at = 5;
  while (at < bytes.length) {
    const id = bytes[at] as number;
    const length = bytes[at + 1];
    const end = at + 2 + (length ?? 0);
    if (length === undefined || end > bytes.length) throw malformed(`ends inside item ${id}`);
    const item = items[id - 1];
    if (item !== undefined) {
      if (seen.has(id)) throw malformed(`repeats item ${id}`);
      seen.add(id);
      if (item.length !== length) throw malformed(`has item ${id} of ${length} bytes`);
      const value = bytes.subarray(at + 2, end).reduce((number, byte) => number * 256 + byte, 0);
      if (value < SETTINGS_FLOOR[item.key]) throw malformed(`has ${item.key} ${value}, below the floor of ${SETTINGS_FLOOR[item.key]}`);
      if (item.key === "initialWindow" && value > MAX_WINDOW)
        throw new FrameError(WireCode.FLOW_CONTROL, `SETTINGS has an initialWindow of ${value}, at most ${MAX_WINDOW} is possible`);
      settings[item.key] = value;
    }
    at = end;
  }
  return settings;
}

function malformed(what: string): FrameError {
  return new FrameError(WireCode.PROTOCOL, `SETTINGS ${what}`);
}
