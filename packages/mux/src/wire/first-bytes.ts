import { FrameError, FrameType, WireCode } from "@astranet/frame";

/** How many bytes tell one protocol from another. */
export const FIRST_BYTES = 4;

/** Whether a session of our own begins with these bytes: SETTINGS, of less than 64 KiB. Text never does. */
export function isSettings([a, , , d = 0]: Uint8Array): boolean {
  return a === 0 && d >> 4 === FrameType.SETTINGS;
}

/** What to tell who met a stranger. */
export function stranger(bytes: Uint8Array): FrameError {
  const met = JSON.stringify(String.fromCharCode(...bytes.subarray(0, FIRST_BYTES)));
  return new FrameError(WireCode.PROTOCOL, `the peer does not speak this wire: its first bytes are ${met} (for muxado pass { wire: muxado() }; a node is joined instead)`);
}
